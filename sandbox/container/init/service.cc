#include "sandbox/container/init/service.h"

#include <signal.h>
#include <string.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "sandbox/container/init/child.h"

namespace casemate::container::init {
namespace {

constexpr std::int64_t kWindowMs = 60'000;  // of failures that are too many; and of a good run
constexpr int kMaxBackoffFactor = 30;
constexpr int kMaxShift = 5;  // 2^5 is more than the factor above
constexpr std::int64_t kAfterKillMs = 2000;
constexpr std::int64_t kDrainTickMs = 50;        // nothing tells of the end of a group
constexpr std::int64_t kStartIntervalMs = 1000;  // between checks until the first good one

bool HasProbe(const App& app) {
  return app.check.kind != CheckKind::kNone && app.check.kind != CheckKind::kProcess;
}

}  // namespace

bool Service::Start(int number, std::int64_t now) {
  if (number_ == 0) {
    number_ = number;
    first_start_ = now;
  } else {
    ++restarts_;
  }
  started_at_ = now;
  is_signalled_ = false;
  is_killed_ = false;
  bad_checks_ = 0;
  next_check_ = now;
  health_ = Health::kStarting;
  probe_ = Probe();  // forgets what the last run's check said; none runs
  pid_ = StartProgram(*app_, app_->argv, Streams::kInherited);
  if (pid_ < 0) {
    Say("%s: cannot be started: %s", app_->name, strerrordesc_np(errno));
    return false;
  }
  phase_ = Phase::kRunning;
  if (app_->check.kind == CheckKind::kNone) {
    health_ = Health::kHealthy;
    was_healthy_ = true;
  }
  return true;
}

bool Service::StartsAgain(int code, std::int64_t now) {
  if (app_->restart == Restart::kNever || (app_->restart == Restart::kOnFailure && code == 0)) {
    Say("%s: ended with code %d", app_->name, code);
    return false;
  }
  failures_[failure_count_ % kMaxFailures] = now;
  ++failure_count_;
  const std::int64_t oldest = failures_[failure_count_ % kMaxFailures];
  if (failure_count_ >= kMaxFailures && now - oldest <= kWindowMs) {
    Say("%s: ended with code %d, %d times within 60 s: given up", app_->name, code, kMaxFailures);
    return false;
  }
  if (now - started_at_ >= kWindowMs) {
    failures_in_row_ = 0;
  }
  const int factor = std::min(kMaxBackoffFactor, 1 << std::min(failures_in_row_, kMaxShift));
  const std::int64_t pause = static_cast<std::int64_t>(app_->backoff_ms) * factor;
  ++failures_in_row_;
  again_at_ = now + pause;
  Say("%s: ended with code %d; starts again in %lld ms", app_->name, code,
      static_cast<long long>(pause));
  return true;
}

bool Service::Ended(int code, std::int64_t now, bool is_stopping) {
  if (phase_ == Phase::kOver) {
    return true;
  }
  probe_.Cancel();
  last_code_ = code;
  health_ = Health::kUnhealthy;
  if (pid_ > 0) {
    // Its other processes, such as what a shell started, are asked to go, and get the same time.
    group_ = pid_;
    pid_ = -1;
    phase_ = Phase::kDraining;
    if (!is_killed_) {
      kill(-group_, app_->stop_signal);
    }
    if (!is_signalled_) {
      limit_ = now + app_->stop_timeout_ms;
    }
  } else {
    phase_ = Phase::kBackoff;
  }
  return is_stopping || StartsAgain(code, now);
}

// Nothing of it runs any more.
void Service::Left(bool is_stopping) {
  pid_ = -1;
  group_ = -1;
  phase_ = is_stopping ? Phase::kOver : Phase::kBackoff;
}

// Its time is up.
void Service::Press(std::int64_t now, bool is_stopping) {
  if (is_killed_) {
    Say("%s: the kernel does not end it; left behind", app_->name);
    Left(is_stopping);
    return;
  }
  Say("%s: does not end within %d ms: killed", app_->name, app_->stop_timeout_ms);
  is_killed_ = true;
  limit_ = now + kAfterKillMs;
  if (pid_ > 0) {
    KillGroup(pid_);
  } else {
    kill(-group_, SIGKILL);
  }
}

void Service::Advance(std::int64_t now, bool is_stopping) {
  if (phase_ == Phase::kRunning && is_signalled_ && now >= limit_) {
    Press(now, is_stopping);
  } else if (phase_ == Phase::kRunning && !is_stopping) {
    AdvanceCheck(now);
  } else if (phase_ == Phase::kDraining) {
    if (kill(-group_, 0) != 0 && errno == ESRCH) {
      Left(is_stopping);
    } else if (now >= limit_) {
      Press(now, is_stopping);
    }
  }
}

std::int64_t Service::Deadline(std::int64_t now, bool is_stopping) const {
  if (phase_ == Phase::kDraining) {
    return std::min(limit_, now + kDrainTickMs);
  }
  if (phase_ == Phase::kBackoff) {
    return is_stopping ? kNever : again_at_;
  }
  if (phase_ != Phase::kRunning) {
    return kNever;
  }
  if (is_signalled_) {
    return limit_;
  }
  if (is_stopping || app_->check.kind == CheckKind::kNone) {
    return kNever;
  }
  if (app_->check.kind == CheckKind::kProcess) {
    return health_ == Health::kStarting ? started_at_ + app_->check.start_period_ms : kNever;
  }
  return probe_.is_running() ? probe_.deadline() : next_check_;
}

void Service::Signal(int number) const {
  if (phase_ == Phase::kRunning) {
    kill(pid_, number);
  }
}

void Service::Cease() {
  probe_.Cancel();
  if (phase_ == Phase::kWaiting || phase_ == Phase::kBackoff) {
    phase_ = Phase::kOver;
  }
}

void Service::Stop(int signal, std::int64_t now) {
  if (phase_ != Phase::kRunning || is_signalled_) {
    return;
  }
  is_signalled_ = true;
  limit_ = now + app_->stop_timeout_ms;
  kill(pid_, signal == 0 ? app_->stop_signal : signal);
}

std::int64_t Service::HealthyLimit() const {
  return first_start_ + app_->check.start_period_ms +
         static_cast<std::int64_t>(app_->check.retries) * app_->check.interval_ms;
}

void Service::AdvanceCheck(std::int64_t now) {
  if (app_->check.kind == CheckKind::kProcess) {
    if (health_ == Health::kStarting && now >= started_at_ + app_->check.start_period_ms) {
      BecomeHealthy();
    }
    return;
  }
  if (!HasProbe(*app_)) {
    return;
  }
  if (!probe_.is_running() && now >= next_check_) {
    Judge(probe_.Begin(*app_, now), now);
  } else if (probe_.is_running() && now >= probe_.deadline()) {
    Judge(probe_.TimeOut(), now);
  }
}

void Service::Judge(Probe::Verdict verdict, std::int64_t now) {
  if (verdict == Probe::Verdict::kPending) {
    return;
  }
  next_check_ = now + app_->check.interval_ms;
  if (verdict == Probe::Verdict::kGood) {
    bad_checks_ = 0;
    BecomeHealthy();
    return;
  }
  ++bad_checks_;
  if (health_ != Health::kStarting) {
    if (bad_checks_ >= app_->check.retries) {
      BecomeUnhealthy();
    }
    return;
  }
  const std::int64_t patience =
      app_->check.start_period_ms +
      static_cast<std::int64_t>(app_->check.retries) * app_->check.interval_ms;
  if (now - started_at_ >= patience) {
    BecomeUnhealthy();
  } else {
    next_check_ = now + std::min<std::int64_t>(app_->check.interval_ms, kStartIntervalMs);
  }
}

void Service::BecomeHealthy() {
  if (health_ != Health::kHealthy && HasProbe(*app_)) {
    Say("%s: healthy: %s", app_->name, probe_.why());
  }
  health_ = Health::kHealthy;
  was_healthy_ = true;
}

void Service::BecomeUnhealthy() {
  if (health_ != Health::kUnhealthy) {
    Say("%s: unhealthy: %s", app_->name, probe_.why());
  }
  health_ = Health::kUnhealthy;
}

void Service::Describe(Report& report, bool is_stopping) const {
  constexpr const char* kStates[] = {"waiting", "running", "ending", "backoff", "ended"};
  (void)snprintf(report.name, sizeof report.name, "%s", app_->name);
  (void)snprintf(report.state, sizeof report.state, "%s", kStates[static_cast<int>(phase_)]);
  report.pid = pid_ > 0 ? pid_ : 0;
  report.restarts = restarts_;
  report.last_code = last_code_;
  report.health = is_stopping ? Health::kUnhealthy : health_;
  const char* why = HasProbe(*app_) ? probe_.why() : "it runs";
  if (is_stopping) {
    why = "the container is being stopped";
  } else if (phase_ == Phase::kWaiting) {
    why = "waits for others to be healthy";
  } else if (phase_ != Phase::kRunning) {
    (void)snprintf(report.why, sizeof report.why, "ended with code %d; starts again", last_code_);
    return;
  } else if (*why == '\0') {
    why = "not checked yet";
  } else if (health_ == Health::kStarting && app_->check.kind == CheckKind::kProcess) {
    why = "has not run for long enough";
  }
  (void)snprintf(report.why, sizeof report.why, "%s", why);
}

}  // namespace casemate::container::init
