#include "sandbox/native/argument_gate.h"

#include <linux/seccomp.h>

#include <bit>
#include <cstddef>
#include <cstdlib>

namespace casemate::sandbox {
namespace {

constexpr std::size_t kMaxJump = 255;  // jump offsets of conditional jumps are 8 bits wide

sock_filter Load(std::size_t offset) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}
sock_filter JumpIf(int comparison, std::uint32_t value, std::size_t if_true, std::size_t if_false) {
  if (if_true > kMaxJump || if_false > kMaxJump) {
    std::abort();  // a wrapped jump would let things pass; the gates are fixed, so tests see this
  }
  return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), value,
                  static_cast<std::uint8_t>(if_true), static_cast<std::uint8_t>(if_false));
}
sock_filter Refuse(int err) {
  return BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(err));
}

std::size_t LowerHalf(unsigned argument) {
  constexpr std::size_t kHalf = std::endian::native == std::endian::little ? 0 : 4;
  return offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t) + kHalf;
}

// Expects the call's number in the accumulator and leaves it there.
std::vector<sock_filter> CompileGate(const ArgumentGate& gate) {
  using Kind = ArgumentGate::Kind;
  const std::size_t count = gate.values.size();
  const bool conditional = gate.condition_bits != 0;
  // skip-unless-this-call, (load condition, skip-unless-met,) load argument, `count` tests, refuse,
  // reload number
  std::vector<sock_filter> code;
  code.push_back(
      JumpIf(BPF_JEQ, static_cast<std::uint32_t>(gate.syscall), 0, count + (conditional ? 5 : 3)));
  if (conditional) {
    code.push_back(Load(LowerHalf(gate.condition)));
    code.push_back(JumpIf(BPF_JSET, gate.condition_bits, 0, count + 2));
  }
  code.push_back(Load(LowerHalf(gate.argument)));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t left = count - 1 - i;  // tests after this one
    if (gate.kind == Kind::kOnly) {
      code.push_back(JumpIf(BPF_JEQ, gate.values[i], left + 1, 0));
    } else {
      const int comparison = gate.kind == Kind::kNever ? BPF_JEQ : BPF_JSET;
      // A match goes to the refusal; the last miss jumps over it.
      code.push_back(JumpIf(comparison, gate.values[i], left, left == 0 ? 1 : 0));
    }
  }
  code.push_back(Refuse(gate.refusal));
  code.push_back(Load(offsetof(seccomp_data, nr)));
  return code;
}

}  // namespace

std::vector<sock_filter> CompileGates(std::span<const ArgumentGate> gates,
                                      std::uint32_t audit_arch) {
  std::vector<sock_filter> body;
  for (const ArgumentGate& gate : gates) {
    const std::vector<sock_filter> code = CompileGate(gate);
    body.insert(body.end(), code.begin(), code.end());
  }
  std::vector<sock_filter> program;
  program.push_back(Load(offsetof(seccomp_data, arch)));
  // Numbers of another architecture mean other calls: leave those to the filter, which kills.
  program.push_back(JumpIf(BPF_JEQ, audit_arch, 0, body.size() + 1));
  program.push_back(Load(offsetof(seccomp_data, nr)));
  program.insert(program.end(), body.begin(), body.end());
  return program;
}

}  // namespace casemate::sandbox
