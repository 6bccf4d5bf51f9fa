// ResourceReader: the only way to what resource providers hold. Everything that is read, watched or
// completed passes policy and is on the audit trail before it is shown. Thread-safe. Borrows
// catalog and gate.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "tools/catalog.h"
#include "tools/gate.h"

namespace casemate::tools {

// MCP's own limit of 100, and one more that shows that there are more.
inline constexpr std::size_t kMaxCompletions = 101;
inline constexpr std::size_t kMaxUriBytes = 2048;

class ResourceReader {
 public:
  ResourceReader(const Catalog& catalog, Gate& gate) : catalog_(catalog), gate_(gate) {}

  // What the caller may find and, as policy stands, read: action "resource_list" with args {} and
  // context {kind: "list", listed: how many}. Empty, and not recorded, when policy could never let
  // it read any. Errors: those of Gate::Pass.
  [[nodiscard]] Result<std::vector<ResourceSpec>> List(const CallContext& context) const;
  // Empty when policy could never let `principal` read a resource.
  [[nodiscard]] std::vector<ResourceTemplateSpec> Templates(
      const policies::Principal& principal) const;

  // Action "resource_read" with args {uri} and the provider's facts; labels what these or policy
  // say is untrusted. Errors: kNotFound for "uri"; those of Gate::Pass.
  [[nodiscard]] Result<ResourceContents> Read(std::string_view uri,
                                              const CallContext& context) const;
  // Whether its changes may be watched, and will be told: action "resource_watch", otherwise like
  // Read. Errors: those of ResourceProvider::Watch, too.
  [[nodiscard]] Result<void> Watchable(std::string_view uri, const CallContext& context) const;

  // At most kMaxCompletions values of `variable` that begin with `prefix` and lead to what the
  // caller may read: action "completion" with args {uri_template, argument} and context {ref:
  // "template"}. Errors: kInvalidArgument for "ref.uri" (no such template) and "argument.name" (it
  // has no such variable); those of Gate::Pass.
  [[nodiscard]] Result<std::vector<std::string>> Complete(std::string_view uri_template,
                                                          std::string_view variable,
                                                          std::string_view prefix,
                                                          const CallContext& context) const;

 private:
  struct Admitted {
    const ResourceProvider* provider;
    Passage passage;
  };
  [[nodiscard]] Result<Admitted> Admit(std::string_view uri, const std::string& action,
                                       const CallContext& context) const;
  [[nodiscard]] bool MayRead(const ResourceProvider& provider, const std::string& uri,
                             const CallContext& context) const;

  const Catalog& catalog_;
  Gate& gate_;
};

}  // namespace casemate::tools
