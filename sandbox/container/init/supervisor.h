// All applications: their order, the signals of the engine, the end of the container. One thread,
// one poll; nothing here waits for anything else. Borrows what it is given.
#pragma once

#include <cstdint>

#include "sandbox/container/init/config.h"
#include "sandbox/container/init/service.h"

namespace casemate::container::init {

inline constexpr int kExitUnhealthy = 69;  // EX_UNAVAILABLE: what others wait for is not healthy

// Blocks what the supervisor takes, and returns the signalfd for it; -1 with errno.
int TakeSignals();

class Supervisor {
 public:
  // `signals` is of TakeSignals, `control` of ListenControl.
  Supervisor(const Config& config, int signals, int control);
  // Until the container ends: its exit code.
  int Run();

 private:
  void Turn(std::int64_t now);
  void WatchDependencies(std::int64_t now);
  void StartReady(std::int64_t now);
  void StartOne(Service& service, std::int64_t now);
  [[nodiscard]] bool IsReady(const App& app) const;
  void BeginStop(int code, int signal);
  void StopNext(std::int64_t now);
  [[nodiscard]] bool IsOver() const;
  [[nodiscard]] int Pause(std::int64_t now) const;
  void Wait();
  void TakeSignal(int number);
  void Reap(std::int64_t now);
  void HandleEnd(pid_t pid, int code, std::int64_t now);
  void Answer();

  int count_;
  int signals_;
  int control_;
  Service services_[kMaxApps];
  int started_ = 0;
  std::int64_t deaf_until_ = 0;
  bool is_stopping_ = false;
  int stop_signal_ = 0;  // instead of the applications' own
  int exit_code_ = 0;
};

// What is left of the container where it is no process namespace that ends with us.
void EndTheRest();

}  // namespace casemate::container::init
