// PromptReader: the only way to prompts. Getting and completing them passes policy and is on the
// audit trail before anything is shown; of arguments the trail keeps size and digest. Thread-safe.
// Borrows catalog and gate.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/catalog.h"
#include "tools/gate.h"

namespace casemate::tools {

inline constexpr std::size_t kMaxPromptArgumentBytes = std::size_t{64} << 10;

class PromptReader {
 public:
  PromptReader(const Catalog& catalog, Gate& gate) : catalog_(catalog), gate_(gate) {}

  // Empty when policy could never let `principal` get a prompt.
  [[nodiscard]] std::vector<const PromptSpec*> List(const policies::Principal& principal) const;

  // Action "prompt_get" with args {name, arguments: {NAME: {bytes, sha256}}}. Errors: kNotFound for
  // "name"; kInvalidArgument for "arguments" or "arguments.NAME", naming all that is missing or
  // unknown; those of Gate::Pass and of the prompt.
  Result<PromptResult> Get(std::string_view name, const PromptArguments& arguments,
                           CallContext& context) const;

  // At most 100 values of `argument` that begin with `prefix`; `others`: what is filled in so far.
  // Action "completion" with args {prompt, argument} and context {ref: "prompt"}. Errors:
  // kInvalidArgument for "ref.name" and "argument.name"; those of Gate::Pass.
  [[nodiscard]] Result<std::vector<std::string>> Complete(std::string_view name,
                                                          std::string_view argument,
                                                          std::string_view prefix,
                                                          const PromptArguments& others,
                                                          const CallContext& context) const;

 private:
  [[nodiscard]] Error UnknownPrompt(std::string_view name) const;

  const Catalog& catalog_;
  Gate& gate_;
};

}  // namespace casemate::tools
