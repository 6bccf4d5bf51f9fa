#include "sandbox/container/init/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "sandbox/container/init/child.h"
#include "sandbox/container/init/control.h"

namespace casemate::container::init {
namespace {

constexpr int kTaken[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD};
constexpr int kMaxAnswers = 16;  // a turn: whoever asks without end starves nobody
constexpr int kDeafMs = 1000;
constexpr int kMaxPauseMs = 3'600'000;

int CodeOf(const siginfo_t& ended) {
  return ended.si_code == CLD_EXITED ? ended.si_status : kExitSignal + ended.si_status;
}

}  // namespace

int TakeSignals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : kTaken) {
    // SIGCHLD that is ignored, as whoever started us may have left it, would hide ends.
    if (signal(number, SIG_DFL) == SIG_ERR) {
      return -1;
    }
    sigaddset(&taken, number);
  }
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
  if (sigprocmask(SIG_BLOCK, &taken, nullptr) != 0 || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
    return -1;
  }
  return signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
}

Supervisor::Supervisor(const Config& config, int signals, int control)
    : count_(config.app_count), signals_(signals), control_(control) {
  for (int i = 0; i < count_; ++i) {
    services_[i].Configure(config.apps[i]);
  }
}

int Supervisor::Run() {
  while (true) {
    Turn(NowMs());
    if (is_stopping_ && IsOver()) {
      return exit_code_;
    }
    Wait();
  }
}

void Supervisor::Turn(std::int64_t now) {
  for (int i = 0; i < count_; ++i) {
    services_[i].Advance(now, is_stopping_);
  }
  if (!is_stopping_) {
    WatchDependencies(now);
  }
  if (!is_stopping_) {
    StartReady(now);
  }
  if (is_stopping_) {
    StopNext(now);
  }
}

void Supervisor::WatchDependencies(std::int64_t now) {
  for (int i = 0; i < count_ && !is_stopping_; ++i) {
    const App& waiting = services_[i].app();
    for (int at = 0; at < waiting.after_count && services_[i].WaitsForFirst(); ++at) {
      const Service& needed = services_[waiting.after[at]];
      if (needed.WasHealthy() || needed.number() == 0 || now < needed.HealthyLimit()) {
        continue;
      }
      Say("%s: not healthy within start period and retries, and %s waits for it: %s",
          needed.app().name, waiting.name, needed.probe().why());
      BeginStop(kExitUnhealthy, 0);
      break;
    }
  }
}

bool Supervisor::IsReady(const App& app) const {
  for (int at = 0; at < app.after_count; ++at) {
    if (!services_[app.after[at]].WasHealthy()) {
      return false;
    }
  }
  return true;
}

void Supervisor::StartReady(std::int64_t now) {
  for (int i = 0; i < count_ && !is_stopping_; ++i) {
    Service& service = services_[i];
    if (service.WantsAgain(now) || (service.WaitsForFirst() && IsReady(service.app()))) {
      StartOne(service, now);
    }
  }
}

void Supervisor::StartOne(Service& service, std::int64_t now) {
  if (service.Start(++started_, now)) {
    return;
  }
  if (!service.Ended(kExitOs, now, is_stopping_)) {
    BeginStop(kExitOs, 0);
  }
}

void Supervisor::BeginStop(int code, int signal) {
  if (is_stopping_) {
    return;
  }
  is_stopping_ = true;
  exit_code_ = code;
  stop_signal_ = signal;
}

// One at a time, the last one first: whoever needs another may still use it while it ends.
void Supervisor::StopNext(std::int64_t now) {
  Service* last = nullptr;
  for (int i = 0; i < count_; ++i) {
    services_[i].Cease();
    if (!services_[i].IsOver() && (last == nullptr || services_[i].number() > last->number())) {
      last = &services_[i];
    }
  }
  if (last != nullptr) {
    last->Stop(stop_signal_, now);
  }
}

bool Supervisor::IsOver() const {
  return std::all_of(services_, services_ + count_,
                     [](const Service& service) { return service.IsOver(); });
}

int Supervisor::Pause(std::int64_t now) const {
  std::int64_t deadline = now + (now < deaf_until_ ? kDeafMs : kMaxPauseMs);
  for (int i = 0; i < count_; ++i) {
    const Service& service = services_[i];
    deadline = std::min(deadline, service.Deadline(now, is_stopping_));
    if (is_stopping_ || !service.WaitsForFirst()) {
      continue;
    }
    for (int at = 0; at < service.app().after_count; ++at) {
      const Service& needed = services_[service.app().after[at]];
      if (!needed.WasHealthy() && needed.number() > 0) {
        deadline = std::min(deadline, needed.HealthyLimit());
      }
    }
  }
  return static_cast<int>(std::max<std::int64_t>(deadline - now, 0));
}

void Supervisor::Wait() {
  pollfd all[2 + kMaxApps];
  Service* probed[kMaxApps];
  nfds_t size = 2;
  all[0] = pollfd{signals_, POLLIN, 0};
  // A negative descriptor is passed over.
  all[1] = pollfd{NowMs() < deaf_until_ ? -1 : control_, POLLIN, 0};
  for (int i = 0; i < count_; ++i) {
    const Probe& probe = services_[i].probe();
    if (probe.descriptor() >= 0) {
      probed[size - 2] = &services_[i];
      all[size++] = pollfd{probe.descriptor(), probe.events(), 0};
    }
  }
  if (poll(all, size, Pause(NowMs())) <= 0) {
    return;
  }
  const std::int64_t now = NowMs();
  // Before the signals: what these end has its descriptor no more.
  for (nfds_t i = 2; i < size; ++i) {
    if (all[i].revents != 0) {
      probed[i - 2]->Judge(probed[i - 2]->probe().Ready(), now);
    }
  }
  signalfd_siginfo received{};
  while (read(signals_, &received, sizeof received) == sizeof received) {
    TakeSignal(static_cast<int>(received.ssi_signo));
  }
  Reap(now);
  if (all[1].revents != 0) {
    Answer();
  }
}

void Supervisor::TakeSignal(int number) {
  if (number == SIGTERM || number == SIGINT) {
    BeginStop(0, number == SIGINT ? SIGINT : 0);
    return;
  }
  for (int i = 0; i < count_ && number != SIGCHLD; ++i) {
    services_[i].Signal(number);
  }
}

void Supervisor::Reap(std::int64_t now) {
  while (true) {
    siginfo_t ended{};
    // Not taken away yet: its id still names its group, and no other.
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) {
      return;
    }
    HandleEnd(ended.si_pid, CodeOf(ended), now);
    (void)waitpid(ended.si_pid, nullptr, WNOHANG);
  }
}

void Supervisor::HandleEnd(pid_t pid, int code, std::int64_t now) {
  for (int i = 0; i < count_; ++i) {
    Service& service = services_[i];
    if (service.probe().pid() == pid) {
      service.Judge(service.probe().CommandEnded(code), now);
      return;
    }
    if (service.pid() == pid) {
      if (!service.Ended(code, now, is_stopping_)) {
        BeginStop(code, 0);
      }
      return;
    }
  }
}

void Supervisor::Answer() {
  for (int answers = 0; answers < kMaxAnswers; ++answers) {
    const int asking = AcceptControl(control_);
    if (asking < 0 && errno != EPERM) {
      // Without descriptors the connection stays where it is: poll would not wait any more.
      deaf_until_ = errno == EAGAIN ? 0 : NowMs() + kDeafMs;
      return;
    }
    for (int i = 0; i < count_ && asking >= 0; ++i) {
      Report report;
      report.index = i;
      report.count = count_;
      services_[i].Describe(report, is_stopping_);
      if (!SendReport(asking, report)) {
        break;
      }
    }
    if (asking >= 0) {
      close(asking);
    }
  }
}

void EndTheRest() {
  constexpr int kRounds = 200;
  constexpr int kRoundMs = 10;
  char path[64];
  (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  for (int round = 0; round < kRounds; ++round) {
    pid_t reaped = 0;
    do {
      reaped = waitpid(-1, nullptr, WNOHANG);
    } while (reaped > 0);
    if (reaped < 0) {
      return;
    }
    char text[4096] = {};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) {
      close(fd);
    }
    text[got < 0 ? 0 : got] = '\0';
    char* at = text;
    // A number that was cut off at the end of the buffer has no space after it.
    for (long pid = std::strtol(at, &at, 10); pid > 0 && *at == ' ';
         pid = std::strtol(at, &at, 10)) {
      kill(static_cast<pid_t>(pid), SIGKILL);
    }
    (void)poll(nullptr, 0, kRoundMs);
  }
}

}  // namespace casemate::container::init
