// GuardOutput: takes the stdout of a guarded container apart into Hello, what the command wrote,
// and End. Owned by one run.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/container/guard/protocol.h"

namespace casemate::container {

class GuardOutput {
 public:
  explicit GuardOutput(const guard::Nonce& nonce) : nonce_(nonce) {}

  // Hands on what the command wrote, as soon as it cannot be the End any more. `greet` is called
  // once, with the guard's first words; its error is returned.
  Result<void> Take(std::string_view bytes,
                    const std::function<Result<void>(const guard::Hello&)>& greet,
                    const std::function<void(std::string_view)>& write);
  // At the end of the stream: the End, if the guard came to it; what was held back and is none is
  // written.
  std::optional<guard::End> Finish(const std::function<void(std::string_view)>& write);
  [[nodiscard]] bool has_greeted() const { return has_greeted_; }

 private:
  [[nodiscard]] std::size_t SureBytes() const;

  const guard::Nonce nonce_;
  std::string held_;
  bool has_greeted_ = false;
};

}  // namespace casemate::container
