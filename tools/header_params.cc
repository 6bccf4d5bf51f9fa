#include "tools/header_params.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tools/arguments/args.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr const char* kKeyword = "x-mcp-header";

// RFC 9110, 5.6.2.
bool IsToken(std::string_view text) {
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kSigns.find(c) != std::string_view::npos;
  });
}

std::string Lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

bool IsPrimitive(const json& schema) {
  const auto type = schema.find("type");
  return type != schema.end() && (*type == "string" || *type == "integer" || *type == "boolean");
}

struct Place {
  const json* schema;
  std::string path;
  bool reached;  // by `properties` alone
};

Result<void> LintBinding(const Place& place, const json& name, std::set<std::string>& taken) {
  const std::string path = place.path + "." + kKeyword;
  if (!name.is_string() || !IsToken(name.get_ref<const std::string&>())) {
    return InvalidArgument(
        path, "expected the name of an HTTP header field (RFC 9110), got " + DescribeJson(name));
  }
  const auto& text = name.get_ref<const std::string&>();
  if (!taken.insert(Lower(text)).second) {
    return InvalidArgument(path, "expected a new name, got " + Quoted(text) + " again");
  }
  if (!place.reached) {
    return InvalidArgument(path, "expected a property that is reached by `properties` alone");
  }
  if (!IsPrimitive(*place.schema)) {
    return InvalidArgument(path, "expected it on a string, an integer or a boolean");
  }
  return {};
}

void PushChildren(const Place& place, std::vector<Place>& open) {
  if (place.schema->is_array()) {
    std::size_t number = 0;
    for (const json& item : *place.schema) {
      std::string path = place.path;
      path += '.';
      path += std::to_string(number++);
      open.push_back({&item, std::move(path), false});
    }
    return;
  }
  for (const auto& [key, value] : place.schema->items()) {
    std::string path = place.path;
    path += '.';
    path += key;
    if (key != "properties" || !value.is_object()) {
      open.push_back({&value, path, false});
      continue;
    }
    for (const auto& [name, property] : value.items()) {
      std::string below = path;
      below += '.';
      below += name;
      open.push_back({&property, std::move(below), place.reached});
    }
  }
}

// One object's properties, and the arguments for them.
struct Level {
  const json* schema;
  const json* arguments;  // null: there are none
  std::string prefix;     // "place."
};

const json* ValueOf(const json* arguments, const std::string& key) {
  if (arguments == nullptr || !arguments->is_object()) {
    return nullptr;
  }
  const auto found = arguments->find(key);
  return found == arguments->end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

Result<void> LintHeaderParams(const json& schema) {
  std::set<std::string> taken;
  std::vector<Place> open = {{&schema, "input_schema", true}};
  while (!open.empty()) {
    const Place place = std::move(open.back());
    open.pop_back();
    if (place.schema->is_object()) {
      if (const auto name = place.schema->find(kKeyword); name != place.schema->end()) {
        if (auto linted = LintBinding(place, *name, taken); !linted) {
          return linted;
        }
      }
    }
    if (place.schema->is_structured()) {
      PushChildren(place, open);
    }
  }
  return {};
}

void VisitHeaderParams(const json& schema, const json& arguments, const HeaderParamVisitor& visit) {
  std::vector<Level> open = {{&schema, &arguments, {}}};
  while (!open.empty()) {
    const Level level = std::move(open.back());
    open.pop_back();
    const auto properties = level.schema->find("properties");
    if (properties == level.schema->end() || !properties->is_object()) {
      continue;
    }
    for (const auto& [key, property] : properties->items()) {
      if (!property.is_object()) {
        continue;
      }
      std::string path = level.prefix;
      path += key;
      const json* value = ValueOf(level.arguments, key);
      const auto name = property.find(kKeyword);
      if (name != property.end() && name->is_string() &&
          !visit(name->get_ref<const std::string&>(), path, value)) {
        return;
      }
      path += '.';
      open.push_back({&property, value, std::move(path)});
    }
  }
}

}  // namespace casemate::tools
