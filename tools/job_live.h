// LiveJob: a call on one of the JobRunner's threads, from the moment it is accepted to its end. It
// is the call's progress sink, log and asker: what comes goes to the original caller as long as
// that one waits, afterwards to whoever follows the job. Thread-safe; held by shared_ptr.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "tools/executor.h"
#include "tools/job.h"
#include "tools/tool.h"

namespace casemate::tools {

class LiveJob : public ProgressSink, public LogSink, public Asker {
 public:
  // Called when the status of a listed job changes between working and input_required, without a
  // lock held.
  using OnStatus = std::function<void(const LiveJob&)>;

  LiveJob(AdmittedCall call, const JobOrigin& origin, std::chrono::milliseconds ask_time,
          OnStatus on_status);

  [[nodiscard]] const std::string& id() const { return mark_.id; }
  [[nodiscard]] const std::string& owner() const { return owner_; }
  [[nodiscard]] AdmittedCall& call() { return call_; }
  // For ToolExecutor::Finish.
  [[nodiscard]] CallContext MakeContext();
  [[nodiscard]] JobView View() const;

  // Asks it to end. The first reason stays.
  void Stop(std::string reason);
  // Why it was asked to end; nullopt: it was not.
  [[nodiscard]] std::optional<std::string> stop_reason() const;

  // Whether others than the original caller may know of it.
  [[nodiscard]] bool listed() const { return mark_.listed.load(); }
  // Makes it durable by `insert`; from then on nothing of the caller is used. False: it has ended.
  Result<bool> List(const std::function<Result<void>(JobView&)>& insert);
  // Call before it runs: until it is listed or TakeResult is called, it uses the caller's sinks and
  // asker (each may be null).
  void SetCaller(const CallContext& caller);
  // Returns when it ended or was asked to, when `time` is over, or when it asks and the caller has
  // no asker. `stop` ends it.
  void AwaitDeferral(const std::stop_token& stop, std::chrono::milliseconds time);
  // `on_cancel` is called once it is asked to end, if it has not ended by then.
  void AwaitEnd(const std::stop_token& stop, const std::function<void()>& on_cancel);
  // True: nobody else will publish its end, for it was not listed; it has ended now.
  bool EndUnlisted(const JobView& ended);
  void EndListed(const JobView& ended);
  // Its end, after EndListed, could not be stored; only this process knows it.
  void KeepInMemory() { kept_in_memory_ = true; }
  [[nodiscard]] bool kept_in_memory() const { return kept_in_memory_; }
  // The result of a call that ended unlisted.
  [[nodiscard]] ToolResult TakeResult();

  // Until it ended, waits for answers, `time` is over, or `stop`; not at all while too many wait.
  JobView WaitFor(std::chrono::milliseconds time, const std::stop_token& stop) const;
  // Errors: kInvalidArgument.
  Result<void> Answer(const nlohmann::json& answers);
  [[nodiscard]] std::string ReportedText() const;

  void Report(double progress, std::optional<double> total, std::string_view message) override;
  void Write(Severity severity, std::string_view logger, const nlohmann::json& data) override;
  [[nodiscard]] bool Supports(AskKind kind) const override;
  Result<Answers> Ask(const std::vector<Question>& questions) override;

 private:
  struct Caller {
    ProgressSink* progress = nullptr;
    LogSink* log = nullptr;
    Asker* asker = nullptr;
  };
  Result<Answers> AskAsJob(const std::vector<Question>& questions);
  Result<Answers> AskFollower(const std::vector<Question>& questions);
  Result<Answers> AwaitAnswers(std::unique_lock<std::mutex>& lock,
                               const std::map<std::string, std::string>& names);
  std::string FreshKey(const std::string& key);
  void Touch();

  AdmittedCall call_;
  const policies::Principal principal_;
  const std::string channel_;
  const std::set<AskKind> may_ask_;
  const Answers answered_;
  const std::string owner_;
  const std::chrono::milliseconds ask_time_;
  const OnStatus on_status_;
  JobMark mark_;
  std::stop_source stop_;
  std::atomic<bool> kept_in_memory_ = false;

  mutable std::mutex mutex_;
  mutable std::condition_variable_any changed_;
  JobView view_;  // guarded by mutex_, as are all below
  std::optional<std::string> stop_reason_;
  std::optional<Caller> caller_;  // there as long as the original caller waits
  int asking_caller_ = 0;         // threads inside caller_->asker
  bool wants_listing_ = false;    // it asks, and only a job's follower can answer
  bool ended_ = false;
  std::string reported_;
  Answers answers_;
  std::set<std::string> used_keys_;
};

}  // namespace casemate::tools
