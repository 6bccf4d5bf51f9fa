// A desk over a trail in a temporary directory, with a clock that tests set. Test-only.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/approvals/approval_desk.h"
#include "tests/unit/policies/audit_fixture.h"

namespace casemate::policies::test {

constexpr const char* kAskPolicy = R"(
version: 1
rules:
  - {id: base, effect: allow, tools: ["*"]}
  - {id: ask-first, effect: ask, tools: ["*"]}
)";

inline Decider Cli(const std::string& id = "operator", const std::string& tenant = "local") {
  return {{id, tenant, {}, {}}, "cli", 0};
}
inline Decider AtClient(const Principal& principal = {}) {
  return {principal, std::string(kClientChannel), -1};
}

struct Desk {
  TempDir dir;
  Trail trail{dir.path()};
  std::int64_t now = 1'000'000'000'000;
  std::unique_ptr<PolicyEngine> policy = Load(kAskPolicy);
  std::unique_ptr<ApprovalDesk> desk = Make();
  ApprovalTerms terms;

  std::unique_ptr<ApprovalDesk> Make() {
    return std::make_unique<ApprovalDesk>(trail.store(), trail.log(), [this] { return now; });
  }
  Decision Ask(const ApprovalCall& call) {
    Decision decision =
        DecideCall(*policy, {{"x", 1}}, nlohmann::json::object(), call.tool, call.principal);
    REQUIRE(decision.effect == Effect::kAsk);
    decision.approval = terms;
    return decision;
  }
  ApprovalCall Call(const std::string& what = "a", Principal principal = {},
                    const std::string& session = "s1") {
    const nlohmann::json args = {{"what", what}};
    const nlohmann::json context = nlohmann::json::object();
    auto hash = desk->HashOf({"run", principal, args, context, NoHistory()}, "");
    REQUIRE(hash);
    return {"run", *hash, std::move(principal), "test", session};
  }
  Approval Request(const ApprovalCall& call) {
    auto made = desk->Request(call, Ask(call), {"summary", "full\n"});
    INFO((made ? std::string() : Describe(made.error())));
    REQUIRE(made);
    return *std::move(made);
  }
  Approval Grant(const std::string& id, bool remember = false, const Decider& by = Cli()) {
    auto granted = desk->Grant(id, by, remember);
    INFO((granted ? std::string() : Describe(granted.error())));
    REQUIRE(granted);
    return *std::move(granted);
  }
  ApprovalDesk::Standing Take(const ApprovalCall& call) { return Take(call, Ask(call)); }
  ApprovalDesk::Standing Take(const ApprovalCall& call, const Decision& decision) {
    auto taken = desk->Take(call, decision);
    INFO((taken ? std::string() : Describe(taken.error())));
    REQUIRE(taken);
    return *std::move(taken);
  }
  bool IsApproved(const ApprovalCall& call) { return Take(call).proof.has_value(); }
  // The kinds of all records that are about approvals, oldest first.
  std::vector<std::string> Kinds() {
    std::vector<std::string> kinds;
    for (const AuditRecord& record : trail.All()) {
      kinds.push_back(nlohmann::json::parse(record.body)["kind"]);
    }
    return kinds;
  }
};

}  // namespace casemate::policies::test
