#include "tools/package/manifest_diff.h"

#include <algorithm>
#include <set>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace casemate::package {
namespace {

using nlohmann::json;
using Changes = std::vector<ManifestChange>;

bool AreNamed(const json& array) {
  return !array.empty() && std::ranges::all_of(array, [](const json& element) {
    return element.is_object() && element.contains("name") && element["name"].is_string();
  });
}

const json* Named(const json& array, const std::string& name) {
  for (const json& element : array) {
    if (element["name"] == name) {
      return &element;
    }
  }
  return nullptr;
}

std::vector<std::string> NamesOf(const json& array) {
  std::vector<std::string> names;
  for (const json& element : array) {
    names.push_back(element["name"].get<std::string>());
  }
  return names;
}

void Compare(const json* before, const json* after, const std::string& path, Changes& changes);

// NOLINTNEXTLINE(misc-no-recursion): who reads JSON bounds its depth
void CompareObjects(const json& before, const json& after, const std::string& path,
                    Changes& changes) {
  std::set<std::string> names;
  for (const json* object : {&before, &after}) {
    for (const auto& [name, value] : object->items()) {
      names.insert(name);
    }
  }
  const auto member = [](const json& object, const std::string& name) -> const json* {
    const auto found = object.find(name);
    return found == object.end() ? nullptr : &*found;
  };
  for (const std::string& name : names) {
    std::string inner = path.empty() ? "" : path + ".";
    inner += name;
    Compare(member(before, name), member(after, name), inner, changes);
  }
}

// NOLINTNEXTLINE(misc-no-recursion): who reads JSON bounds its depth
void CompareNamed(const json& before, const json& after, const std::string& path,
                  Changes& changes) {
  const auto first = NamesOf(before);
  const auto second = NamesOf(after);
  std::set<std::string> names(first.begin(), first.end());
  names.insert(second.begin(), second.end());
  for (const std::string& name : names) {
    std::string inner = path + "[";
    inner.append(name).append("]");
    Compare(Named(before, name), Named(after, name), inner, changes);
  }
  if (first != second &&
      std::is_permutation(first.begin(), first.end(), second.begin(), second.end())) {
    changes.push_back({ManifestChange::Kind::kChanged, path + " (order)", DumpJson(json(first)),
                       DumpJson(json(second))});
  }
}

// NOLINTNEXTLINE(misc-no-recursion): who reads JSON bounds its depth
void Compare(const json* before, const json* after, const std::string& path, Changes& changes) {
  if (before == nullptr || after == nullptr) {
    changes.push_back(
        {before == nullptr ? ManifestChange::Kind::kAdded : ManifestChange::Kind::kRemoved, path,
         before == nullptr ? "" : DumpJson(*before), after == nullptr ? "" : DumpJson(*after)});
  } else if (before->is_object() && after->is_object()) {
    CompareObjects(*before, *after, path, changes);
  } else if (before->is_array() && after->is_array() && AreNamed(*before) && AreNamed(*after)) {
    CompareNamed(*before, *after, path, changes);
  } else if (*before != *after) {
    changes.push_back({ManifestChange::Kind::kChanged, path, DumpJson(*before), DumpJson(*after)});
  }
}

}  // namespace

std::vector<ManifestChange> DiffManifests(const json& before, const json& after) {
  json first = before;
  json second = after;
  first.erase("$schema");
  second.erase("$schema");
  Changes changes;
  Compare(&first, &second, "", changes);
  return changes;
}

}  // namespace casemate::package
