// Attributes of one call, addressed by dotted path: tool, principal.id, principal.tenant,
// principal.roles, args.…, context.… . A number addresses an element of an array (args.command.0).
// AttributePath is an immutable value; Attributes borrows the PolicyInput for one Decide on one
// thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "policies/engine/policy_engine.h"

namespace casemate::policies {

class AttributePath {
 public:
  AttributePath() = default;
  // Errors: kInvalidArgument saying which paths there are.
  static Result<AttributePath> Parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::vector<std::string>& segments() const { return segments_; }

 private:
  std::string text_;
  std::vector<std::string> segments_;
};

struct Attribute {
  enum class State {
    kFound,
    kMissing,      // the attribute, or an object on the way to it, is absent
    kUnreachable,  // something on the way is neither an object nor an array with such an element
  };
  State state = State::kMissing;
  const nlohmann::json* value = nullptr;  // set exactly when kFound
};

class Attributes {
 public:
  explicit Attributes(const PolicyInput& input);
  ~Attributes();
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  [[nodiscard]] Attribute Find(const AttributePath& path) const;

 private:
  const nlohmann::json& args_;
  const nlohmann::json& context_;
  std::unique_ptr<const nlohmann::json> caller_;  // {tool, principal: {id, tenant, roles}}
};

}  // namespace casemate::policies
