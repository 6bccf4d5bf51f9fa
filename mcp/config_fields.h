// Reading single values of the configuration: scalars, lists and paths. Called before any thread
// starts (the environment). Errors name the place, what was expected and what was got.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/yaml.h"

namespace casemate {

// Empty when the variable is not set.
std::string Environment(const char* name);
// With `~` and `~/` replaced by the home directory.
Result<std::string> ExpandHome(const std::string& path);
// Relative to the working directory.
Result<std::string> Absolute(const std::string& path);

// Each leaves `target` as it is when `map` has no such key.
Result<void> ReadText(const YamlNode& map, std::string_view key, std::string& target);
Result<void> ReadFlag(const YamlNode& map, std::string_view key, bool& target);
Result<void> ReadSize(const YamlNode& map, std::string_view key, std::int64_t low,
                      std::int64_t high, std::size_t& target);
// A path that is absolute or begins with `~/`.
Result<void> ReadPath(const YamlNode& map, std::string_view key, std::string& target);
// A list of texts, of which each must pass `check`, given where it stands.
using TextCheck = std::function<Result<void>(const std::string& where, const std::string& text)>;
Result<void> ReadTexts(const YamlNode& map, std::string_view key, const TextCheck& check,
                       std::vector<std::string>& target);
// Calls `read` with the map under `key`, if there is one, which may have no other keys than these.
Result<void> ReadSection(const YamlNode& map, std::string_view key,
                         std::vector<std::string_view> keys,
                         const std::function<Result<void>(const YamlNode& section)>& read);

// Runs steps until the first that fails.
class Steps {
 public:
  template <typename Step>
  Steps& Then(Step&& step) {
    if (done_) {
      done_ = step();
    }
    return *this;
  }
  Result<void> Take() { return std::move(done_); }

 private:
  Result<void> done_;
};

}  // namespace casemate
