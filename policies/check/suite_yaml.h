// Test suites of policies: NAME.test.yaml beside NAME.yaml. Each test is a call and what the
// policy, with all its layers, must decide of it. Read strictly; load-time only; pure.
//
//   version: 1
//   policy: NAME.yaml                 # optional: which one it is about
//   tests:
//     - name: no network for anybody
//       call: {tool: run, args: {network: host}}      # as in `match` of a rule
//       expect: {effect: deny, rule: default-deny}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policies/engine/call_yaml.h"

namespace casemate::policies {

// What is not stated is not looked at. Limits that are not stated are -1.
struct Expectation {
  static constexpr Limits kAnyLimits = {-1, -1, -1, -1, -1, -1, -1};
  Effect effect = Effect::kDeny;
  std::optional<std::string> rule;                  // the deciding one
  std::optional<std::vector<std::string>> matched;  // exactly these, in any order
  Limits limits = kAnyLimits;                       // granted, or asked for
  std::optional<WorkspaceAccess> workspace;         // likewise
  bool strict_sandbox = false;                      // likewise: must be demanded
  std::optional<ContainerRights> containers;        // likewise: exactly these
  std::optional<Approver> by;
  std::optional<std::int64_t> expires_ms;
  std::optional<Remember> remember;
  std::optional<std::vector<std::string>> marks;  // exactly these, in any order
  std::vector<std::string> reason_contains;
};

struct PolicyTest {
  std::string name;
  std::string where;  // "file:line:column"
  StatedCall call;
  Expectation expect;
};

struct TestSuite {
  std::string file;
  std::string policy;  // as stated; empty: not
  std::vector<PolicyTest> tests;
};

// Errors: kInvalidArgument with file:line:column.
Result<TestSuite> ReadSuite(std::string_view text, const std::string& file);

}  // namespace casemate::policies
