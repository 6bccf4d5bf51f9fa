// A child process with captured output and a deadline, and what it left behind. Single-threaded.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace casemate::escape {

struct Launch {
  std::vector<std::string> argv;
  std::vector<std::string> env;  // NAME=value; complete
  std::string directory = "/";
  std::optional<uid_t> run_as;   // user and group to become first; needs root
  bool leak_descriptor = false;  // leave /dev/null open as descriptor 9
};

struct Finished {
  int wait_status = 0;
  bool hung = false;  // killed at the deadline
  std::string out;    // the last mebibyte
  std::string err;
  long max_rss_kb = 0;
};

// Throws std::runtime_error with what errno says.
[[noreturn]] void FailErrno(const std::string& what);
// What execve(2) takes; lives as long as `words`.
std::vector<char*> Pointers(const std::vector<std::string>& words);

class Process {
 public:
  // Throws std::runtime_error: without a process there is no trial.
  explicit Process(const Launch& launch);
  // Ends a process that nobody waited for: SIGTERM, and SIGKILL after a while.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // Until the process itself ended, whoever else holds its output. Throws Interrupted.
  Finished Wait(std::chrono::seconds limit = std::chrono::seconds(90));
  void Signal(int number) const;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd out_;
  UniqueFd err_;
};

Finished RunProcess(const Launch& launch);

// Orphans come to us instead of to the machine's init.
void BecomeSubreaper();
// A child that goes on between attacks and is no leftover; -1: there is none any more.
void KeepChild(pid_t child);
// Processes that are our children and run: what a finished command left behind. Reaps ended ones.
std::vector<pid_t> LiveChildren();
// The same after waiting for them to end, for at most `limit`. Throws Interrupted.
std::vector<pid_t> LiveChildrenAfter(std::chrono::seconds limit);
// The children of any process, those of all its threads.
std::vector<pid_t> ChildrenOf(pid_t process);
void KillChildren(const std::vector<pid_t>& children);
// All of them, and those that then become ours.
void KillAllChildren();
// Waits for the end of a child that is asked to end, kills it after `limit`, and reaps it.
void EndChild(pid_t child, std::chrono::seconds limit);

}  // namespace casemate::escape
