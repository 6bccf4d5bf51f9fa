// Where policies come from: files, and what ships in the binary. Reads disk; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policies/engine/yaml_policy.h"

namespace casemate::policies {

inline constexpr std::size_t kMaxPolicyBytes = std::size_t{1} << 20;

// Whether `name` is that of a policy that ships, rather than of a file.
constexpr bool IsShippedName(std::string_view name) {
  return name.find('/') == std::string_view::npos && name.find('.') == std::string_view::npos;
}

// The text that `name` stands for: a file, relative to `directory` unless absolute, or the name of
// a policy that ships (a name without slash and dot); empty: the first of those. Errors: kNotFound
// naming the nearest; kPermissionDenied for a file that everybody may write to.
Result<PolicyText> FindPolicy(const std::string& name, const std::string& directory);
// Finds what a text extends: relative to the directory of its file.
PolicyReader FileReader();

// `name` as above, relative to the working directory, with all that it extends. `files` gets the
// path of each file read, in any case.
struct PolicySource {
  std::string name;
  std::span<const std::string> known_tools;
};
Result<std::unique_ptr<YamlPolicy>> LoadPolicy(const PolicySource& source,
                                               std::vector<std::string>* files = nullptr,
                                               std::vector<Error>* problems = nullptr);

}  // namespace casemate::policies
