// Outlet: standard output and standard error while calls run. Waits for a reader that is slow, but
// not once the calls are taken back; a reader that is gone takes them back. On a terminal, control
// characters of what commands and containers wrote become visible; pipes and files get the bytes.
// Belongs to one thread.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "base/event_fd.h"
#include "base/result.h"
#include "sandbox/native/runner.h"

namespace casemate::cli {

class Outlet : public sandbox::OutputSink {
 public:
  // `cancel` is called once nothing can be written any more. SIGPIPE must be ignored.
  static Result<std::unique_ptr<Outlet>> Create(const std::stop_token& stop,
                                                std::function<void()> cancel);

  void OnOutput(sandbox::Stream stream, std::string_view bytes) override;
  // What is held back of both streams: the beginning of a character.
  void Finish();
  // As it is. After a failure nothing is written, once stopped only what is taken at once.
  void Write(int fd, std::string_view bytes);
  [[nodiscard]] bool has_failed() const { return errno_ != 0; }
  // How the process ends: as SIGPIPE would have ended it when the reader is gone, with `failure`
  // after a complaint when writing failed otherwise; else with `code`.
  [[nodiscard]] int Ended(int code, int failure) const;

 private:
  struct OnStop {
    const EventFd* event;
    void operator()() const { event->Signal(); }
  };
  Outlet(const std::stop_token& stop, EventFd stopped, std::function<void()> cancel)
      : stopped_(std::move(stopped)),
        cancel_(std::move(cancel)),
        on_stop_(stop, OnStop{&stopped_}) {}
  // Until `fd` takes some bytes or stop is requested; whether it does.
  bool WaitFor(int fd);
  void Fail(int error);

  EventFd stopped_;
  std::function<void()> cancel_;
  std::array<std::string, 2> torn_;  // of stdout and stderr
  int errno_ = 0;
  std::stop_callback<OnStop> on_stop_;  // last: it uses stopped_
};

}  // namespace casemate::cli
