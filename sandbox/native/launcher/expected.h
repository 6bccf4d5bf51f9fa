// Expected: what the next call will likely want of its sandbox, learned from the calls before:
// their limits and their filter, and nothing else of them. A sandbox made ahead can be locked for
// it before its call is there. Single-threaded.
#pragma once

#include <cstddef>

#include "sandbox/native/launcher/request.h"

namespace casemate::launcher {

class Expected {
 public:
  // A call came.
  void Learn(const Request& request);
  // Whether a sandbox that was locked for this serves `request`, too.
  [[nodiscard]] bool Fits(const Request& request) const;
  // Two calls in a row wanted this, and it can be put in force without knowing more of a call.
  [[nodiscard]] bool is_likely() const { return alike_ >= kEnough; }
  // A spec without command, environment and files, with the filter behind it. Of nobody before the
  // first call: all zero.
  [[nodiscard]] const char* data() const { return reinterpret_cast<const char*>(&learned_); }
  [[nodiscard]] const wire::LaunchSpec& spec() const { return learned_.spec; }

 private:
  static constexpr std::size_t kMaxFilterBytes = 32768;  // BPF_MAXINSNS instructions
  static constexpr unsigned kEnough = 2;
  struct Learned {
    wire::LaunchSpec spec;
    char filter[kMaxFilterBytes];
  };

  Learned learned_ = {};
  unsigned alike_ = 0;  // calls in a row, up to kEnough; 0: nothing can be put in force ahead
};

}  // namespace casemate::launcher
