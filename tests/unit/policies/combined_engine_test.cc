#include "policies/engine/combined_engine.h"

#include <functional>
#include <stdexcept>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "policies/engine/rule.h"

namespace casemate::policies {
namespace {

using nlohmann::json;

// Says what a test makes it say.
class Says final : public PolicyEngine {
 public:
  Says(Effect effect, std::string rule, Rights rights = {kUnstatedLimits}, bool may = true)
      : rights_(rights), may_(may) {
    said_.effect = effect;
    said_.rule_id = rule;
    said_.matched = {rule};
    said_.reason = "because of " + rule;
    said_.remedy = "change " + rule;
  }
  [[nodiscard]] Decision Decide(const PolicyInput& input) const override {
    Decision decision = said_;
    decision.decision_id = "id-" + said_.rule_id;
    decision.revision = revision();
    if (decision.effect == Effect::kAllow && is_whole) {
      decision.grant = Issue(rights_, decision.decision_id, input.principal);
    } else if (decision.effect == Effect::kAsk && is_whole) {
      decision.asked = rights_;
      decision.approval = terms;
    }
    if (throws) {
      throw std::runtime_error("broken");
    }
    return decision;
  }
  [[nodiscard]] bool MayEverAllow(const std::string&, const Principal&) const override {
    return may_;
  }
  [[nodiscard]] std::string revision() const override { return Sha256Hex(said_.rule_id); }

  Decision said_;
  ApprovalTerms terms;
  bool is_whole = true;
  bool throws = false;

 private:
  Rights rights_;
  bool may_;
};

using Made = std::unique_ptr<Says>;
Made Make(Effect effect, const std::string& rule, Rights rights = {kUnstatedLimits},
          bool may = true) {
  return std::make_unique<Says>(effect, rule, rights, may);
}

CombinedEngine Both(Made yaml, Made rego) {
  std::vector<CombinedEngine::Part> parts;
  parts.push_back({"yaml", std::move(yaml)});
  parts.push_back({"rego", std::move(rego)});
  return CombinedEngine(std::move(parts));
}

Decision Decide(const CombinedEngine& engine) {
  const json none = json::object();
  return engine.Decide({"run", {}, none, none, NoHistory()});
}

TEST_CASE("The strictest engine decides", "[combined]") {
  const std::vector<Effect> effects = {Effect::kAllow, Effect::kAsk, Effect::kDeny};
  for (std::size_t a = 0; a < effects.size(); ++a) {
    for (std::size_t b = 0; b < effects.size(); ++b) {
      const Decision decision = Decide(Both(Make(effects[a], "a"), Make(effects[b], "b")));
      INFO(ToString(effects[a]) << " and " << ToString(effects[b]));
      CHECK(decision.effect == effects[std::max(a, b)]);
      CHECK(decision.matched == std::vector<std::string>{"a", "rego:b"});
      CHECK(decision.rule_id == (b > a ? "rego:b" : "a"));
      CHECK(decision.reason == (b > a ? "because of b" : "because of a"));
      CHECK(decision.decision_id == "id-a");
      CHECK(decision.grant.has_value() == (decision.effect == Effect::kAllow));
      CHECK(decision.asked.has_value() == (decision.effect == Effect::kAsk));
      CHECK(decision.approval.has_value() == (decision.effect == Effect::kAsk));
    }
  }
}

TEST_CASE("What is granted is what all grant", "[combined]") {
  const Rights wide = {{1024, 500, 64, 9000, 64, 256, 0}, WorkspaceAccess::kHostWrite, false};
  const Rights narrow = {{512, 2000, 128, 5000, 128, 64, 30}, WorkspaceAccess::kHostRead, true};
  const Rights both = {{512, 500, 64, 5000, 64, 64, 30}, WorkspaceAccess::kHostRead, true};
  const Decision allowed =
      Decide(Both(Make(Effect::kAllow, "a", wide), Make(Effect::kAllow, "b", narrow)));
  REQUIRE(allowed.grant);
  CHECK(allowed.grant->rights() == both);
  CHECK(allowed.grant->decision_id() == "id-a");
  CHECK(allowed.grant->principal_id() == "local");
  for (const bool first_asks : {true, false}) {
    Made a = Make(first_asks ? Effect::kAsk : Effect::kAllow, "a", wide);
    Made b = Make(first_asks ? Effect::kAllow : Effect::kAsk, "b", narrow);
    a->terms = b->terms = {Approver::kOperator, 1000, Remember::kSameRule};
    const Decision asked = Decide(Both(std::move(a), std::move(b)));
    CHECK(asked.asked == both);
    CHECK(asked.approval == ApprovalTerms{Approver::kOperator, 1000, Remember::kSameRule});
  }
}

TEST_CASE("Approval is asked for on the strictest terms", "[combined]") {
  Made a = Make(Effect::kAsk, "a");
  Made b = Make(Effect::kAsk, "b");
  a->terms = {Approver::kSecondPerson, 5000, Remember::kSameRule};
  b->terms = {Approver::kClient, 1000, Remember::kNever};
  const Decision asked = Decide(Both(std::move(a), std::move(b)));
  CHECK(asked.approval == ApprovalTerms{Approver::kSecondPerson, 1000, Remember::kNever});
}

TEST_CASE("Marks are those of all", "[combined]") {
  Made a = Make(Effect::kAllow, "a");
  Made b = Make(Effect::kAllow, "b");
  a->said_.marks = {"x", "y"};
  b->said_.marks = {"y", "z"};
  a->said_.commit = "c0ffee";
  a->said_.shadow = ShadowVerdict{Effect::kDeny, "candidate", "r"};
  const Decision decision = Decide(Both(std::move(a), std::move(b)));
  CHECK(decision.marks == std::vector<std::string>{"x", "y", "z"});
  CHECK(decision.commit == "c0ffee");
  REQUIRE(decision.shadow);
  CHECK(decision.shadow->rule_id == "candidate");
}

TEST_CASE("An engine that says allow and grants nothing is not believed", "[combined]") {
  for (const Effect effect : {Effect::kAllow, Effect::kAsk}) {
    Made broken = Make(effect, "b");
    broken->is_whole = false;
    const Decision decision = Decide(Both(Make(Effect::kAllow, "a"), std::move(broken)));
    CHECK(decision.effect == Effect::kDeny);
    CHECK_THAT(decision.reason, Catch::StartsWith("policy_error:"));
    CHECK_FALSE(decision.grant);
    CHECK_FALSE(decision.asked);
  }
}

TEST_CASE("An engine that throws denies", "[combined]") {
  Made broken = Make(Effect::kAllow, "b");
  broken->throws = true;
  const Decision decision = Decide(Both(Make(Effect::kAllow, "a"), std::move(broken)));
  CHECK(decision.effect == Effect::kDeny);
  CHECK_THAT(decision.reason, Catch::StartsWith("policy_error:internal: broken"));
  CHECK_FALSE(decision.grant);
}

TEST_CASE("No engine allows nothing", "[combined]") {
  const CombinedEngine none({});
  CHECK(Decide(none).effect == Effect::kDeny);
  CHECK_FALSE(none.MayEverAllow("run", {}));
}

TEST_CASE("A tool is shown when all engines might allow it", "[combined]") {
  for (const bool a : {true, false}) {
    for (const bool b : {true, false}) {
      CHECK(Both(Make(Effect::kAllow, "a", {}, a), Make(Effect::kAllow, "b", {}, b))
                .MayEverAllow("run", {}) == (a && b));
    }
  }
}

TEST_CASE("The revision is that of all parts, in their order", "[combined]") {
  const CombinedEngine both = Both(Make(Effect::kAllow, "a"), Make(Effect::kAllow, "b"));
  const auto parts = both.revisions();
  REQUIRE(parts.size() == 2);
  CHECK(parts[0] == std::pair<std::string, std::string>("yaml", Sha256Hex("a")));
  CHECK(parts[1] == std::pair<std::string, std::string>("rego", Sha256Hex("b")));
  CHECK(both.revision() == Sha256Hex("yaml " + Sha256Hex("a") + "\nrego " + Sha256Hex("b") + "\n"));
  CHECK(Decide(both).revision == both.revision());
  CHECK(Both(Make(Effect::kAllow, "b"), Make(Effect::kAllow, "a")).revision() != both.revision());
}

}  // namespace
}  // namespace casemate::policies
