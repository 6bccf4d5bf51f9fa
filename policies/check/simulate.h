// Replays calls of the audit trail through a candidate policy: whose decision would be another? Not
// thread-safe; bounded memory, however long the trail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "policies/engine/yaml_policy.h"

namespace casemate::policies {

// The records that count: those of calls and accesses, judged at `since_ms` or `since_seq` and
// later.
struct ReplayRange {
  std::int64_t since_ms = 0;   // milliseconds since the epoch
  std::int64_t since_seq = 0;  // of the trail
};

class Simulation {
 public:
  // Borrows `candidate`.
  Simulation(const YamlPolicy& candidate, const ReplayRange& range);

  // Whether `body`, a record of the trail, is a call within the range, or might be one and cannot
  // be read.
  [[nodiscard]] bool Counts(std::string_view body) const;
  // Judges it, if it counts.
  void Add(std::string_view body);

  // {version, candidate: revision, calls, same, flipped, indeterminate, unreadable: counts;
  //  flips: [{from, to, rule, count, examples: [seq], tools: [name]}];
  //  hidden: [{paths: [path], count, examples: [seq]}]}
  // A call is indeterminate when what decides it was not kept: its arguments were too long for the
  // trail, or the record holds no history and the candidate asks for it.
  [[nodiscard]] nlohmann::json Report() const;
  [[nodiscard]] std::size_t flipped() const { return flipped_; }

 private:
  struct Group {
    std::size_t count = 0;
    std::vector<std::int64_t> examples;  // the first few
    std::vector<std::string> tools;      // distinct, likewise
  };
  struct Outcome {
    Effect effect = Effect::kDeny;
    std::string rule;
    std::vector<std::string> hidden;  // what the decision hangs on and was not kept
  };
  [[nodiscard]] Outcome Judge(const PolicyInput& input) const;
  static void Count(Group& group, std::int64_t seq, const std::string& tool);

  const YamlPolicy& candidate_;
  ReplayRange range_;
  std::size_t calls_ = 0;
  std::size_t same_ = 0;
  std::size_t flipped_ = 0;
  std::size_t indeterminate_ = 0;
  std::size_t unreadable_ = 0;
  std::map<std::tuple<std::string, std::string, std::string>, Group> flips_;  // from, to, rule
  std::map<std::vector<std::string>, Group> hidden_;                          // by paths
};

}  // namespace casemate::policies
