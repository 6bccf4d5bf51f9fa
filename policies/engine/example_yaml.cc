#include "policies/engine/example_yaml.h"

#include <array>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "policies/engine/yaml_fields.h"

namespace casemate::policies {

namespace {

Result<void> ReadList(const YamlNode& list, bool expected, Rule& rule) {
  if (list.Items().empty()) {
    return ErrorAt(list, "expected a list of one or more example calls");
  }
  for (const YamlNode& item : list.Items()) {
    auto call = ReadCall(item);
    if (!call) {
      return call.error();
    }
    const PolicyInput input = call->input();
    if (rule.Matches(input, Attributes(input)) != expected) {
      return ErrorAt(item, "rule `" + rule.id + "` " + (expected ? "does not match" : "matches") +
                               " this example of `" + (expected ? "match" : "not_match") + "`");
    }
    rule.examples.push_back({*std::move(call), expected, item.Where()});
  }
  return {};
}

}  // namespace

Result<void> ReadExamples(const YamlNode& rule_node, Rule& rule) {
  constexpr std::array<std::pair<std::string_view, bool>, 2> kLists = {
      {{"match", true}, {"not_match", false}}};
  for (const auto& [key, expected] : kLists) {
    if (const auto list = rule_node.Get(key)) {
      if (auto read = ReadList(*list, expected, rule); !read) {
        return read;
      }
    }
  }
  return {};
}

}  // namespace casemate::policies
