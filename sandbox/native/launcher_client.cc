#include "sandbox/native/launcher_client.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "sandbox/native/launcher/wire.h"
#include "sandbox/native/sealed_memfd.h"

// The launcher program, put in by the generated launcher_image.S.
// NOLINTBEGIN(readability-identifier-naming): an assembler's symbols
extern "C" const char casemate_launcher_begin[];
extern "C" const char casemate_launcher_end[];
// NOLINTEND(readability-identifier-naming)

namespace casemate::sandbox {
namespace {

constexpr int kControlFd = 3;             // where the launcher expects its socket
constexpr std::size_t kMaxLaunchFds = 6;  // wire.h
constexpr int kAnswerSeconds = 10;        // a launcher that takes no request for so long is stuck
constexpr int kEndMs = 15'000;            // it gives up on unkillable processes before that

// The image starts at a page and nothing else lies on its pages: it need not stay in memory.
void ForgetPages(std::string_view image) {
  // Advice: where it is not taken, nothing but the memory is lost.
  static_cast<void>(madvise(const_cast<char*>(image.data()), image.size(), MADV_DONTNEED));
}

struct StartFds {
  int image;
  int control;
  int null_device;
  int exec_error;  // close-on-exec: EOF on the other end says that exec succeeded
};

// The server may work under another user's ids already and have root's still to come back to.
int TakeRootAgain() {
  // The system calls: the C library's functions would talk to threads that a fork does not have.
  if (getuid() == 0 && geteuid() != 0 &&
      (syscall(SYS_setresuid, 0, 0, 0) != 0 || syscall(SYS_setresgid, 0, 0, 0) != 0)) {
    return errno;
  }
  return 0;
}

// In the forked child: only async-signal-safe calls. Returns errno of what failed.
int ExecuteLauncher(const StartFds& fds, char* const* argv) {
  // A signal that the server ignores or blocks would stay so in every command.
  for (int signal = 1; signal < NSIG; ++signal) {
    // NOLINTNEXTLINE(cert-err33-c): fails for KILL and STOP
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  if (const int err = pthread_sigmask(SIG_SETMASK, &none, nullptr); err != 0) {
    return err;
  }
  if (const int err = TakeRootAgain(); err != 0) {
    return err;
  }
  // Ctrl-C on a terminal is for the server, which then ends the launcher by its socket.
  setsid();
  // The others lie above kControlFd, so nothing that is still needed gets closed here.
  if (dup2(fds.null_device, STDIN_FILENO) < 0 || dup2(fds.null_device, STDOUT_FILENO) < 0 ||
      dup2(fds.control, kControlFd) < 0) {
    return errno;
  }
  if (syscall(SYS_close_range, kControlFd + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
    return errno;
  }
  char* const no_environment[] = {nullptr};
  fexecve(fds.image, argv, no_environment);
  return errno;
}

// Moves a descriptor out of the way of the launcher's own numbers 0 to 3.
Result<UniqueFd> AboveControlFd(UniqueFd fd) {
  if (fd.get() > kControlFd) {
    return fd;
  }
  UniqueFd moved(fcntl(fd.get(), F_DUPFD_CLOEXEC, kControlFd + 1));
  if (!moved.valid()) {
    return ErrnoError("cannot duplicate a descriptor", errno);
  }
  return moved;
}

bool IsIncarnation(std::string_view name) {
  return !name.empty() && name.size() < sizeof(wire::ControlMessage::incarnation) &&
         std::all_of(
             name.begin(), name.end(),
             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

Error BadIncarnation(const std::string& name) {
  return InvalidArgument("incarnation", "expected 1 to 63 of a-z, 0-9 and -, got `" + name + "`");
}

// errno of a failed exec, or 0 when it succeeded.
int AwaitExec(int exec_error) {
  int err = 0;
  ssize_t got = 0;
  do {
    got = read(exec_error, &err, sizeof err);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof err) ? err : 0;
}

// True when it ended by itself, in order.
bool AwaitEnd(pid_t pid) {
  const UniqueFd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  pollfd ended = {process.get(), POLLIN, 0};
  int ready = 0;
  do {
    ready = process.valid() ? poll(&ended, 1, kEndMs) : 0;
  } while (ready < 0 && errno == EINTR);
  // What it runs dies with it. One with rights that we gave up cannot be ended, or waited for.
  if (ready == 0 && kill(pid, SIGKILL) != 0) {
    return false;
  }
  int status = 0;
  pid_t waited = -1;
  do {
    waited = waitpid(pid, &status, 0);
  } while (waited < 0 && errno == EINTR);
  return waited == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Also after success no report is a promise: a launcher that dies later shows on its sockets.
Result<void> SendControl(int socket, const wire::ControlMessage& message,
                         const std::vector<int>& fds) {
  iovec bytes = {const_cast<wire::ControlMessage*>(&message), sizeof message};
  msghdr header{};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxLaunchFds * sizeof(int))> control{};
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    return {};
  }
  const int err = errno;
  Error error = ErrnoError("cannot reach the sandbox launcher", err);
  error.code = err == EAGAIN || err == ETOOMANYREFS ? ErrorCode::kResourceExhausted
                                                    : ErrorCode::kUnavailable;
  error.remedy = error.code == ErrorCode::kUnavailable ? "restart casemate"
                                                       : "let running calls end, then try again";
  return error;
}

template <std::size_t kSize>
bool CopyPath(const std::string& path, char (&into)[kSize]) {
  if (path.size() >= kSize || path.find('\0') != std::string::npos) {
    return false;
  }
  std::memcpy(into, path.c_str(), path.size() + 1);
  return true;
}

// One message, with a descriptor or none.
ssize_t ReceiveWithFd(int socket, void* data, std::size_t size, UniqueFd& fd) {
  iovec bytes = {data, size};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &bytes;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const cmsghdr* rights = got > 0 ? CMSG_FIRSTHDR(&header) : nullptr;
  if (rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
    int received = -1;
    std::memcpy(&received, CMSG_DATA(rights), sizeof received);
    fd.Reset(received);
  }
  return got;
}

// An answer that came too late for who asked is not taken for another one's.
Result<void> AwaitReaped(int socket, const std::string& incarnation) {
  wire::ReapAnswer answer;
  ssize_t got = 0;
  do {
    // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): whoever launches must wait anyway
    got = recv(socket, &answer, sizeof answer, 0);
  } while ((got < 0 && errno == EINTR) ||
           (got == static_cast<ssize_t>(sizeof answer) && incarnation != answer.incarnation));
  if (got < 0) {
    return ErrnoError("the sandbox launcher does not answer", errno);
  }
  if (got != static_cast<ssize_t>(sizeof answer) || answer.magic != wire::kMagic) {
    return Error{ErrorCode::kUnavailable, "the sandbox launcher has died", {}, {}, 0};
  }
  if (answer.all_gone == 0) {
    return Error{
        ErrorCode::kUnavailable, "some of its control groups cannot be removed", {}, {}, 0};
  }
  return {};
}

struct Sockets {
  UniqueFd ours;
  UniqueFd launchers;
};

// `ours` gives up on a launcher that does not take or answer in time.
Result<Sockets> MakeSockets() {
  int ends[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoError("cannot make the launcher's socket", errno);
  }
  Sockets sockets{UniqueFd(ends[0]), UniqueFd(ends[1])};
  const timeval patience = {kAnswerSeconds, 0};
  if (setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0 ||
      setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
    return ErrnoError("cannot set up the launcher's socket", errno);
  }
  return sockets;
}

}  // namespace

Result<std::unique_ptr<LauncherClient>> LauncherClient::Start(
    const std::string& incarnation, Mode mode, std::size_t most_warm,
    std::span<const policies::WorkspaceRoot> roots) {
  if (!IsIncarnation(incarnation)) {
    return BadIncarnation(incarnation);
  }
  const std::string_view program(
      casemate_launcher_begin,
      static_cast<std::size_t>(casemate_launcher_end - casemate_launcher_begin));
  auto sealed = MakeSealedMemfd("casemate-launcher", program, MemfdUse::kProgram);
  ForgetPages(program);
  auto sockets = MakeSockets();
  UniqueFd null_device(open("/dev/null", O_RDWR | O_CLOEXEC));
  int exec_pipe[2] = {-1, -1};
  if (!sealed || !sockets || !null_device.valid() || pipe2(exec_pipe, O_CLOEXEC) != 0) {
    return !sealed    ? std::move(sealed).error()
           : !sockets ? std::move(sockets).error()
                      : ErrnoError("cannot prepare the launcher", errno);
  }
  const UniqueFd exec_read(exec_pipe[0]);
  auto image = AboveControlFd(*std::move(sealed));
  auto control = AboveControlFd(std::move(sockets->launchers));
  auto exec_write = AboveControlFd(UniqueFd(exec_pipe[1]));
  auto null_above = AboveControlFd(std::move(null_device));
  if (!image || !control || !exec_write || !null_above) {
    return ErrnoError("cannot prepare the launcher", EMFILE);
  }
  std::string name = "casemate-launcher";
  std::string argument = incarnation;
  std::string warm = std::to_string(most_warm);
  std::string mode_name = NameOf(mode);
  char* const argv[] = {name.data(), argument.data(), warm.data(), mode_name.data(), nullptr};
  const StartFds fds = {image->get(), control->get(), null_above->get(), exec_write->get()};
  const pid_t pid = fork();
  if (pid == 0) {
    const int err = ExecuteLauncher(fds, argv);
    [[maybe_unused]] const ssize_t told = write(fds.exec_error, &err, sizeof err);
    _exit(127);
  }
  if (pid < 0) {
    return ErrnoError("cannot start the sandbox launcher", errno);
  }
  exec_write->Reset();
  control->Reset();  // or its end would not show as EOF
  if (const int err = AwaitExec(exec_read.get()); err != 0) {
    AwaitEnd(pid);
    Error error = ErrnoError("cannot execute the sandbox launcher from memory", err);
    error.code = ErrorCode::kUnavailable;
    error.remedy = "allow executable memfds: sysctl vm.memfd_noexec=0, and no LSM against them";
    return error;
  }
  std::unique_ptr<LauncherClient> client(new LauncherClient(pid, std::move(sockets->ours), mode));
  if (auto sent = client->SendRoots(roots); !sent) {
    return std::move(sent).error();
  }
  return client;
}

Result<void> LauncherClient::SendRoots(std::span<const policies::WorkspaceRoot> roots) {
  if (roots.empty()) {
    return {};
  }
  if (roots.size() > wire::kMaxRoots) {
    return InvalidArgument("workspace_roots",
                           "expected at most " + std::to_string(wire::kMaxRoots) +
                               " directories, got " + std::to_string(roots.size()));
  }
  auto sockets = MakeSockets();
  if (!sockets) {
    return std::move(sockets).error();
  }
  wire::ControlMessage message;
  message.kind = wire::ControlKind::kRoots;
  if (auto sent = SendControl(control_.get(), message, {sockets->launchers.get()}); !sent) {
    return sent;
  }
  sockets->launchers.Reset();
  wire::RootEntry entry;
  for (const policies::WorkspaceRoot& root : roots) {
    entry.writable = root.writable ? 1 : 0;
    if (!CopyPath(root.path, entry.path)) {
      return InvalidArgument("workspace_roots", "expected a path of at most 4095 bytes");
    }
    if (send(sockets->ours.get(), &entry, sizeof entry, MSG_NOSIGNAL) < 0) {
      return ErrnoError("cannot tell the launcher the workspace roots", errno);
    }
  }
  return {};
}

Result<HostDirectory> LauncherClient::OpenDirectory(const std::string& path,
                                                    const std::string& tidy) {
  wire::OpenRequest request;
  HostDirectory found;
  if (!CopyPath(path, request.path) || !CopyPath(tidy, request.tidy)) {
    found.reason = ENAMETOOLONG;
    return found;
  }
  auto sockets = MakeSockets();
  if (!sockets) {
    return std::move(sockets).error();
  }
  if (send(sockets->ours.get(), &request, sizeof request, MSG_NOSIGNAL) < 0) {
    return ErrnoError("cannot ask the launcher for a directory", errno);
  }
  wire::ControlMessage message;
  message.kind = wire::ControlKind::kOpen;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (auto sent = SendControl(control_.get(), message, {sockets->launchers.get()}); !sent) {
      return std::move(sent).error();
    }
  }
  sockets->launchers.Reset();
  wire::OpenReply reply;
  const ssize_t got = ReceiveWithFd(sockets->ours.get(), &reply, sizeof reply, found.directory);
  if (got < 0 && errno == EAGAIN) {
    return Error{ErrorCode::kUnavailable,
                 "the directory " + tidy + " could not be looked at in time", "args.workspace",
                 "its file system may hang; try again, or leave `workspace` out", 0};
  }
  if (got != static_cast<ssize_t>(sizeof reply)) {
    return Error{
        ErrorCode::kUnavailable,
        "the sandbox launcher did not open " + tidy + ": it has died, or too many directories hang",
        "args.workspace", "try again; if calls without a workspace fail too, restart casemate", 0};
  }
  found.reason = reply.reason;
  if (found.directory.valid()) {
    found.path.assign(reply.path, strnlen(reply.path, sizeof reply.path));
  }
  return found;
}

LauncherClient::~LauncherClient() {
  Stop();
}

bool LauncherClient::Stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (control_.valid()) {
    control_.Reset();
    ended_in_order_ = AwaitEnd(pid_);
  }
  return ended_in_order_;
}

Result<void> LauncherClient::Launch(const std::vector<int>& fds) {
  if (fds.size() + 1 < kMaxLaunchFds || fds.size() > kMaxLaunchFds) {
    return Error{ErrorCode::kInternal, "a launch request takes 5 or 6 descriptors", {}, {}, 0};
  }
  wire::ControlMessage message;
  message.kind = wire::ControlKind::kLaunch;
  const std::lock_guard<std::mutex> lock(mutex_);
  return SendControl(control_.get(), message, fds);
}

Result<void> LauncherClient::Reap(const std::string& incarnation) {
  if (!IsIncarnation(incarnation)) {
    return BadIncarnation(incarnation);
  }
  wire::ControlMessage message;
  message.kind = wire::ControlKind::kReap;
  std::memcpy(message.incarnation, incarnation.data(), incarnation.size());
  const std::lock_guard<std::mutex> lock(mutex_);
  auto sent = SendControl(control_.get(), message, {});
  return sent ? AwaitReaped(control_.get(), incarnation) : std::move(sent);
}

}  // namespace casemate::sandbox
