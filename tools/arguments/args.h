// ArgReader: reads one JSON object of tool arguments strictly. Unknown members, wrong types and
// values out of range are errors that name the path, what was expected and what was got. The first
// error is kept in the ArgErrors that all readers of one call share; reading goes on with nothing,
// so that decoding code needs no check after each field. Borrows the JSON; one call, one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "base/text.h"  // Quoted

namespace casemate::tools {

// Keeps the first error of a call.
class ArgErrors {
 public:
  void Add(Error error) {
    if (!first_) {
      first_ = std::move(error);
    }
  }
  // "expected …, got …" for the field at `path`.
  void Expected(const std::string& path, std::string_view expected, std::string_view got,
                std::string remedy = {});
  [[nodiscard]] const std::optional<Error>& first() const { return first_; }

 private:
  std::optional<Error> first_;
};

// Type and, for numbers, value; never the text of a string, which may be a secret.
std::string DescribeJson(const nlohmann::json& value);

struct TextRule {
  std::size_t min_bytes = 0;
  std::size_t max_bytes = std::size_t{16} << 20;
  bool allow_nul = true;
};

class ArgReader {
 public:
  // `path` is the object's own path ("args", "args.limits"; empty: the document); `allowed` are its
  // members' names.
  ArgReader(const nlohmann::json& object, std::string path,
            std::span<const std::string_view> allowed, ArgErrors& errors);

  [[nodiscard]] bool Has(std::string_view name) const;
  // nullopt or null: absent, or wrong and recorded as an error.
  std::optional<std::string> Text(std::string_view name, const TextRule& rule = {});
  std::optional<std::int64_t> Integer(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<bool> Boolean(std::string_view name);
  std::optional<double> Number(std::string_view name, double min, double max);
  // One of `choices`.
  std::optional<std::string> Choice(std::string_view name,
                                    std::span<const std::string_view> choices);
  const nlohmann::json* Object(std::string_view name);
  const nlohmann::json* Array(std::string_view name, std::size_t max_items,
                              std::string_view expected);
  // "args.limits.pids"
  [[nodiscard]] std::string PathOf(std::string_view name) const;

 private:
  [[nodiscard]] const nlohmann::json* Find(std::string_view name) const;
  void CheckMembers(std::span<const std::string_view> allowed);

  const nlohmann::json& object_;
  std::string path_;
  ArgErrors& errors_;
};

// The string at `value`, checked by `rule`; records an error at `path` otherwise.
std::optional<std::string> ReadText(const nlohmann::json& value, const std::string& path,
                                    const TextRule& rule, ArgErrors& errors);

}  // namespace casemate::tools
