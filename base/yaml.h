// Strict reading of YAML 1.2 documents on top of yaml-cpp: duplicate keys, aliases beyond a bound,
// excess depth and unknown keys are errors with file, line and column. Not thread-safe; load-time
// only. yaml-cpp throws: nothing of that leaves this file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate {

// One node of a loaded document. Cheap to copy.
class YamlNode {
 public:
  enum class Kind { kNull, kScalar, kSequence, kMap };
  struct Data;  // plain tree, fully checked at load
  explicit YamlNode(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

  [[nodiscard]] Kind kind() const;
  // "file:line:column" of this node, 1-based.
  [[nodiscard]] std::string Where() const;
  [[nodiscard]] std::vector<YamlNode> Items() const;    // of a sequence; else empty
  [[nodiscard]] std::vector<std::string> Keys() const;  // of a map, in file order
  [[nodiscard]] std::optional<YamlNode> Get(std::string_view key) const;  // of a map
  // Typed scalars. Errors name Where(), what was expected and what was got. Integers are decimal
  // only (012 and 0x1f are refused), booleans are true/false only.
  [[nodiscard]] Result<std::string> AsString() const;
  [[nodiscard]] Result<std::int64_t> AsInt() const;
  [[nodiscard]] Result<double> AsNumber() const;
  [[nodiscard]] Result<bool> AsBool() const;
  [[nodiscard]] bool IsQuoted() const;  // a quoted scalar is always a string
  // Error naming the first unknown key and the nearest of `allowed`.
  [[nodiscard]] Result<void> OnlyKeys(std::vector<std::string_view> allowed) const;

 private:
  std::shared_ptr<const Data> data_;
};

Result<YamlNode> ParseYaml(std::string_view text, const std::string& origin);

}  // namespace casemate
