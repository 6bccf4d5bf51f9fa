// A layer of policy: the rules of one file. Layers stand above each other by `extends`; each is
// judged by itself, and the strictest of them wins, so that none can widen what another refuses.
// Immutable after loading; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policies/engine/rule.h"
#include "policies/engine/rule_index.h"

namespace casemate::policies {

// Whose layer it is, from the widest: one can only extend what stands before it.
enum class LayerKind { kOrganisation, kTenant, kWorkspace, kUnstated };

struct Layer {
  std::string name;  // for people: the file
  LayerKind kind = LayerKind::kUnstated;
  // Without `extends`: what none of its rules allows is refused. Otherwise the layer has no say in
  // tools that none of its allow and ask rules names.
  bool is_root = true;
  std::vector<std::string> tenants;     // calls that it is about; empty: of every tenant
  std::vector<std::string> workspaces;  // likewise: prefixes of context.workspace
  Rights ceiling = kAllRights;          // of every call that it is about
  ApprovalTerms floor = {Approver::kClient, kLongestApprovalMs, Remember::kSameRule};
  std::vector<Rule> rules;
  RuleIndex index;  // of `rules`

  static constexpr std::int64_t kLongestApprovalMs = std::int64_t{7} * 24 * 3600 * 1000;

  [[nodiscard]] bool IsAboutTenant(std::string_view tenant) const;
  [[nodiscard]] bool IsAbout(const PolicyInput& input) const;
  // Whether it judges calls of `tool`, beyond its deny rules.
  [[nodiscard]] bool SpeaksOf(std::string_view tool) const;
};

std::string_view ToString(LayerKind kind);

}  // namespace casemate::policies
