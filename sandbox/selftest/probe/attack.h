// The attacks that the probe binary can run, by name. Each is a plain function that tries one thing
// and says how it ended; the battery next door knows what must come out. Single-threaded,
// stateless; a process runs exactly one attack.
#pragma once

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace casemate::escape {

enum class Verdict {
  kBlocked,     // `detail` is the reason: an errno name, or a word
  kSucceeded,   // the attack got what it wanted
  kError,       // the attack could not be tried; says nothing about the sandbox
  kUnconfined,  // it was not tried, for it found no sandbox
};

struct Outcome {
  Verdict verdict = Verdict::kError;
  std::string detail;
};

using Args = std::span<const std::string>;

struct Attack {
  std::string_view name;
  int battery;  // its number in the abuse battery; see README.md
  Outcome (*run)(Args args);
  bool only_confined = false;  // harmful outside a sandbox: refused there
};

std::span<const Attack> ResourceAttacks();
std::span<const Attack> StorageAttacks();
std::span<const Attack> ProcessAttacks();
std::span<const Attack> KernelAttacks();
std::span<const Attack> MountAttacks();
std::span<const Attack> NetworkAttacks();
std::span<const Attack> FileAttacks();

// Outcomes. `detail` is one word without blanks.
Outcome Blocked(std::string detail);
Outcome Succeeded(std::string detail = "-");
Outcome CannotTry(std::string detail);
std::string ErrnoName(int number);
// A system call's return value: at or above zero it succeeded, else errno says why not.
Outcome OfCall(long returned);

// The argument at `index`, or `fallback`.
std::string TextArg(Args args, std::size_t index, std::string_view fallback);
std::int64_t NumberArg(Args args, std::size_t index, std::int64_t fallback);

// Up to `max_bytes` of a file; empty when it cannot be read, with errno set.
std::string ReadSome(const std::string& path, std::size_t max_bytes = 65536);
// A child that waits to be killed. Returns its pid, or -1 with errno.
int SpawnVictim();
void KillVictim(int pid);
// The pid in the first argument; "child" stands for a new victim, for controls.
class Target {
 public:
  explicit Target(Args args);
  ~Target();
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  [[nodiscard]] int pid() const { return pid_; }

 private:
  int pid_ = -1;
  bool own_ = false;
};

// Runs under a seccomp filter and without a way to new privileges, as everything in a sandbox does?
bool IsConfined();
// Unshares user, mount, PID, network, IPC, UTS and cgroup namespaces and becomes root there, so
// that the control of a privileged call runs as an ordinary user and leaves nothing behind. Returns
// in the child that is in all of them; false with errno.
bool EnterOwnNamespaces();

}  // namespace casemate::escape
