// The laws of combination, held against random policies and calls: order does not matter, the
// strictest wins, a layer only narrows, rights intersect, and no error allows anything.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "policies/engine/rule.h"
#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

namespace {

using nlohmann::json;

// Sanitizers are some thirty times slower.
const int kPolicies = std::getenv("CASEMATE_SANITIZED") == nullptr ? 600 : 60;
constexpr int kCalls = 25;

class Random {
 public:
  explicit Random(std::uint32_t seed) : engine_(seed) {}
  int Below(int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(engine_); }
  bool OneIn(int n) { return Below(n) == 0; }
  template <typename T, std::size_t n>
  const T& Of(const T (&items)[n]) {
    return items[Below(static_cast<int>(n))];
  }
  std::mt19937& engine() { return engine_; }

 private:
  std::mt19937 engine_;
};

// The parts of a rule are drawn from few values, so that they meet.
std::string RandomCondition(Random& random, int depth) {
  constexpr const char* kPaths[] = {"args.n", "args.s", "args.l.0", "context.w", "args.deep.er"};
  constexpr const char* kTests[] = {"eq: 1",          "eq: a",         "in: [1, 2, a]",
                                    "not_in: [a, 3]", "gt: 1",         "lt: 2",
                                    "prefix: a",      "glob: 'a*'",    "regex: '[ab]+'",
                                    "exists: true",   "exists: false", "cidr: [10.0.0.0/8]"};
  const int kind = depth > 2 ? 3 : random.Below(6);
  if (kind > 2) {
    return std::string("{path: ") + random.Of(kPaths) + ", " + random.Of(kTests) + "}";
  }
  if (kind == 2) {
    return "{not: " + RandomCondition(random, depth + 1) + "}";
  }
  std::string parts;
  for (int i = random.Below(3); i >= 0; --i) {
    parts += RandomCondition(random, depth + 1) + (i == 0 ? "" : ", ");
  }
  return std::string(kind == 0 ? "{all: [" : "{any: [") + parts + "]}";
}

std::string RandomRule(Random& random, const std::string& id) {
  constexpr const char* kEffects[] = {"allow", "allow", "ask", "deny"};
  constexpr const char* kTools[] = {"[run]", "[run, other]", "[other]", "['*']"};
  constexpr const char* kPrincipals[] = {"{ids: [ann]}", "{roles: [dev]}", "{tenants: [acme]}"};
  constexpr const char* kAccess[] = {"private", "host_read", "host_write"};
  const std::string effect = random.Of(kEffects);
  std::string rule = "{id: " + id + ", effect: " + effect + ", tools: " + random.Of(kTools);
  if (random.OneIn(3)) {
    rule += std::string(", principals: ") + random.Of(kPrincipals);
  }
  if (!random.OneIn(4) || effect == "deny") {
    rule += ", when: " + RandomCondition(random, 0);
  }
  if (effect != "deny" && random.OneIn(2)) {
    rule += ", limits: {pids: " + std::to_string(1 + random.Below(900)) +
            ", memory_mb: " + std::to_string(1 + random.Below(9000)) + "}";
  }
  if (effect != "deny" && random.OneIn(2)) {
    rule += std::string(", workspace: ") + random.Of(kAccess);
  }
  return rule + "}";
}

std::vector<std::string> RandomRules(Random& random, const std::string& prefix) {
  std::vector<std::string> rules;
  for (int i = random.Below(7); i >= 0; --i) {
    rules.push_back(RandomRule(random, prefix + std::to_string(i)));
  }
  return rules;
}

std::string TextOf(const std::vector<std::string>& rules, const std::string& head = {}) {
  std::string text = "version: 1\n" + head + "rules:\n";
  for (const std::string& rule : rules) {
    text += "  - " + rule + "\n";
  }
  return text;
}

json RandomValue(Random& random) {
  switch (random.Below(8)) {
    case 0:
      return 1;
    case 1:
      return random.Below(4);
    case 2:
      return "a";
    case 3:
      return "10.1.2.3";
    case 4:
      return json{{"er", "b"}};
    case 5:
      return json{"a", 2};
    case 6:
      return nullptr;
    default:
      return true;
  }
}

struct Call {
  std::string tool;
  Principal principal;
  json args = json::object();
  json context = json::object();
  [[nodiscard]] PolicyInput input() const { return {tool, principal, args, context, NoHistory()}; }
};

Call RandomCall(Random& random) {
  constexpr const char* kNames[] = {"n", "s", "l", "deep"};
  Call call;
  call.tool = random.OneIn(4) ? "other" : "run";
  call.principal = random.OneIn(3) ? Principal{"ann", "acme", {"dev"}} : Principal{};
  for (const char* name : kNames) {
    if (!random.OneIn(3)) {
      call.args[name] = RandomValue(random);
    }
  }
  if (random.OneIn(2)) {
    call.context["w"] = RandomValue(random);
  }
  return call;
}

// Null when the random rules are refused as unreachable.
std::unique_ptr<YamlPolicy> LoadLayers(const std::map<std::string, std::string>& texts,
                                       const std::string& leaf) {
  PolicyOptions options;
  options.reader = [&](const std::string& name, const PolicyText&) -> Result<PolicyText> {
    return PolicyText{texts.at(name), name, name};
  };
  auto policy = LoadYamlPolicy(PolicyText{texts.at(leaf), leaf, leaf}, options);
  if (!policy) {
    INFO(Describe(policy.error()));
    const std::string why = Describe(policy.error());
    REQUIRE((why.find("unreachable") != std::string::npos ||
             why.find("both be true") != std::string::npos));
    return nullptr;
  }
  return *std::move(policy);
}

bool IsNarrower(const Rights& a, const Rights& b) {
  return Intersect(a, b) == a;
}

const Rights& RightsOf(const Decision& decision) {
  return decision.grant ? decision.grant->rights() : *decision.asked;
}

void CheckShape(const Decision& decision) {
  CHECK(decision.grant.has_value() == (decision.effect == Effect::kAllow));
  CHECK(decision.asked.has_value() == (decision.effect == Effect::kAsk));
  CHECK(decision.approval.has_value() == (decision.effect == Effect::kAsk));
}

}  // namespace

TEST_CASE("The order of random rules never matters") {
  Random random(1);
  int loaded = 0;
  for (int i = 0; i < kPolicies; ++i) {
    std::vector<std::string> rules = RandomRules(random, "r");
    const auto policy = LoadLayers({{"p", TextOf(rules)}}, "p");
    std::ranges::shuffle(rules, random.engine());
    const auto shuffled = LoadLayers({{"p", TextOf(rules)}}, "p");
    if (!policy || !shuffled) {
      continue;
    }
    ++loaded;
    for (int j = 0; j < kCalls; ++j) {
      const Call call = RandomCall(random);
      const Decision a = policy->Decide(call.input());
      const Decision b = shuffled->Decide(call.input());
      CheckShape(a);
      CHECK(a.effect == b.effect);
      CHECK(a.matched == b.matched);
      CHECK(a.rule_id == b.rule_id);
      if (a.effect != Effect::kDeny) {
        CHECK(RightsOf(a) == RightsOf(b));
      }
    }
  }
  CHECK(loaded > kPolicies / 4);
}

TEST_CASE("The strictest matching rule wins, and rights are within those of each") {
  Random random(2);
  for (int i = 0; i < kPolicies; ++i) {
    const std::vector<std::string> rules = RandomRules(random, "r");
    const auto policy = LoadLayers({{"p", TextOf(rules)}}, "p");
    if (!policy) {
      continue;
    }
    for (int j = 0; j < kCalls; ++j) {
      const Call call = RandomCall(random);
      const Decision decision = policy->Decide(call.input());
      std::optional<Effect> strictest;
      bool is_decided = false;  // by more than an ask whose condition is an error
      for (const Rule& rule : policy->layers().front().rules) {
        const PolicyInput input = call.input();
        if (rule.Matches(input, Attributes(input))) {
          strictest = strictest ? std::max(*strictest, rule.effect) : rule.effect;
          is_decided = is_decided || rule.effect != Effect::kAsk || rule.IsMet(Attributes(input));
          if (decision.effect == Effect::kAllow) {
            CHECK(IsNarrower(RightsOf(decision), rule.rights));
          }
        }
      }
      CHECK(decision.effect == (is_decided ? *strictest : Effect::kDeny));
      if (decision.effect != Effect::kDeny) {
        CHECK(policy->MayEverAllow(call.tool, call.principal));
      }
    }
  }
}

TEST_CASE("A layer below only narrows") {
  Random random(3);
  int loaded = 0;
  for (int i = 0; i < kPolicies; ++i) {
    const std::string base = TextOf(RandomRules(random, "base-"));
    const auto above = LoadLayers({{"base", base}}, "base");
    const auto both =
        above ? LoadLayers(
                    {{"base", base},
                     {"leaf", TextOf(RandomRules(random, "leaf-"),
                                     random.OneIn(2) ? "extends: base\n"
                                                     : "extends: base\nlimits: {pids: 50}\n")}},
                    "leaf")
              : nullptr;
    if (!both) {
      continue;
    }
    ++loaded;
    for (int j = 0; j < kCalls; ++j) {
      const Call call = RandomCall(random);
      const Decision before = above->Decide(call.input());
      const Decision after = both->Decide(call.input());
      CheckShape(after);
      CHECK(after.effect >= before.effect);
      if (after.effect != Effect::kDeny && before.effect == after.effect) {
        CHECK(IsNarrower(RightsOf(after), RightsOf(before)));
      }
      if (!above->MayEverAllow(call.tool, call.principal)) {
        CHECK_FALSE(both->MayEverAllow(call.tool, call.principal));
      }
    }
  }
  CHECK(loaded > kPolicies / 20);
}

TEST_CASE(
    "Adding a deny or ask rule never widens, and leaving something out of a call never does") {
  Random random(4);
  for (int i = 0; i < kPolicies; ++i) {
    std::vector<std::string> rules = RandomRules(random, "r");
    const auto policy = LoadLayers({{"p", TextOf(rules)}}, "p");
    rules.push_back("{id: more, effect: " + std::string(random.OneIn(2) ? "deny" : "ask") +
                    ", tools: [run], when: " + RandomCondition(random, 0) + "}");
    const auto more = LoadLayers({{"p", TextOf(rules)}}, "p");
    if (!policy || !more) {
      continue;
    }
    for (int j = 0; j < kCalls; ++j) {
      const Call call = RandomCall(random);
      // More rules that ask may allow what nothing allowed, but never without asking.
      if (more->Decide(call.input()).effect == Effect::kAllow) {
        CHECK(policy->Decide(call.input()).effect == Effect::kAllow);
      }
    }
  }
}

TEST_CASE("The index leaves out only rules that do not match") {
  Random random(5);
  std::size_t left_out = 0;
  for (int i = 0; i < kPolicies / 4; ++i) {
    std::vector<std::string> rules;
    for (int j = 0; j < 20; ++j) {
      rules.push_back(RandomRule(random, "r" + std::to_string(j)));
    }
    const auto policy = LoadLayers({{"p", TextOf(rules)}}, "p");
    if (!policy) {
      continue;
    }
    const Layer& layer = policy->layers().front();
    for (int j = 0; j < kCalls; ++j) {
      const Call call = RandomCall(random);
      const PolicyInput input = call.input();
      const Attributes attributes(input);
      const auto candidates = layer.index.Candidates(attributes);
      left_out += layer.rules.size() - candidates.size();
      for (std::uint32_t place = 0; place < layer.rules.size(); ++place) {
        if (std::ranges::find(candidates, place) == candidates.end()) {
          CHECK_FALSE(layer.rules[place].Matches(input, attributes));
        }
      }
    }
  }
  CHECK(left_out > static_cast<std::size_t>(kPolicies) / 10);
}

TEST_CASE("A call that is no call is refused") {
  const auto policy = test::Load("version: 1\nrules:\n  - {id: a, effect: allow, tools: ['*']}\n");
  const json object = json::object();
  const json array = json::array();
  for (const PolicyInput& input : {PolicyInput{"", {}, object, object, object},
                                   PolicyInput{"run", {.id = ""}, object, object, object},
                                   PolicyInput{"run", {}, array, object, object},
                                   PolicyInput{"run", {}, object, array, object},
                                   PolicyInput{"run", {}, object, object, array}}) {
    const Decision decision = policy->Decide(input);
    CHECK(decision.effect == Effect::kDeny);
    CHECK_FALSE(decision.grant);
    CHECK(decision.reason.starts_with("policy_error:"));
  }
}

}  // namespace casemate::policies
