#include "clients/cli/outlet.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>

#include "base/text.h"
#include "clients/cli/command_line.h"
#include "tools/output_text.h"

namespace casemate::cli {
namespace {

// What a pipe that poll(2) calls writable takes without blocking (PIPE_BUF).
constexpr std::size_t kPiece = 4096;

}  // namespace

Result<std::unique_ptr<Outlet>> Outlet::Create(const std::stop_token& stop,
                                               std::function<void()> cancel) {
  auto stopped = EventFd::Create();
  if (!stopped) {
    return std::move(stopped).error();
  }
  return std::unique_ptr<Outlet>(new Outlet(stop, *std::move(stopped), std::move(cancel)));
}

void Outlet::OnOutput(sandbox::Stream stream, std::string_view bytes) {
  const bool is_out = stream == sandbox::Stream::kStdout;
  const int fd = is_out ? STDOUT_FILENO : STDERR_FILENO;
  if (isatty(fd) == 0) {
    Write(fd, bytes);
    return;
  }
  std::string& torn = torn_.at(is_out ? 0 : 1);
  std::string whole = torn + std::string(bytes);
  const std::size_t rest = tools::TornTail(whole);
  torn.assign(whole, whole.size() - rest);
  whole.resize(whole.size() - rest);
  Write(fd, EscapeControls(ToValidUtf8(whole), true));
}

void Outlet::Finish() {
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    std::string& torn = torn_.at(fd == STDOUT_FILENO ? 0 : 1);
    Write(fd, ToValidUtf8(torn));
    torn.clear();
  }
}

bool Outlet::WaitFor(int fd) {
  std::array<pollfd, 2> fds = {pollfd{fd, POLLOUT, 0}, pollfd{stopped_.fd(), POLLIN, 0}};
  while (poll(fds.data(), fds.size(), -1) < 0) {
    if (errno != EINTR) {
      Fail(errno);
      return false;
    }
  }
  return fds[0].revents != 0;  // also once stopped: what comes last is not lost
}

void Outlet::Write(int fd, std::string_view bytes) {
  while (!bytes.empty() && errno_ == 0 && WaitFor(fd)) {
    const ssize_t written = write(fd, bytes.data(), std::min(bytes.size(), kPiece));
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR && errno != EAGAIN) {
      Fail(errno);
    }
  }
}

void Outlet::Fail(int error) {
  errno_ = error;
  cancel_();
}

int Outlet::Ended(int code, int failure) const {
  if (errno_ == EPIPE) {
    return kExitSignalBase + SIGPIPE;
  }
  if (errno_ != 0) {
    std::cerr << "casemate: " << Describe(ErrnoError("cannot write the output", errno_)) << '\n';
    return failure;
  }
  return code;
}

}  // namespace casemate::cli
