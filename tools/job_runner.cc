#include "tools/job_runner.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "tools/job_live.h"
#include "tools/output_text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kPollTime{250};  // of what only another server's process knows at once
constexpr std::size_t kMessageBytes = 200;
constexpr const char* kShutDown = "the server was shut down";

std::string FirstLine(const std::string& text) {
  const std::string line = ToValidUtf8(text.substr(0, text.find('\n')));
  return std::string(Utf8Prefix(line, kMessageBytes));
}

// What waits is bounded by Admit; a job that asks keeps its place among those.
FairPoolLimits LimitsOf(const JobOptions& options) {
  const std::size_t all = options.max_running + options.max_queued;
  return {.working = options.max_running,
          .working_each = options.max_running_each,
          .queued = all,
          .queued_each = all,
          .aside = all,
          .aside_each = all};
}

Error ElsewhereError() {
  return Error{ErrorCode::kUnavailable,
               "the job runs in another server process",
               {},
               "use the client that started it, or wait until it ends",
               0};
}

}  // namespace

JobRunner::JobRunner(ToolExecutor& executor, JobStore& store, Changes* changes, JobOptions options)
    : executor_(executor),
      store_(store),
      changes_(changes),
      options_(options),
      pool_(LimitsOf(options)) {}

JobRunner::~JobRunner() {
  Shutdown();
}

// What could not be stored when it ended, for want of space perhaps, is tried again.
void JobRunner::StoreEnded() {
  std::vector<JobPtr> ended;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, job] : live_) {
      if (job->kept_in_memory()) {
        ended.push_back(job);
      }
    }
  }
  for (const JobPtr& job : ended) {
    if (!store_.Update(job->View())) {
      return;
    }
    Remove(job);
  }
}

Result<void> JobRunner::CheckRoom(const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  if (closed_) {
    return Error{ErrorCode::kUnavailable, "the server is shutting down", {}, {}, 0};
  }
  const auto own = static_cast<std::size_t>(std::ranges::count_if(
      live_, [&](const auto& entry) { return entry.second->owner() == owner; }));
  if (own >= options_.max_per_principal ||
      live_.size() >= options_.max_running + options_.max_queued) {
    return Error{ErrorCode::kResourceExhausted,
                 "too many background jobs: " + std::to_string(own) + " of yours, " +
                     std::to_string(live_.size()) + " in all",
                 {},
                 "wait for one to end (job_status) or cancel one (job_cancel)",
                 0};
  }
  return {};
}

Result<JobRunner::JobPtr> JobRunner::Admit(AdmittedCall& call, const JobOrigin& origin) {
  const std::string owner = OwnerOf(origin.principal);
  auto room = CheckRoom(owner);
  if (!room && room.error().code == ErrorCode::kResourceExhausted) {
    StoreEnded();
    room = CheckRoom(owner);
  }
  if (!room) {
    return std::move(room).error();
  }
  auto job = std::make_shared<LiveJob>(std::move(call), origin, options_.ask_time,
                                       [this](const LiveJob& live) { OnStatus(live); });
  const std::lock_guard lock(
      mutex_);  // calls at once may go beyond the limits by as many as they are
  live_.emplace(job->id(), job);
  return job;
}

JobRunner::Started JobRunner::Start(AdmittedCall call, const JobOrigin& origin) {
  auto job = Admit(call, origin);
  if (!job) {
    return executor_.Abandon(call, job.error());
  }
  auto listed = (*job)->List([this](JobView& view) { return store_.Insert(view); });
  if (!listed) {
    Remove(*job);
    return executor_.Abandon((*job)->call(), listed.error());
  }
  JobView view = (*job)->View();
  Enqueue(*job);
  Announce(view.id);
  return view;
}

JobRunner::Started JobRunner::RunOrDefer(AdmittedCall call, const JobOrigin& origin,
                                         CallContext& context, milliseconds time) {
  auto job = Admit(call, origin);
  if (!job) {
    return executor_.Finish(call, context);  // the caller's own thread is always there
  }
  (*job)->SetCaller(context);
  Enqueue(*job);
  (*job)->AwaitDeferral(context.stop, time);
  if (!context.stop.stop_requested()) {
    auto listed = (*job)->List([this](JobView& view) { return store_.Insert(view); });
    if (listed && *listed) {
      JobView view = (*job)->View();
      Announce(view.id);
      return view;
    }
    if (!listed) {
      Log(LogLevel::kWarning, "a call stays in the foreground: " + Describe(listed.error()));
    }
  }
  (*job)->AwaitEnd(context.stop, [&] {
    if (pool_.Withdraw((*job)->owner(), job->get())) {  // it waits for a thread: it need not
      RunOne(*job);
    }
  });
  return (*job)->TakeResult();
}

void JobRunner::Enqueue(const JobPtr& job) {
  if (!pool_.Submit(job->owner(), [this, job] { RunOne(job); }, job.get())) {
    job->Stop(kShutDown);
    RunOne(job);
  }
}

void JobRunner::RunOne(const JobPtr& job) {
  try {
    if (const auto reason = job->stop_reason()) {
      End(job, executor_.Abandon(job->call(), Error{ErrorCode::kCancelled, *reason, {}, {}, 0}));
      return;
    }
    CallContext context = job->MakeContext();
    End(job, executor_.Finish(job->call(), context));
  } catch (const std::exception& error) {
    Log(LogLevel::kError, "a job was lost: " + std::string(error.what()));
  }
}

void JobRunner::End(const JobPtr& job, ToolResult result) {
  JobView ended = job->View();
  const auto reason = job->stop_reason();
  const bool cancelled = reason && result.is_error;
  ended.status = cancelled ? JobStatus::kCancelled : JobStatus::kCompleted;
  ended.status_message = cancelled ? reason.value_or("") : FirstLine(result.text);
  ended.questions.clear();
  ended.updated_ms = std::max(ended.updated_ms, WallClockMs());
  ended.result = std::move(result);
  if (job->EndUnlisted(ended)) {
    Remove(job);
    return;
  }
  // On disk before anybody sees it.
  const auto stored = store_.Update(ended);
  job->EndListed(ended);
  if (stored) {
    Remove(job);
  } else {
    // It stays in memory: this process can still tell.
    job->KeepInMemory();
    Log(LogLevel::kError, "cannot store the end of a job: " + Describe(stored.error()));
  }
  Announce(job->id());
}

void JobRunner::Remove(const JobPtr& job) {
  const std::lock_guard lock(mutex_);
  live_.erase(job->id());
}

void JobRunner::OnStatus(const LiveJob& job) {
  if (auto stored = store_.Update(job.View()); !stored) {
    Log(LogLevel::kWarning, "cannot store a job's status: " + Describe(stored.error()));
  }
  Announce(job.id());
}

void JobRunner::Announce(const std::string& id) {
  if (changes_ != nullptr) {
    changes_->Announce({Change::Kind::kJob, id});
  }
}

JobRunner::JobPtr JobRunner::FindLive(std::string_view id, const std::string& owner) const {
  const std::lock_guard lock(mutex_);
  const auto found = live_.find(id);
  const bool visible =
      found != live_.end() && found->second->listed() && found->second->owner() == owner;
  return visible ? found->second : nullptr;
}

Result<JobView> JobRunner::Get(std::string_view id, const policies::Principal& principal) {
  const std::string owner = OwnerOf(principal);
  if (const auto live = FindLive(id, owner)) {
    return live->View();
  }
  auto found = store_.Find(id, owner);
  return found ? Result<JobView>(std::move(found->job)) : Result<JobView>(std::move(found).error());
}

Result<void> JobRunner::Update(std::string_view id, const policies::Principal& principal,
                               const json& answers) {
  if (!answers.is_object()) {
    return InvalidArgument({}, "expected an object of answers by key");
  }
  const std::string owner = OwnerOf(principal);
  if (const auto live = FindLive(id, owner)) {
    return live->Answer(answers);
  }
  const auto found = store_.Find(id, owner);
  if (!found) {
    return found.error();
  }
  return HasEnded(found->job.status) ? Result<void>() : Result<void>(ElsewhereError());
}

Result<void> JobRunner::Cancel(std::string_view id, const policies::Principal& principal) {
  const std::string owner = OwnerOf(principal);
  if (const auto live = FindLive(id, owner)) {
    live->Stop("cancelled on request");
    if (pool_.Withdraw(owner, live.get())) {
      RunOne(live);
    }
    return {};
  }
  const auto found = store_.Find(id, owner);
  if (!found) {
    return found.error();
  }
  return HasEnded(found->job.status) ? Result<void>() : Result<void>(ElsewhereError());
}

Result<JobView> JobRunner::WaitFor(std::string_view id, const policies::Principal& principal,
                                   milliseconds time, const std::stop_token& stop) {
  const std::string owner = OwnerOf(principal);
  if (const auto live = FindLive(id, owner)) {
    return live->WaitFor(time, stop);
  }
  const bool may_wait = FairPool::StepAsideForGood();
  const auto until = std::chrono::steady_clock::now() + (may_wait ? time : milliseconds(0));
  std::mutex mutex;
  std::condition_variable_any never;
  while (true) {
    auto found = store_.Find(id, owner);
    if (!found) {
      return std::move(found).error();
    }
    const auto now = std::chrono::steady_clock::now();
    if (HasEnded(found->job.status) || now >= until || stop.stop_requested()) {
      return std::move(found->job);
    }
    // Another process runs it: nobody here can wake us.
    std::unique_lock lock(mutex);
    never.wait_until(lock, stop, std::min(until, now + kPollTime), [] { return false; });
  }
}

std::string JobRunner::ReportedText(std::string_view id, const policies::Principal& principal) {
  const auto live = FindLive(id, OwnerOf(principal));
  return live ? live->ReportedText() : std::string();
}

std::vector<std::string> JobRunner::Complete(std::string_view prefix,
                                             const policies::Principal& principal) {
  auto ids = store_.Complete(prefix, OwnerOf(principal));
  return ids ? *std::move(ids) : std::vector<std::string>();
}

void JobRunner::Shutdown() {
  std::vector<JobPtr> all;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [id, job] : live_) {
      all.push_back(job);
    }
  }
  for (const JobPtr& job : all) {
    job->Stop(kShutDown);
  }
  pool_.Join();  // those that wait see that they were stopped
}

}  // namespace casemate::tools
