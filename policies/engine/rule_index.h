// RuleIndex: which rules of a layer can apply to a call at all. Many rules demand that one
// attribute equals one of some texts; for a call whose attribute is another text their conditions
// are false, whatever else they say, so that they need not be evaluated. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "policies/engine/rule.h"

namespace casemate::policies {

class RuleIndex {
 public:
  RuleIndex() = default;
  explicit RuleIndex(std::span<const Rule> rules);
  // Places of the rules that have to be evaluated, ascending within each group: all others are
  // false of the call.
  [[nodiscard]] std::vector<std::uint32_t> Candidates(const Attributes& attributes) const;

 private:
  // Rules that demand a text of `path`.
  struct Group {
    AttributePath path;
    std::vector<std::uint32_t> all;
    std::unordered_map<std::string, std::vector<std::uint32_t>> by_text;
  };
  std::vector<std::uint32_t> others_;
  std::vector<Group> groups_;
};

}  // namespace casemate::policies
