// ArgumentSchema: a tool's input schema, compiled once, and the check of a call's arguments against
// it. The verdict is valijson's; the words are ours, in the style of tools/args.h, and never show
// the value of a string, which may be a secret. Immutable after Compile; thread-safe; cheap to
// copy.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "tools/tool.h"

namespace casemate::tools {

inline constexpr std::size_t kMaxViolations = 32;

// One thing that is wrong with the arguments of a call.
struct Violation {
  std::string path;      // "args.limits.pids"
  std::string expected;  // "an integer from 1 to 32768"
  std::string got;       // "a string"
  std::string message;   // the sentence made of both, or "unknown member …"
  std::string remedy;    // what to do, such as the schema's own description; may be empty
};

class ArgumentSchema {
 public:
  // Errors: kInvalidArgument naming the path of what is not supported (schema_lint.h).
  static Result<ArgumentSchema> Compile(const nlohmann::json& schema);

  // All that is wrong, at most kMaxViolations, in the order of the arguments; empty: nothing is.
  // Time and memory grow with the size of `args` only.
  [[nodiscard]] std::vector<Violation> Check(const nlohmann::json& args) const;

 private:
  struct Compiled;
  explicit ArgumentSchema(std::shared_ptr<const Compiled> compiled);
  std::shared_ptr<const Compiled> compiled_;
};

// The result of a call with such arguments: kind "invalid_arguments", the first path as `field`,
// all of them in the message and, structured, as `violations`. Precondition: not empty.
ToolResult InvalidArguments(std::span<const Violation> violations);

}  // namespace casemate::tools
