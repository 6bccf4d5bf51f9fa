// A process that a benchmark starts: its pipes, its memory and processor time, and its end.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace casemate::bench {

[[noreturn]] void Die(const std::string& what);  // std::runtime_error

// Starts a process and waits for it; dies unless it exits with 0.
void RunToEnd(const std::vector<std::string>& argv);
// The same for a program that may fail, hang or talk: silent, killed with its process group after
// 30 s; the error is why, with the first line that it said.
void RunQuietly(const std::vector<std::string>& argv);

// A server with its standard input and output in pipes; standard error goes to ours, or, `quietly`,
// nowhere. Ends with its input, or is killed after 10 s.
class Child {
 public:
  enum class Stderr { kOurs, kQuiet, kPiped };
  // `env`: NAME=value, beside ours.
  Child(const std::vector<std::string>& argv, const std::vector<std::string>& env,
        Stderr stderr_to);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  void Write(std::string_view bytes) const;
  // What has come; waits for something; dies at the end of the stream.
  std::string_view Read();
  // Up to and including the first line end.
  std::string ReadLine();
  // Of standard error, with kPiped; up to and including `end`.
  std::string ReadErrorUntil(std::string_view end) const;

  [[nodiscard]] int in() const { return in_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // A line of /proc/PID/status in KiB, "VmRSS" say.
  [[nodiscard]] long StatusKb(std::string_view field) const;
  void Stop();  // SIGTERM and wait

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string buffer_;
  std::string rest_;
};

// Processor time in ms of all children that have ended and were waited for, with theirs.
double EndedChildrenCpuMs();
// While one lives, what a child leaves behind becomes our child, bubblewrap's init say.
class Adoption {
 public:
  Adoption();
  Adoption(const Adoption&) = delete;
  Adoption& operator=(const Adoption&) = delete;
  ~Adoption();
  // Waits for those that have ended: then their processor time counts too.
  static void Reap();
};
// Processor time in ms of a living process, with its threads and ended children, and of its living
// children.
double TreeCpuMs(pid_t root);

}  // namespace casemate::bench
