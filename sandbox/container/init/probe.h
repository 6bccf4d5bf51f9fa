// One run of an application's check: connects, asks or starts the command, and never waits. Owns
// the connection or the command until the verdict or Cancel(). One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sandbox/container/init/config.h"

namespace casemate::container::init {

class Probe {
 public:
  enum class Verdict { kPending, kGood, kBad };

  // Precondition: nothing runs. `app` has a check of kind tcp, http or command.
  Verdict Begin(const App& app, std::int64_t now);
  // descriptor() is ready for events().
  Verdict Ready();
  // pid() ended. It may still be reaped only after this.
  Verdict CommandEnded(int code);
  Verdict TimeOut();
  void Cancel();

  [[nodiscard]] bool is_running() const { return app_ != nullptr; }
  [[nodiscard]] int descriptor() const { return fd_; }  // or -1
  [[nodiscard]] short events() const;
  [[nodiscard]] pid_t pid() const { return pid_; }  // of the command, or -1
  [[nodiscard]] std::int64_t deadline() const { return deadline_; }
  [[nodiscard]] const char* why() const { return why_; }

 private:
  static constexpr int kFamilies = 2;

  [[gnu::format(printf, 3, 4)]] Verdict Decide(Verdict verdict, const char* format, ...);
  Verdict Connect();
  Verdict Connected();
  Verdict Ask();
  Verdict Answered();
  void Note(int err);

  const App* app_ = nullptr;
  int fd_ = -1;
  pid_t pid_ = -1;
  int family_ = 0;
  int error_ = 0;  // of the first address
  bool is_connected_ = false;
  std::int64_t deadline_ = 0;
  char answer_[12] = {};  // "HTTP/1.1 200"
  std::size_t got_ = 0;
  char why_[112] = {};
};

}  // namespace casemate::container::init
