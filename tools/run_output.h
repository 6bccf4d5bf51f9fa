// RunOutput: where a run's output goes while it runs (progress, spool), and how the reply and what
// is kept of it come about at the end. Borrows store and context; belongs to one call.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "sandbox/native/outcome.h"
#include "sandbox/native/runner.h"
#include "tools/progress_stream.h"
#include "tools/run_result.h"
#include "tools/run_store.h"
#include "tools/tool.h"

namespace casemate::tools {

class RunOutput : public sandbox::OutputSink {
 public:
  // Without a store nothing is kept.
  RunOutput(RunStore* store, const CallContext& context);
  void OnOutput(sandbox::Stream stream, std::string_view bytes) override;
  // The result of the call. The whole output is kept if the reply was cut or the run is a job; when
  // that fails, the result says so.
  ToolResult Finish(const sandbox::SandboxOutcome& outcome, RunFacts facts);

 private:
  [[nodiscard]] Result<ToolResult> Keep(const sandbox::SandboxOutcome& outcome, RunFacts facts);

  RunStore* const store_;
  const CallContext& context_;
  std::optional<ProgressStream> progress_;
  std::shared_ptr<RunSpool> spool_;
  std::array<std::int64_t, 2> told_ns_{};  // when watchers of each stream last heard of it
};

}  // namespace casemate::tools
