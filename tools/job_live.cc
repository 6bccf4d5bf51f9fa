#include "tools/job_live.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/fair_pool.h"
#include "base/text.h"
#include "tools/arguments/args.h"
#include "tools/run_spool.h"

namespace casemate::tools {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t kReportedBytes = std::size_t{64} << 10;
constexpr const char* kByCaller = "cancelled by its caller";

}  // namespace

LiveJob::LiveJob(AdmittedCall call, const JobOrigin& origin, milliseconds ask_time,
                 OnStatus on_status)
    : call_(std::move(call)),
      principal_(origin.principal),
      channel_(origin.channel),
      may_ask_(origin.may_ask),
      answered_(origin.answered),
      owner_(OwnerOf(origin.principal)),
      ask_time_(ask_time),
      on_status_(std::move(on_status)),
      mark_(NewRunId()) {
  view_.id = mark_.id;
  view_.tool = call_.spec->name;
  view_.owner = owner_;
  view_.created_ms = WallClockMs();
  view_.updated_ms = view_.created_ms;
  view_.audit_seq = call_.audit_seq;
  view_.untrusted = IsUntrusted(call_.decision, call_.prepared->context());
}

CallContext LiveJob::MakeContext() {
  CallContext context;
  context.principal = principal_;
  context.channel = channel_;
  context.stop = stop_.get_token();
  context.progress = this;
  context.log = this;
  context.asker = this;
  context.job = &mark_;
  return context;
}

JobView LiveJob::View() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

void LiveJob::Stop(std::string reason) {
  {
    const std::lock_guard lock(mutex_);
    if (!stop_reason_) {
      stop_reason_ = std::move(reason);
    }
  }
  stop_.request_stop();
  changed_.notify_all();
}

std::optional<std::string> LiveJob::stop_reason() const {
  const std::lock_guard lock(mutex_);
  return stop_reason_;
}

// Time never runs backwards for who compares updated_ms.
void LiveJob::Touch() {
  view_.updated_ms = std::max(view_.updated_ms, WallClockMs());
}

Result<bool> LiveJob::List(const std::function<Result<void>(JobView&)>& insert) {
  std::unique_lock lock(mutex_);
  // A question that just went to the caller is answered there first: its asker outlives it only so.
  changed_.wait(lock, [this] { return ended_ || asking_caller_ == 0; });
  if (ended_) {
    return false;
  }
  // Under the lock: whether it was listed and whether it ended must not cross.
  if (auto inserted = insert(view_); !inserted) {
    wants_listing_ = false;
    changed_.notify_all();
    return std::move(inserted).error();
  }
  mark_.listed = true;
  caller_.reset();
  changed_.notify_all();
  return true;
}

void LiveJob::SetCaller(const CallContext& caller) {
  const std::lock_guard lock(mutex_);
  caller_ = Caller{caller.progress, caller.log, caller.asker};
}

void LiveJob::AwaitDeferral(const std::stop_token& stop, milliseconds time) {
  const std::stop_callback on_stop(stop, [this] { Stop(kByCaller); });
  (void)FairPool::StepAsideForGood();  // if it may not, the caller keeps its place
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time,
                    [this] { return ended_ || wants_listing_ || stop_reason_.has_value(); });
  // Never in the middle of a question: it would be answered to nobody.
  changed_.wait(lock, [this] { return ended_ || asking_caller_ == 0; });
}

void LiveJob::AwaitEnd(const std::stop_token& stop, const std::function<void()>& on_cancel) {
  const std::stop_callback on_stop(stop, [this] { Stop(kByCaller); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return ended_ || stop_reason_.has_value(); });
  if (!ended_) {
    lock.unlock();
    on_cancel();
    lock.lock();
  }
  changed_.wait(lock, [this] { return ended_; });
}

bool LiveJob::EndUnlisted(const JobView& ended) {
  const std::lock_guard lock(mutex_);
  if (mark_.listed) {
    return false;
  }
  view_ = ended;
  ended_ = true;
  changed_.notify_all();
  return true;
}

void LiveJob::EndListed(const JobView& ended) {
  const std::lock_guard lock(mutex_);
  view_ = ended;
  ended_ = true;
  changed_.notify_all();
}

ToolResult LiveJob::TakeResult() {
  const std::lock_guard lock(mutex_);
  caller_.reset();
  return std::exchange(view_.result, std::nullopt).value_or(ToolResult{});
}

JobView LiveJob::WaitFor(milliseconds time, const std::stop_token& stop) const {
  const bool may_wait = FairPool::StepAsideForGood();
  std::unique_lock lock(mutex_);
  if (!may_wait) {
    return view_;
  }
  changed_.wait_for(lock, stop, time,
                    [this] { return ended_ || view_.status == JobStatus::kInputRequired; });
  return view_;
}

void LiveJob::Report(double progress, std::optional<double> total, std::string_view message) {
  const std::lock_guard lock(mutex_);
  view_.progress = progress;
  view_.total = total;
  reported_ += message;
  if (reported_.size() > 2 * kReportedBytes) {  // seldom, so that each byte is moved about once
    reported_.erase(0, reported_.size() - kReportedBytes);
  }
  if (caller_ && caller_->progress != nullptr) {
    caller_->progress->Report(progress, total, message);
  }
}

std::string LiveJob::ReportedText() const {
  const std::lock_guard lock(mutex_);
  std::string_view text = reported_;
  if (text.size() > kReportedBytes) {
    text.remove_prefix(text.size() - kReportedBytes);
  }
  return ToValidUtf8(text);
}

void LiveJob::Write(Severity severity, std::string_view logger, const json& data) {
  const std::lock_guard lock(mutex_);
  if (caller_ && caller_->log != nullptr) {
    caller_->log->Write(severity, logger, data);
  }
}

bool LiveJob::Supports(AskKind kind) const {
  const std::lock_guard lock(mutex_);
  if (caller_ && caller_->asker != nullptr) {
    return caller_->asker->Supports(kind);
  }
  return may_ask_.contains(kind);
}

Result<Answers> LiveJob::Ask(const std::vector<Question>& questions) {
  Asker* asker = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (caller_ && caller_->asker != nullptr) {
      asker = caller_->asker;
      ++asking_caller_;
    }
  }
  if (asker == nullptr) {
    return AskAsJob(questions);
  }
  auto answers = asker->Ask(questions);
  const std::lock_guard lock(mutex_);
  --asking_caller_;
  changed_.notify_all();
  return answers;
}

// A key names one question in a job's whole life: clients that poll show each key once.
std::string LiveJob::FreshKey(const std::string& key) {
  std::string fresh = key;
  for (int number = 2; !used_keys_.insert(fresh).second; ++number) {
    fresh = key + "_" + std::to_string(number);
  }
  return fresh;
}

Result<Answers> LiveJob::AskAsJob(const std::vector<Question>& questions) {
  Answers known;
  std::vector<Question> unanswered;
  for (const Question& question : questions) {
    if (const auto found = answered_.find(question.key); found != answered_.end()) {
      known.insert(*found);
    } else {
      unanswered.push_back(question);
    }
  }
  if (unanswered.empty()) {
    return known;
  }
  auto answers = AskFollower(unanswered);
  if (answers) {
    answers->insert(known.begin(), known.end());
  }
  return answers;
}

Result<Answers> LiveJob::AskFollower(const std::vector<Question>& questions) {
  for (const Question& question : questions) {
    if (!may_ask_.contains(question.kind)) {
      return Error{ErrorCode::kUnsupportedByClient,
                   "this call runs in the background, and its client cannot answer questions there",
                   {},
                   "make the call without background",
                   0};
    }
  }
  std::map<std::string, std::string> names;  // the call's key → the job's
  {
    std::unique_lock lock(mutex_);
    // Before it is durable nobody can answer: have it listed first.
    wants_listing_ = true;
    changed_.notify_all();
    changed_.wait(lock, stop_.get_token(), [this] { return mark_.listed || !wants_listing_; });
    if (!mark_.listed) {
      return Error{stop_.stop_requested() ? ErrorCode::kCancelled : ErrorCode::kUnavailable,
                   "the question could not be asked",
                   {},
                   "make the call again",
                   0};
    }
    for (const Question& question : questions) {
      Question asked = question;
      asked.key = FreshKey(question.key);
      names[question.key] = asked.key;
      view_.questions.push_back(std::move(asked));
    }
    view_.status = JobStatus::kInputRequired;
    Touch();
    changed_.notify_all();
  }
  on_status_(*this);
  const auto aside = FairPool::StepAside();  // a job that may not keeps its thread
  std::unique_lock lock(mutex_);
  auto answers = AwaitAnswers(lock, names);
  view_.questions.clear();
  view_.status = JobStatus::kWorking;
  Touch();
  lock.unlock();
  on_status_(*this);
  return answers;
}

Result<Answers> LiveJob::AwaitAnswers(std::unique_lock<std::mutex>& lock,
                                      const std::map<std::string, std::string>& names) {
  const auto all_there = [&] {
    return std::ranges::all_of(names,
                               [this](const auto& name) { return answers_.contains(name.second); });
  };
  if (!changed_.wait_for(lock, stop_.get_token(), ask_time_, all_there)) {
    if (stop_.stop_requested()) {
      return Error{ErrorCode::kCancelled, "the job was cancelled", {}, {}, 0};
    }
    return Error{
        ErrorCode::kUnavailable,
        "the questions were not answered in time",
        {},
        "make the call again and answer within " + std::to_string(ask_time_.count() / 1000) + " s",
        0};
  }
  Answers given;
  for (const auto& [key, name] : names) {
    given[key] = answers_.extract(name).mapped();
  }
  return given;
}

Result<void> LiveJob::Answer(const json& answers) {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, answer] : answers.items()) {
    if (!answer.is_object()) {
      return InvalidArgument(
          key, "expected an object, the client's result, got " + DescribeJson(answer));
    }
  }
  for (const auto& [key, answer] : answers.items()) {
    const auto asked = std::ranges::find(view_.questions, key, &Question::key);
    if (asked != view_.questions.end()) {
      answers_.emplace(key, answer);
      view_.questions.erase(asked);  // what is outstanding is what is shown
    }
  }
  changed_.notify_all();
  return {};
}

}  // namespace casemate::tools
