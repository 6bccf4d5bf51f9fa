#include "tests/bench/floor.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <string>

namespace casemate::bench {
namespace {

constexpr std::size_t kRecord = 8192;
constexpr off_t kFile = off_t{4} << 20;
constexpr int kBetween = 4;
constexpr std::size_t kStack = 65536;

void Require(bool done, const char* what) {
  if (!done) {
    throw std::runtime_error(std::string("floor: ") + what + ": errno " + std::to_string(errno));
  }
}

// In the child of clone(2), which shares no memory with us but waits to be replaced.
int ExecuteTrue(void* /*unused*/) {
  char name[] = "true";
  char* const argv[] = {name, nullptr};
  execv("/bin/true", argv);
  return 127;
}

}  // namespace

TwoRecords::TwoRecords()
    : file_(open((directory_.path() + "/log").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  Require(file_.valid(), "open");
  const std::string zeros(static_cast<std::size_t>(kFile), '\1');
  Require(pwrite(file_.get(), zeros.data(), zeros.size(), 0) == kFile, "write");
  Require(fsync(file_.get()) == 0, "fsync");
}

void TwoRecords::Run() {
  const std::string record(kRecord, '\2');
  for (int i = 0; i < 2; ++i) {
    Require(pwrite(file_.get(), record.data(), record.size(), at_) ==
                static_cast<ssize_t>(record.size()),
            "write");
    Require(fdatasync(file_.get()) == 0, "fdatasync");
    at_ = (at_ + static_cast<off_t>(kRecord)) % kFile;
  }
}

FiveHandOvers::FiveHandOvers() {
  int ends[2] = {-1, -1};
  Require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
  first_.Reset(ends[0]);
  UniqueFd before(ends[1]);
  for (int i = 0; i < kBetween; ++i) {
    Require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    UniqueFd to_next(ends[0]);
    UniqueFd next(ends[1]);
    const pid_t pid = fork();
    Require(pid >= 0, "fork");
    if (pid == 0) {
      first_.Reset();  // whose end is ours
      char byte = 0;
      while (recv(before.get(), &byte, 1, 0) == 1 && send(to_next.get(), &byte, 1, 0) == 1) {
      }
      _exit(0);
    }
    processes_.push_back(pid);
    before = std::move(next);
  }
  last_ = std::move(before);
}

FiveHandOvers::~FiveHandOvers() {
  first_.Reset();
  for (const pid_t pid : processes_) {
    waitpid(pid, nullptr, 0);
  }
}

void FiveHandOvers::Run() {
  char byte = 1;
  Require(send(first_.get(), &byte, 1, MSG_NOSIGNAL) == 1, "send");
  Require(recv(last_.get(), &byte, 1, 0) == 1, "recv");
}

void RunInNamespaces() {
  alignas(16) std::array<char, kStack> stack{};
  constexpr int kFlags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                         CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_VFORK | SIGCHLD;
  const pid_t pid = clone(ExecuteTrue, stack.data() + stack.size(), kFlags, nullptr);
  Require(pid > 0, "clone");
  int status = 0;
  Require(waitpid(pid, &status, 0) == pid && status == 0, "/bin/true in namespaces");
}

}  // namespace casemate::bench
