// The command of the guard: started under our filter, in a session of its own. One thread.
#pragma once

#include <linux/filter.h>
#include <signal.h>
#include <sys/types.h>

#include <cstddef>

#include "sandbox/container/guard/protocol.h"

namespace casemate::container::guard {

inline constexpr std::size_t kMaxInstructions = 4096;  // BPF_MAXINSNS

struct Filter {
  sock_filter code[kMaxInstructions];
  unsigned short length = 0;
};

// false: errno says why.
bool ReadFilter(Filter& filter);

struct Started {
  pid_t pid = -1;           // -1: nothing was started, and `failure` says why
  bool has_failed = false;  // as `failure` says
  End failure;
};

// Returns once the program runs or could not. Call with the signals in `taken` blocked: the command
// itself has none blocked.
Started StartCommand(char** argv, const Filter& filter);
// Blocks these for the guard, to be waited for.
bool Block(const sigset_t& taken);
End EndOf(int wait_status);
int ExitCodeOf(const End& end);

}  // namespace casemate::container::guard
