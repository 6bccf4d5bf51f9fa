// ArgumentGate: a check of one system-call argument that runs before the allow-list. libseccomp's
// rules compare all 64 bits of a register, but the kernel looks only at the lower 32 of these
// arguments; and a rule cannot say "all but". CVE-2019-7303 and CVE-2019-10063 (TIOCSTI with a bit
// set above the 32nd) came of that. Pure; thread-safe.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

namespace casemate::sandbox {

struct ArgumentGate {
  enum class Kind {
    kOnly,    // the argument must be one of `values`
    kNever,   // the argument must be none of `values`
    kNoBits,  // no bit of `values` may be set
  };
  int syscall = 0;
  unsigned argument = 0;  // 0 … 5
  Kind kind = Kind::kOnly;
  std::vector<std::uint32_t> values;
  int refusal = 0;  // errno of the refused
  // Where set, the gate counts only if argument `condition` has one of these bits.
  unsigned condition = 0;
  std::uint32_t condition_bits = 0;
};

// Code that refuses what the gates refuse and falls through at its end for all else, also for other
// architectures than `audit_arch`. Put it before a filter that judges the rest.
std::vector<sock_filter> CompileGates(std::span<const ArgumentGate> gates,
                                      std::uint32_t audit_arch);

}  // namespace casemate::sandbox
