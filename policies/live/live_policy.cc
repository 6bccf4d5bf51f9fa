#include "policies/live/live_policy.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/log.h"

namespace casemate::policies {

namespace {

// Empty: none.
std::string FirstUnreadable(const std::vector<std::string>& files) {
  const auto found = std::ranges::find_if(files, [](const std::string& file) {
    return ::access(file.c_str(), R_OK) != 0 && errno == EACCES;
  });
  return found == files.end() ? std::string() : *found;
}

}  // namespace

Result<std::unique_ptr<LivePolicy>> LivePolicy::Load(Loader loader) {
  LoadedPolicy loaded;
  loaded.read_ms = WallClockMs();
  auto engine = loader(loaded.files);
  if (!engine) {
    return engine.error();
  }
  loaded.engine = *std::move(engine);
  return std::make_unique<LivePolicy>(std::move(loaded), std::move(loader));
}

Result<void> LivePolicy::Follow(Observer observer) {
  if (files_.empty()) {
    return {};
  }
  observer_ = std::move(observer);
  if (const std::string unreadable = FirstUnreadable(files_); !unreadable.empty()) {
    Status status = this->status();
    status.problem = "changes of the policy are not followed: " + unreadable +
                     " cannot be read by the user that the server works as";
    Log(LogLevel::kWarning, *status.problem);
    observer_(Settle(std::move(status), current()), false);
  }
  auto watch = FileWatch::Start(files_, read_ms_, [this] { return ReadAgain(); });
  if (!watch) {
    return watch.error();
  }
  watch_ = *std::move(watch);
  return {};
}

FileWatch::Reading LivePolicy::ReadAgain() {
  std::vector<std::string> files;
  Result<std::shared_ptr<const PolicyEngine>> loaded = [&] {
    try {
      return loader_(files);
    } catch (const std::exception& failure) {
      return Result<std::shared_ptr<const PolicyEngine>>(
          Error{ErrorCode::kInternal, failure.what(), "", "", 0});
    }
  }();
  if (!loaded) {  // what it could not read may come back where it was
    for (const std::string& file : files_) {
      if (std::ranges::find(files, file) == files.end()) {
        files.push_back(file);
      }
    }
  }
  return {files, [this, files, loaded = std::move(loaded)] { Take(files, loaded); }};
}

void LivePolicy::Take(const std::vector<std::string>& files,
                      const Result<std::shared_ptr<const PolicyEngine>>& loaded) {
  files_ = files;
  const std::shared_ptr<const PolicyEngine> before = current();
  std::shared_ptr<const PolicyEngine> now = before;
  Status status = this->status();
  const std::optional<std::string> had = status.problem;
  bool changed = false;
  if (!loaded) {
    const std::string problem = Describe(loaded.error());
    if (had != problem) {
      ++status.failures;
      Log(LogLevel::kError, "the policy that is now on disk is not in force: " + problem +
                                "; revision " + before->revision() + " stays in force");
    }
    status.problem = problem;
  } else {
    changed =
        (*loaded)->revision() != before->revision() || (*loaded)->commit() != before->commit();
    status.problem.reset();
    status.reloads += changed ? 1 : 0;
    status.loaded_ms = WallClockMs();
    now = *loaded;  // also when only its candidate is another
  }
  status = Settle(std::move(status), std::move(now));
  if (loaded && (changed || had)) {
    Log(LogLevel::kInfo, "policy revision " + status.revision + " is in force");
  }
  if (observer_ && (changed || had != status.problem)) {
    observer_(status, changed);
  }
}

// Both at once: whoever asks sees a status of the policy in force.
LivePolicy::Status LivePolicy::Settle(Status status, std::shared_ptr<const PolicyEngine> now) {
  status.revision = now->revision();
  status.commit = now->commit();
  const std::lock_guard lock(mutex_);
  current_ = std::move(now);
  status_ = std::move(status);
  return status_;
}

LivePolicy::Status LivePolicy::status() const {
  std::unique_lock lock(mutex_);
  Status status = status_;
  const std::shared_ptr<const PolicyEngine> now = current_;
  lock.unlock();
  status.revision = now->revision();
  status.commit = now->commit();
  return status;
}

std::shared_ptr<const PolicyEngine> LivePolicy::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Decision LivePolicy::Decide(const PolicyInput& input) const {
  return current()->Decide(input);
}

nlohmann::json LivePolicy::Explain(const PolicyInput& input) const {
  return current()->Explain(input);
}

bool LivePolicy::MayEverAllow(const std::string& tool, const Principal& principal) const {
  return current()->MayEverAllow(tool, principal);
}

}  // namespace casemate::policies
