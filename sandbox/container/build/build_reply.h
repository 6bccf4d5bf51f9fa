// BuildReply: the answer of POST /build, line by line, in any of the forms that engines have. Owned
// by one exchange.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "sandbox/container/build/build_events.h"
#include "sandbox/container/build/line_steps.h"
#include "sandbox/container/build/step_book.h"
#include "sandbox/container/build/vertex_steps.h"
#include "sandbox/container/engine/json_lines.h"

namespace casemate::container {

class BuildReply {
 public:
  BuildReply(const BuildSink& sink, std::size_t max_log_bytes);
  BuildReply(const BuildReply&) = delete;
  BuildReply& operator=(const BuildReply&) = delete;

  // Bytes as they come; false: it is no answer to a build, and End says why.
  bool Feed(std::string_view bytes) { return lines_.Feed(bytes); }
  // What the answer said, when it is over.
  // Errors: kInternal, kResourceExhausted for an answer that is none; kUnavailable when it ends
  // without saying how the build did.
  Result<BuildResult> End();
  void Note(std::string_view text) { book_.Note(text); }
  // Whether the answer was one of an engine without BuildKit.
  [[nodiscard]] bool has_lines() const { return line_steps_.has_begun(); }

 private:
  bool TakeLine(const nlohmann::json& line);
  bool TakeAux(const nlohmann::json& line);

  StepBook book_;
  VertexSteps vertex_steps_;
  LineSteps line_steps_;
  JsonLines lines_;
  std::string image_id_;
  std::string error_;
  int exit_code_ = 0;
  bool failed_ = false;
  std::optional<Error> broken_;
};

// The exit code at the end of what engines say of a command that failed: "exit code: 7".
std::optional<int> ExitCodeOf(std::string_view error);

}  // namespace casemate::container
