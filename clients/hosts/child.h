// A program started as a host starts a server: pipes on its three descriptors, a small environment,
// the root directory as working directory, a session of its own. Owned by value; one thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate::hosts {

using Deadline = std::chrono::steady_clock::time_point;

struct CommandLine {
  std::string program;  // absolute
  std::vector<std::string> args;
  std::vector<std::string> environment;  // NAME=value
  std::string directory = "/";
};

class Child {
 public:
  static Result<Child> Start(const CommandLine& line);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();  // kills it, and what it started in its session, if it still runs

  // False: the child does not read any more, or not before the deadline.
  bool Send(std::string_view bytes, Deadline deadline);
  // The next line of its output, without the line break; kNotFound: there are no more;
  // kUnavailable: none before the deadline; kResourceExhausted: too long.
  Result<std::string> ReadLine(Deadline deadline);
  void CloseInput() { input_.Reset(); }
  // Whether it ended before the deadline. Its outputs are read meanwhile.
  bool WaitForEnd(Deadline deadline);
  // "exit code 1" or "signal 9", after its end.
  [[nodiscard]] std::string HowItEnded() const;
  // The end of what it wrote to its standard error.
  [[nodiscard]] const std::string& Complaints() const { return complaints_; }

 private:
  Child(pid_t pid, UniqueFd pidfd, UniqueFd input, UniqueFd output, UniqueFd error);
  enum class For { kOutput, kRoom, kEnd };
  // Waits for output and, besides, for room in its input or for its end; takes what it wrote.
  // False: the deadline passed.
  bool Wait(For what, Deadline deadline);

  pid_t pid_;
  UniqueFd pidfd_;
  UniqueFd input_;
  UniqueFd output_;
  UniqueFd error_;
  std::string pending_;
  std::string complaints_;
  bool ended_ = false;
  int status_ = 0;
};

}  // namespace casemate::hosts
