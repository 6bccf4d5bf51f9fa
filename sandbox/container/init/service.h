// One application while init runs: its process, what its end leads to, and its health. Owns the
// process and the check that runs. The supervisor tells it the time and what happened; it never
// waits. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sandbox/container/init/config.h"
#include "sandbox/container/init/control.h"
#include "sandbox/container/init/probe.h"

namespace casemate::container::init {

inline constexpr std::int64_t kNever = INT64_MAX;

class Service {
 public:
  void Configure(const App& app) { app_ = &app; }
  [[nodiscard]] const App& app() const { return *app_; }

  // Waits for its first start, or for the next one.
  [[nodiscard]] bool WaitsForFirst() const { return phase_ == Phase::kWaiting; }
  [[nodiscard]] bool WantsAgain(std::int64_t now) const {
    return phase_ == Phase::kBackoff && now >= again_at_;
  }
  // `number`: how many were started before, for the order of the stop. false: nothing was started.
  bool Start(int number, std::int64_t now);
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] pid_t pid() const { return pid_; }  // or -1

  // Its first process ended, and is still to be reaped; or could not be started. false: the
  // container ends.
  bool Ended(int code, std::int64_t now, bool is_stopping);
  // What was due by `now`.
  void Advance(std::int64_t now, bool is_stopping);
  [[nodiscard]] std::int64_t Deadline(std::int64_t now, bool is_stopping) const;

  void Signal(int number) const;
  // Nothing is started or checked any more. `signal` instead of its own, or 0.
  void Cease();
  void Stop(int signal, std::int64_t now);
  [[nodiscard]] bool IsOver() const { return phase_ == Phase::kOver; }

  // Those that come after it may start.
  [[nodiscard]] bool WasHealthy() const { return was_healthy_; }
  // Until when it must have been healthy if others wait for it.
  [[nodiscard]] std::int64_t HealthyLimit() const;
  Probe& probe() { return probe_; }
  [[nodiscard]] const Probe& probe() const { return probe_; }
  void Judge(Probe::Verdict verdict, std::int64_t now);
  void Describe(Report& report, bool is_stopping) const;

 private:
  enum class Phase { kWaiting, kRunning, kDraining, kBackoff, kOver };
  static constexpr int kMaxFailures = 5;

  bool StartsAgain(int code, std::int64_t now);
  void Left(bool is_stopping);
  void Press(std::int64_t now, bool is_stopping);
  void AdvanceCheck(std::int64_t now);
  void BecomeHealthy();
  void BecomeUnhealthy();

  const App* app_ = nullptr;
  Phase phase_ = Phase::kWaiting;
  pid_t pid_ = -1;
  pid_t group_ = -1;  // while draining: what the first process left
  int number_ = 0;
  std::int64_t first_start_ = 0;
  std::int64_t started_at_ = 0;
  std::int64_t again_at_ = 0;
  bool is_signalled_ = false;
  bool is_killed_ = false;
  std::int64_t limit_ = 0;  // of the present step of its stop
  int restarts_ = 0;
  int last_code_ = -1;
  int failures_in_row_ = 0;
  int failure_count_ = 0;
  std::int64_t failures_[kMaxFailures] = {};  // when; a ring
  Health health_ = Health::kStarting;
  bool was_healthy_ = false;
  int bad_checks_ = 0;
  std::int64_t next_check_ = 0;
  Probe probe_;
};

}  // namespace casemate::container::init
