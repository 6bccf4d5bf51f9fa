// Prompts: texts with arguments that a person picks in a host and hands to the model. Immutable and
// thread-safe. Access passes policy and audit in PromptReader, never here.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policies/identity/principal.h"
#include "tools/content.h"

namespace casemate::tools {

struct CallContext;

struct PromptArgument {
  std::string name;
  std::string title;
  std::string description;
  bool required = false;
};

struct PromptSpec {
  std::string name;  // [a-z0-9_]{1,30}
  std::string title;
  std::string description;
  std::vector<PromptArgument> arguments;
  // The initialiser lets g++ 12 accept a designated initialiser that leaves it out.
  std::string
      icon{};  // NOLINT(readability-redundant-member-init) an https or data URI; empty: none
};

enum class Role { kUser, kAssistant };

struct PromptMessage {
  Role role = Role::kUser;
  Content content;
};

struct PromptResult {
  std::string description;
  std::vector<PromptMessage> messages;
};

using PromptArguments = std::map<std::string, std::string>;

class Prompt {
 public:
  virtual ~Prompt() = default;
  [[nodiscard]] virtual const PromptSpec& spec() const = 0;
  // `arguments`: required ones are there, unknown ones are not. It may ask (context.asker).
  [[nodiscard]] virtual Result<PromptResult> Get(const PromptArguments& arguments,
                                                 CallContext& context) const = 0;
  // Values of `argument` that begin with `prefix`, at most 100. `others`: what is filled in so far.
  [[nodiscard]] virtual std::vector<std::string> Complete(
      std::string_view argument, std::string_view prefix, const PromptArguments& others,
      const policies::Principal& principal) const;
};

}  // namespace casemate::tools
