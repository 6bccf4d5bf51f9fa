// TOML documents, by toml++, as JSON.
#include <sstream>

#include <nlohmann/json.hpp>

#include "base/toml.h"
#include "tools/analysis/documents.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

template <typename Value>
std::string Written(const Value& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

json ToJson(const toml::node& node);  // NOLINT(misc-no-recursion)

// The parser bounds how deep tables and arrays lie in each other.
// NOLINTBEGIN(misc-no-recursion)
json TableToJson(const toml::table& table) {
  json object = json::object();
  for (const auto& [key, value] : table) {
    object[std::string(key.str())] = ToJson(value);
  }
  return object;
}

json ArrayToJson(const toml::array& array) {
  json list = json::array();
  for (const toml::node& item : array) {
    list.push_back(ToJson(item));
  }
  return list;
}

json ToJson(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return TableToJson(*node.as_table());
    case toml::node_type::array:
      return ArrayToJson(*node.as_array());
    case toml::node_type::string:
      return node.as_string()->get();
    case toml::node_type::integer:
      return node.as_integer()->get();
    case toml::node_type::floating_point:
      return node.as_floating_point()->get();
    case toml::node_type::boolean:
      return node.as_boolean()->get();
    case toml::node_type::date:
      return Written(node.as_date()->get());
    case toml::node_type::time:
      return Written(node.as_time()->get());
    case toml::node_type::date_time:
      return Written(node.as_date_time()->get());
    case toml::node_type::none:
      break;
  }
  return nullptr;
}
// NOLINTEND(misc-no-recursion)

}  // namespace

json ReadTomlFile(const SourceTree& tree, std::string_view path) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return nullptr;
  }
  const toml::parse_result parsed = toml::parse(*text);
  if (parsed.succeeded()) {
    return TableToJson(parsed.table());
  }
  const toml::parse_error& wrong = parsed.error();
  tree.Note(std::string(path) + " is damaged: " + std::string(wrong.description()) + " at line " +
            std::to_string(wrong.source().begin.line));
  return nullptr;
}

}  // namespace casemate::analysis
