#include "sandbox/container/run/guard_output.h"

#include <cstring>

namespace casemate::container {

Result<void> GuardOutput::Take(std::string_view bytes,
                               const std::function<Result<void>(const guard::Hello&)>& greet,
                               const std::function<void(std::string_view)>& write) {
  held_ += bytes;
  if (!has_greeted_) {
    if (held_.size() < sizeof(guard::Hello)) {
      return {};
    }
    guard::Hello hello;
    std::memcpy(&hello, held_.data(), sizeof hello);
    held_.erase(0, sizeof hello);
    if (hello.magic != guard::kHelloMagic) {
      return Error{ErrorCode::kUnavailable,
                   "the container's first process is not the guard",
                   {},
                   "look whether the engine can run a static program of this machine",
                   0};
    }
    has_greeted_ = true;
    if (auto greeted = greet(hello); !greeted) {
      return greeted;
    }
  }
  if (const std::size_t sure = SureBytes(); sure > 0) {
    write(std::string_view(held_).substr(0, sure));
    held_.erase(0, sure);
  }
  return {};
}

// Those before what may be the beginning of the End: its nonce, as far as it has come.
std::size_t GuardOutput::SureBytes() const {
  const std::string_view nonce(reinterpret_cast<const char*>(nonce_.data()), nonce_.size());
  const std::string_view held = held_;
  std::size_t at = held.size() > sizeof(guard::End) ? held.size() - sizeof(guard::End) : 0;
  for (; at < held.size(); ++at) {
    const std::string_view rest = held.substr(at, nonce.size());
    if (nonce.starts_with(rest)) {
      return at;
    }
  }
  return held.size();
}

std::optional<guard::End> GuardOutput::Finish(const std::function<void(std::string_view)>& write) {
  if (has_greeted_ && held_.size() == sizeof(guard::End) &&
      std::memcmp(held_.data(), nonce_.data(), nonce_.size()) == 0) {
    guard::End end;
    std::memcpy(&end, held_.data(), sizeof end);
    held_.clear();
    return end;
  }
  if (has_greeted_ && !held_.empty()) {
    write(held_);
  }
  held_.clear();
  return std::nullopt;
}

}  // namespace casemate::container
