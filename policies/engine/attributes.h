// Attributes of one call, addressed by dotted path: tool, principal.id, principal.tenant,
// principal.roles, args.…, context.…, history.… . A number addresses an element of an array
// (args.command.0). AttributePath is an immutable value; Attributes borrows the PolicyInput for one
// Decide on one thread.
#pragma once

#include <cstddef>
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
  // For calls of the trail, whose args, context or history may be left out: {"omitted": true, …} in
  // their place. Nothing in there can be decided; `hidden` gets the paths that a result of Evaluate
  // hangs on.
  Attributes(const PolicyInput& input, std::vector<std::string>& hidden);
  ~Attributes();
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  [[nodiscard]] Attribute Find(const AttributePath& path) const;
  // How many paths are noted as hidden, and back to that number: what other parts decide hangs on
  // none of those noted since.
  [[nodiscard]] std::size_t HiddenCount() const;
  void ForgetHidden(std::size_t count) const;

 private:
  const nlohmann::json& args_;
  const nlohmann::json& context_;
  const nlohmann::json& history_;
  std::unique_ptr<const nlohmann::json> caller_;  // {tool, principal: {id, tenant, roles}}
  std::vector<std::string>* hidden_ = nullptr;    // borrowed
};

// Whether `value` stands in the trail for one that was too long or not kept.
[[nodiscard]] bool IsOmitted(const nlohmann::json& value);

}  // namespace casemate::policies
