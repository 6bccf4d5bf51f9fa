// Runs a seccomp filter the way the kernel does, for any call and any architecture, without making
// the call. Test-only; pure.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace casemate::sandbox::test {

class BpfSimulator {
 public:
  explicit BpfSimulator(const std::string& filter) : code_(filter.size() / sizeof(sock_filter)) {
    std::memcpy(code_.data(), filter.data(), code_.size() * sizeof(sock_filter));
  }

  [[nodiscard]] std::uint32_t Run(const seccomp_data& data) const {
    std::uint32_t accumulator = 0;
    std::size_t at = 0;
    while (at < code_.size()) {
      const sock_filter& step = code_[at++];
      switch (step.code) {
        case BPF_LD | BPF_W | BPF_ABS:
          std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k,
                      sizeof accumulator);
          break;
        case BPF_ALU | BPF_AND | BPF_K:
          accumulator &= step.k;
          break;
        case BPF_JMP | BPF_JA:
          at += step.k;
          break;
        case BPF_JMP | BPF_JEQ | BPF_K:
          at += accumulator == step.k ? step.jt : step.jf;
          break;
        case BPF_JMP | BPF_JGT | BPF_K:
          at += accumulator > step.k ? step.jt : step.jf;
          break;
        case BPF_JMP | BPF_JGE | BPF_K:
          at += accumulator >= step.k ? step.jt : step.jf;
          break;
        case BPF_JMP | BPF_JSET | BPF_K:
          at += (accumulator & step.k) != 0 ? step.jt : step.jf;
          break;
        case BPF_RET | BPF_K:
          return step.k;
        default:
          throw std::runtime_error("unexpected instruction " + std::to_string(step.code));
      }
    }
    throw std::runtime_error("ran off the end of the filter");
  }

 private:
  std::vector<sock_filter> code_;
};

}  // namespace casemate::sandbox::test
