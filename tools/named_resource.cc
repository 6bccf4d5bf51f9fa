#include "tools/named_resource.h"

#include "base/text.h"
#include "tools/arguments/args.h"
#include "tools/resource_reader.h"

namespace casemate::tools {

std::string_view NameInUri(std::string_view uri, std::string_view prefix) {
  return uri.starts_with(prefix) ? uri.substr(prefix.size()) : std::string_view();
}

Error NoSuchName(std::string_view kind, std::string_view name,
                 std::span<const std::string_view> names) {
  Error error{ErrorCode::kNotFound,
              "expected " + std::string(kind) + ", got " + Quoted(name),
              "uri",
              {},
              0};
  if (const auto nearest = NearestName(name, names)) {
    error.message += "; did you mean `" + *nearest + "`?";
  }
  const std::vector<std::string> shown(names.begin(), names.end());
  error.remedy = "use one of: " + Join(shown, ", ");
  return error;
}

std::vector<std::string> NamesWithPrefix(std::span<const std::string_view> names,
                                         std::string_view prefix) {
  std::vector<std::string> found;
  for (const std::string_view name : names) {
    if (name.starts_with(prefix) && found.size() < kMaxCompletions) {
      found.emplace_back(name);
    }
  }
  return found;
}

}  // namespace casemate::tools
