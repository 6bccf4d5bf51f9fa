#include "sandbox/container/engine/unix_socket.h"

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/clock.h"
#include "base/event_fd.h"

namespace casemate::container {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kLongestMs = std::int64_t{1} << 30;
constexpr std::int64_t kRetryMs = 20;  // a full backlog cannot be waited for

Error Cancelled() {
  return Error{ErrorCode::kCancelled, "the call was taken back", {}, {}, 0};
}

Error Hangs(std::string what) {
  return Error{ErrorCode::kUnavailable,
               std::move(what),
               {},
               "see whether the engine is alive and what it logs, or start it anew",
               0};
}

std::string NameOfGroup(gid_t gid) {
  group found{};
  group* result = nullptr;
  std::array<char, 4096> buffer{};
  if (getgrgid_r(gid, &found, buffer.data(), buffer.size(), &result) == 0 && result != nullptr) {
    return result->gr_name;
  }
  return std::to_string(gid);
}

Error Refused(const std::string& path, int err) {
  struct stat about{};
  std::string remedy = "let this user reach " + path +
                       ": give the socket a group of its own (`chgrp docker`; of Podman, " +
                       "SocketGroup= of podman.socket) that this user is in";
  if (stat(path.c_str(), &about) == 0 && (about.st_mode & S_IWGRP) != 0 && about.st_gid != 0) {
    remedy = "the socket is for the group " + NameOfGroup(about.st_gid) +
             ": add this user (`usermod -aG " + NameOfGroup(about.st_gid) +
             " USER`) and log in anew, or use a rootless engine; who may use the socket is as good "
             "as root";
  }
  return Error{ErrorCode::kPermissionDenied,
               path + ": this user may not connect to the engine",
               {},
               std::move(remedy),
               err};
}

Error WhyNot(const std::string& path, int err) {
  switch (err) {
    case EACCES:
    case EPERM:
      return Refused(path, err);
    case ENOENT:
    case ENOTDIR:
      return Error{ErrorCode::kUnavailable,
                   path + ": no such socket",
                   {},
                   "start the engine, or name its socket",
                   err};
    case ECONNREFUSED:
      return Error{ErrorCode::kUnavailable,
                   path + ": the socket is there, but no engine listens on it",
                   {},
                   "start the engine (`systemctl start docker`, `systemctl start podman.socket`)",
                   err};
    case EPROTOTYPE:
    case ENOTSOCK:
      return Error{ErrorCode::kUnavailable,
                   path + ": expected a stream socket, got something else",
                   {},
                   "name the engine's API socket",
                   err};
    default: {
      Error error = ErrnoError(path + ": cannot connect", err);
      error.code = ErrorCode::kUnavailable;
      return error;
    }
  }
}

}  // namespace

Result<void> WaitFor(int fd, short events, std::int64_t deadline_ns, const std::stop_token& stop) {
  std::optional<EventFd> stopped;
  if (stop.stop_possible()) {
    auto made = EventFd::Create();
    if (!made) {
      return std::move(made).error();
    }
    stopped = std::move(made).value();
  }
  const std::stop_callback on_stop(stop, [&stopped] {
    if (stopped.has_value()) {
      stopped->Signal();
    }
  });
  while (true) {
    if (stop.stop_requested()) {
      return Cancelled();
    }
    std::int64_t left = -1;
    if (deadline_ns != 0) {
      left = (deadline_ns - MonotonicNs() + kMillisecond - 1) / kMillisecond;
      if (left <= 0) {
        return Hangs("the engine does not answer in time");
      }
      left = std::min(left, kLongestMs);
    }
    std::array<pollfd, 2> fds = {
        {{fd, events, 0}, {stopped.has_value() ? stopped->fd() : -1, POLLIN, 0}}};
    const int ready = poll(fds.data(), fds.size(), static_cast<int>(left));
    if (ready < 0 && errno != EINTR) {
      return ErrnoError("poll", errno);
    }
    if (ready > 0 && fds[0].revents != 0 && fds[1].revents == 0) {
      return {};
    }
  }
}

Result<UniqueFd> ConnectTo(const std::string& path, std::int64_t deadline_ns,
                           const std::stop_token& stop) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.front() != '/' || path.size() >= sizeof address.sun_path ||
      path.find('\0') != std::string::npos) {
    return InvalidArgument("socket", "expected the absolute path of a socket of at most " +
                                         std::to_string(sizeof address.sun_path - 1) +
                                         " bytes, got `" + path + "`");
  }
  path.copy(address.sun_path, path.size());
  while (true) {
    if (stop.stop_requested()) {
      return Cancelled();
    }
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) {
      return ErrnoError("socket", errno);
    }
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return fd;
    }
    if (errno == EINTR) {
      continue;
    }
    if (errno != EAGAIN) {
      return WhyNot(path, errno);
    }
    // Who listens does not accept: it hangs, or is overrun.
    const std::int64_t now = MonotonicNs();
    if (deadline_ns != 0 && now >= deadline_ns) {
      return Hangs(path + ": the engine does not accept connections: it hangs");
    }
    const std::int64_t next = now + kRetryMs * kMillisecond;
    const auto waited = WaitFor(-1, 0, deadline_ns == 0 ? next : std::min(deadline_ns, next), stop);
    if (!waited && waited.error().code == ErrorCode::kCancelled) {
      return Cancelled();
    }
  }
}

}  // namespace casemate::container
