#include "policies/check/suite_yaml.h"

#include <array>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "policies/engine/history_facts.h"
#include "policies/engine/rights_yaml.h"
#include "policies/engine/yaml_fields.h"

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxTests = 10'000;
constexpr std::int64_t kSuiteVersion = 1;

Result<void> ReadRules(const YamlNode& node, Expectation& expect) {
  if (const auto rule = node.Get("rule")) {
    auto id = rule->AsString();
    if (!id) {
      return id.error();
    }
    expect.rule = *std::move(id);
  }
  if (const auto matched = node.Get("matched")) {
    const bool is_none = matched->kind() == YamlNode::Kind::kSequence && matched->Items().empty();
    auto ids = is_none ? Result<std::vector<std::string>>(std::vector<std::string>())
                       : StringList(*matched);
    if (!ids) {
      return ids.error();
    }
    expect.matched = *std::move(ids);
  }
  return {};
}

Result<void> ReadExpectedRights(const YamlNode& node, Expectation& expect) {
  Rights rights{Expectation::kAnyLimits};
  if (auto read = ReadRights(node, rights); !read) {
    return read;
  }
  for (const std::string_view key : {"limits", "workspace", "sandbox", "containers"}) {
    const auto found = node.Get(key);
    if (found && expect.effect == Effect::kDeny) {
      return ErrorAt(*found, Quoted(key) + " is granted with `effect: allow` or `ask` only");
    }
  }
  expect.limits = rights.limits;
  expect.strict_sandbox = rights.strict_sandbox;
  if (node.Get("workspace")) {
    expect.workspace = rights.workspace;
  }
  if (node.Get("containers")) {
    expect.containers = rights.containers;
  }
  return {};
}

Result<void> ReadExpectedApproval(const YamlNode& node, Expectation& expect) {
  const auto map = node.Get("approval");
  if (!map) {
    return {};
  }
  if (expect.effect != Effect::kAsk) {
    return ErrorAt(*map, "`approval` goes with `effect: ask` only");
  }
  ApprovalTerms terms;
  if (auto read = ReadApproval(node, terms); !read) {
    return read;
  }
  if (map->Get("by")) {
    expect.by = terms.by;
  }
  if (map->Get("expires_s")) {
    expect.expires_ms = terms.expires_ms;
  }
  if (map->Get("remember")) {
    expect.remember = terms.remember;
  }
  return {};
}

Result<void> ReadNotes(const YamlNode& node, Expectation& expect) {
  if (const auto list = node.Get("marks")) {
    expect.marks.emplace();
    if (list->kind() != YamlNode::Kind::kSequence) {
      return ErrorAt(*list, "expected a list of marks; [] for none");
    }
    for (const YamlNode& item : list->Items()) {
      auto mark = Choice(item, kHistoryMarks);
      if (!mark) {
        return mark.error();
      }
      expect.marks->emplace_back(kHistoryMarks.at(*mark));
    }
  }
  if (const auto reason = node.Get("reason_contains")) {
    if (reason->kind() == YamlNode::Kind::kScalar) {
      auto text = reason->AsString();
      if (!text) {
        return text.error();
      }
      if (text->empty()) {
        return ErrorAt(*reason, "expected a part of the reason, got nothing");
      }
      expect.reason_contains = {*std::move(text)};
    } else {
      auto texts = StringList(*reason);
      if (!texts) {
        return texts.error();
      }
      expect.reason_contains = *std::move(texts);
    }
  }
  return {};
}

Result<Expectation> ReadExpectation(const YamlNode& node) {
  if (node.kind() != YamlNode::Kind::kMap) {
    return ErrorAt(node, "expected what the policy must decide: {effect, rule, …}");
  }
  if (auto known = node.OnlyKeys({"effect", "rule", "matched", "limits", "workspace", "sandbox",
                                  "containers", "approval", "marks", "reason_contains"});
      !known) {
    return known.error();
  }
  Expectation expect;
  auto effect_node = Required(node, "effect");
  if (!effect_node) {
    return effect_node.error();
  }
  constexpr std::array<std::string_view, 3> kNames = {"allow", "ask", "deny"};
  constexpr std::array kEffects = {Effect::kAllow, Effect::kAsk, Effect::kDeny};
  auto effect = Choice(*effect_node, kNames);
  if (!effect) {
    return effect.error();
  }
  expect.effect = kEffects.at(*effect);
  if (auto read = ReadRules(node, expect); !read) {
    return read.error();
  }
  if (auto read = ReadExpectedRights(node, expect); !read) {
    return read.error();
  }
  if (auto read = ReadExpectedApproval(node, expect); !read) {
    return read.error();
  }
  if (auto read = ReadNotes(node, expect); !read) {
    return read.error();
  }
  return expect;
}

Result<PolicyTest> ReadTest(const YamlNode& node) {
  if (node.kind() != YamlNode::Kind::kMap) {
    return ErrorAt(node, "expected a test: {name, call, expect}");
  }
  if (auto known = node.OnlyKeys({"name", "call", "expect"}); !known) {
    return known.error();
  }
  PolicyTest test;
  test.where = node.Where();
  auto name_node = Required(node, "name");
  if (!name_node) {
    return name_node.error();
  }
  auto name = Prose(*name_node);
  if (!name) {
    return name.error();
  }
  test.name = *std::move(name);
  auto call_node = Required(node, "call");
  if (!call_node) {
    return call_node.error();
  }
  auto call = ReadCall(*call_node);
  if (!call) {
    return call.error();
  }
  test.call = *std::move(call);
  auto expect_node = Required(node, "expect");
  if (!expect_node) {
    return expect_node.error();
  }
  auto expect = ReadExpectation(*expect_node);
  if (!expect) {
    return expect.error();
  }
  test.expect = *std::move(expect);
  return test;
}

Result<void> ReadHead(const YamlNode& document, TestSuite& suite) {
  if (document.kind() != YamlNode::Kind::kMap) {
    return ErrorAt(document, "expected a test suite: {version: 1, tests: […]}");
  }
  auto version_node = Required(document, "version");
  if (!version_node) {
    return version_node.error();
  }
  auto version = version_node->AsInt();
  if (!version) {
    return version.error();
  }
  if (*version != kSuiteVersion) {
    return ErrorAt(*version_node,
                   "expected version 1 of test suites, got " + std::to_string(*version));
  }
  if (auto known = document.OnlyKeys({"version", "policy", "tests"}); !known) {
    return known;
  }
  if (const auto policy = document.Get("policy")) {
    auto text = policy->AsString();
    if (!text) {
      return text.error();
    }
    if (text->empty()) {
      return ErrorAt(*policy, "expected the name of a policy, got nothing");
    }
    suite.policy = *std::move(text);
  }
  return {};
}

}  // namespace

Result<TestSuite> ReadSuite(std::string_view text, const std::string& file) {
  auto document = ParseYaml(text, file);
  if (!document) {
    return document.error();
  }
  TestSuite suite;
  suite.file = file;
  if (auto head = ReadHead(*document, suite); !head) {
    return head.error();
  }
  auto list = Required(*document, "tests");
  if (!list) {
    return list.error();
  }
  // A suite without tests would pass, and read as if something had been tested.
  if (list->kind() != YamlNode::Kind::kSequence || list->Items().empty() ||
      list->Items().size() > kMaxTests) {
    return ErrorAt(*list, "expected a list of 1 to 10000 tests");
  }
  std::map<std::string, std::string> places;
  for (const YamlNode& node : list->Items()) {
    auto test = ReadTest(node);
    if (!test) {
      return test.error();
    }
    const auto [first, is_new] = places.emplace(test->name, test->where);
    if (!is_new) {
      return ErrorAt(node,
                     "duplicate name " + Quoted(test->name) + "; the first is at " + first->second);
    }
    suite.tests.push_back(*std::move(test));
  }
  return suite;
}

}  // namespace casemate::policies
