#include "tools/run_output.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "tools/job.h"
#include "tools/output_text.h"

namespace casemate::tools {

using sandbox::SandboxOutcome;
using sandbox::Stream;

namespace {

constexpr std::int64_t kTellNs = 1'000'000'000;  // watchers hear of a stream once a second at most

}  // namespace

RunOutput::RunOutput(RunStore* store, const CallContext& context)
    : store_(store), context_(context) {
  if (context.progress != nullptr) {
    progress_.emplace(*context.progress);
  }
  if (store != nullptr) {
    spool_ = store->Begin(context.job != nullptr ? context.job->id : NewRunId(),
                          OwnerOf(context.principal), context.untrusted);
  }
}

void RunOutput::OnOutput(Stream stream, std::string_view bytes) {
  if (spool_) {
    spool_->OnOutput(stream, bytes);
    const std::int64_t now = MonotonicNs();
    std::int64_t& told = told_ns_.at(stream == Stream::kStdout ? 0 : 1);
    if (context_.job != nullptr && now - told >= kTellNs) {
      told = now;
      store_->NotifyOutput(spool_->id(), stream, false);
    }
  }
  if (progress_) {
    progress_->OnOutput(stream, bytes);
  }
  if (context_.output != nullptr) {
    context_.output->OnOutput(stream, bytes);
  }
}

Result<ToolResult> RunOutput::Keep(const SandboxOutcome& outcome, RunFacts facts) {
  if (auto flushed = spool_->Flush(); !flushed) {
    return std::move(flushed).error();
  }
  facts.kept =
      KeptOutput{spool_->id(), spool_->held(Stream::kStdout), spool_->held(Stream::kStderr)};
  ToolResult result = MakeRunResult(outcome, facts);
  if (context_.untrusted) {
    result.structured["untrusted"] = true;  // whoever reads this one alone
  }
  if (auto kept = store_->Keep(*spool_, DumpJson(result.structured)); !kept) {
    return std::move(kept).error();
  }
  store_->NotifyOutput(spool_->id(), Stream::kStdout, false);
  store_->NotifyOutput(spool_->id(), Stream::kStderr, true);
  return result;
}

ToolResult RunOutput::Finish(const SandboxOutcome& outcome, RunFacts facts) {
  if (progress_) {
    progress_->Finish();
  }
  const bool cut = outcome.out.truncated() || outcome.err.truncated();
  const bool is_job = context_.job != nullptr && context_.job->listed;
  if (spool_ && (cut || is_job)) {
    auto kept = Keep(outcome, facts);
    if (kept) {
      return *std::move(kept);
    }
    Log(LogLevel::kWarning, "cannot keep a run's output: " + Describe(kept.error()));
    facts.not_kept = kept.error().message;
  }
  facts.is_streamed = context_.output != nullptr;
  ToolResult result = MakeRunResult(outcome, facts);
  if (context_.raw_output) {
    result.raw = RawOutput{StreamBytes(outcome.out), StreamBytes(outcome.err)};
  }
  return result;
}

}  // namespace casemate::tools
