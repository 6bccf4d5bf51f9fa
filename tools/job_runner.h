// JobRunner: runs admitted calls on threads of its own, as jobs that their callers follow by id.
// A job's row is on disk before anybody learns its id. Thread-safe. Borrows executor, store, runs
// and changes, which must outlive it; Shutdown (or destruction) cancels what runs and waits for it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/fair_pool.h"
#include "base/result.h"
#include "tools/changes.h"
#include "tools/executor.h"
#include "tools/job.h"
#include "tools/job_store.h"

namespace casemate::tools {

class LiveJob;

struct JobOptions {
  std::size_t max_running = 32;                 // jobs that work at once
  std::size_t max_running_each = 32;            // of these for one principal
  std::size_t max_queued = 256;                 // jobs that wait for a thread
  std::size_t max_per_principal = 64;           // running and waiting
  std::chrono::milliseconds ask_time{600'000};  // a client may take to answer a question
};

class JobRunner {
 public:
  // What became of a call: it ended (or could not be made a job, is_error), or it goes on as a job.
  using Started = std::variant<ToolResult, JobView>;

  JobRunner(ToolExecutor& executor, JobStore& store, Changes* changes, JobOptions options = {});
  ~JobRunner();
  JobRunner(const JobRunner&) = delete;
  JobRunner& operator=(const JobRunner&) = delete;

  // Makes the call a job at once. A call that cannot become one is recorded as not run.
  Started Start(AdmittedCall call, const JobOrigin& origin);
  // Runs the call for `time`; what has not ended by then becomes a job. Until then the call uses
  // `context`: its sinks, its asker and its stop token; afterwards nothing of it. With a null
  // asker, a call that asks becomes a job at once, and asks as one.
  Started RunOrDefer(AdmittedCall call, const JobOrigin& origin, CallContext& context,
                     std::chrono::milliseconds time);

  // All below: kNotFound for what is not `principal`'s.
  [[nodiscard]] Result<JobView> Get(std::string_view id, const policies::Principal& principal);
  // `answers`: {key: the client's result}. Keys that nobody waits for are ignored. Errors:
  // kInvalidArgument for an answer that is no object; kUnavailable when it runs in another server.
  Result<void> Update(std::string_view id, const policies::Principal& principal,
                      const nlohmann::json& answers);
  // Asks it to end; one that has ended is left as it is. Errors: kUnavailable as above.
  Result<void> Cancel(std::string_view id, const policies::Principal& principal);
  // Returns when the job has ended or waits for answers, after `time` at the latest, or on `stop`.
  Result<JobView> WaitFor(std::string_view id, const policies::Principal& principal,
                          std::chrono::milliseconds time, const std::stop_token& stop = {});
  // The last 64 KiB of what a running job has reported; empty when it does not run here.
  [[nodiscard]] std::string ReportedText(std::string_view id, const policies::Principal& principal);
  [[nodiscard]] std::vector<std::string> Complete(std::string_view prefix,
                                                  const policies::Principal& principal);
  // Nothing new is begun; what waits or runs is cancelled with that reason.
  void Shutdown();

 private:
  using JobPtr = std::shared_ptr<LiveJob>;

  void StoreEnded();
  [[nodiscard]] Result<void> CheckRoom(const std::string& owner) const;
  // Takes a place among the jobs. Errors: kResourceExhausted, kUnavailable; `call` is untouched
  // then.
  Result<JobPtr> Admit(AdmittedCall& call, const JobOrigin& origin);
  // Hands it to a thread.
  void Enqueue(const JobPtr& job);
  void RunOne(const JobPtr& job);
  void End(const JobPtr& job, ToolResult result);
  void Remove(const JobPtr& job);
  void OnStatus(const LiveJob& job);
  void Announce(const std::string& id);
  [[nodiscard]] JobPtr FindLive(std::string_view id, const std::string& owner) const;

  ToolExecutor& executor_;
  JobStore& store_;
  Changes* const changes_;
  const JobOptions options_;

  mutable std::mutex mutex_;
  std::map<std::string, JobPtr, std::less<>> live_;  // waiting or running, by id; guarded by mutex_
  bool closed_ = false;                              // guarded by mutex_
  FairPool pool_;                                    // last: its threads use all of the above
};

}  // namespace casemate::tools
