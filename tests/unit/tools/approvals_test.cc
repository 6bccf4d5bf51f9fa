// Calls for which policy says `ask`, through the executor, with a client that answers by script.
#include "tools/approvals.h"

#include <functional>
#include <optional>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "tools/executor.h"

namespace casemate::tools {
namespace {

using Catch::Contains;
using nlohmann::json;
using policies::ApprovalState;

constexpr const char* kPolicy = R"(
version: 1
rules:
  - {id: base, effect: allow, tools: ["*"]}
  - {id: ask-first, effect: ask, tools: [echo, resource_read], reason: somebody must look at it}
  - {id: never, effect: deny, tools: [echo], when: {path: args.text, eq: bad}}
)";

// Policy as it is loaded, with other terms of approval; another revision on demand.
class WithTerms : public policies::PolicyEngine {
 public:
  [[nodiscard]] policies::Decision Decide(const policies::PolicyInput& input) const override {
    policies::Decision decision = loaded_->Decide(input);
    if (decision.approval) {
      decision.approval = terms;
    }
    decision.revision += suffix;
    if (denies_now) {
      decision.effect = policies::Effect::kDeny;
      decision.asked.reset();
      decision.approval.reset();
    }
    return decision;
  }
  [[nodiscard]] bool MayEverAllow(const std::string& /*tool*/,
                                  const policies::Principal& /*principal*/) const override {
    return true;
  }
  [[nodiscard]] std::string revision() const override { return loaded_->revision() + suffix; }

  policies::ApprovalTerms terms;
  std::string suffix;
  bool denies_now = false;

 private:
  std::unique_ptr<policies::PolicyEngine> loaded_ = test::LoadPolicy(kPolicy);
};

class EchoCall : public PreparedCall {
 public:
  EchoCall(int& runs, json args, std::string secret)
      : runs_(runs), args_(std::move(args)), secret_(std::move(secret)) {}
  [[nodiscard]] const json& normalised() const override { return args_; }
  [[nodiscard]] const json& context() const override { return context_; }
  [[nodiscard]] std::string Unshown() const override { return secret_; }
  [[nodiscard]] bool background() const override { return false; }
  void GetReady(const policies::Grant& /*grant*/, CallContext& /*context*/) override {
    is_ready_ = true;
  }
  ToolResult Run(const policies::Grant& grant, CallContext& /*context*/) override {
    ++runs_;
    ToolResult result;
    result.structured = {
        {"status", "exited"}, {"memory_mb", grant.limits().memory_mb}, {"was_ready", is_ready_}};
    result.audit = {{"status", "exited"}};
    return result;
  }

 private:
  int& runs_;
  json args_;
  std::string secret_;
  json context_ = json::object();
  bool is_ready_ = false;
};

class EchoTool : public Tool {
 public:
  explicit EchoTool(int& runs) : runs_(runs) {
    spec_.name = "echo";
    spec_.input_schema = {{"type", "object"}};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    json shown = args;
    shown.erase("secret");
    return std::unique_ptr<PreparedCall>(
        std::make_unique<EchoCall>(runs_, std::move(shown), args.value("secret", "")));
  }

 private:
  int& runs_;
  ToolSpec spec_;
};

class ScriptedAsker : public Asker {
 public:
  using Script = std::function<Result<json>(const Question&)>;
  [[nodiscard]] bool Supports(AskKind kind) const override {
    return can_ask && kind == AskKind::kForm;
  }
  Result<Answers> Ask(const std::vector<Question>& questions) override {
    Answers answers;
    for (const Question& question : questions) {
      seen.push_back(question);
      auto answer = script(question);
      if (!answer) {
        return std::move(answer).error();
      }
      answers.emplace(question.key, *std::move(answer));
    }
    return answers;
  }

  bool can_ask = true;
  Script script = [](const Question&) { return json{{"action", "cancel"}}; };
  std::vector<Question> seen;
};

json Accepting(json content) {
  return {{"action", "accept"}, {"content", std::move(content)}};
}
Result<json> Yes(const Question& /*question*/) {
  return Accepting({{"approve", true}});
}

struct Bench {
  int runs = 0;
  test::Trail trail;
  WithTerms policy;
  Catalog catalog;
  Gate gate{policy, *trail.audit};
  policies::ApprovalDesk desk{*trail.store, *trail.audit};
  Approvals approvals{gate, desk};
  ToolExecutor executor{catalog, gate};
  ScriptedAsker asker;
  CallContext context;

  Bench() {
    REQUIRE(catalog.Add(std::make_unique<EchoTool>(runs)));
    executor.set_approvals(&approvals);
    context.channel = "test";
    context.session = "1";
    context.asker = &asker;
  }
  ToolResult Call(const json& args = {{"text", "hello"}}) {
    auto result = executor.Call("echo", args, context);
    REQUIRE(result);
    return *std::move(result);
  }
  // The error's kind; "" of a call that ran.
  std::string KindOf(const ToolResult& result) {
    return result.is_error ? result.structured["error"]["kind"].get<std::string>() : "";
  }
  std::string CallKind(const json& args = {{"text", "hello"}}) { return KindOf(Call(args)); }
  policies::Approval Newest() {
    auto list = desk.List(true);
    REQUIRE(list);
    REQUIRE_FALSE(list->empty());
    return list->front();
  }
  void Grant(bool remember = false) {
    auto granted = desk.Grant(Newest().id, {{"op", "local", {}, {}}, "cli", 0}, remember);
    INFO((granted ? std::string() : Describe(granted.error())));
    REQUIRE(granted);
  }
  std::vector<std::string> Kinds() {
    std::vector<std::string> kinds;
    for (const json& record : trail.Records()) {
      kinds.push_back(record["kind"]);
    }
    return kinds;
  }
};

TEST_CASE("without a client that can ask, the call waits for an operator, and runs once") {
  Bench bench;
  bench.asker.can_ask = false;
  const ToolResult refused = bench.Call();
  CHECK(bench.KindOf(refused) == "approval_required");
  CHECK(bench.runs == 0);
  const std::string id = bench.Newest().id;
  const json& error = refused.structured["error"];
  CHECK(error["approval_id"] == id);
  CHECK(error["expires_at"].get<std::string>().ends_with("Z"));
  CHECK_THAT(error["message"].get<std::string>(), Contains("somebody must look at it"));
  for (const std::string& part : {"casemate approve show " + id, "casemate approve grant " + id,
                                  std::string("make the same call again")}) {
    CHECK_THAT(refused.text, Contains(part));
  }
  CHECK(refused.structured["status"] == "not_run");
  CHECK(bench.Call().structured["error"]["approval_id"] == id);  // the same request

  bench.Grant();
  CHECK(bench.CallKind({{"text", "changed"}}) == "approval_required");
  const ToolResult ran = bench.Call();
  CHECK_FALSE(ran.is_error);
  CHECK(ran.structured["memory_mb"] == 512);  // what policy grants after approval, and no more
  CHECK(ran.structured["was_ready"] == true);
  CHECK(bench.runs == 1);
  CHECK(bench.CallKind() == "approval_required");  // used up
  CHECK(bench.runs == 1);
  CHECK(bench.asker.seen.empty());
}

TEST_CASE("every step is on record") {
  Bench bench;
  bench.asker.can_ask = false;
  bench.Call();
  const std::string id = bench.Newest().id;
  const std::string hash = bench.Newest().call.hash;
  bench.Grant();
  bench.Call();
  CHECK(bench.Kinds() == std::vector<std::string>{"approval_requested", "refused",
                                                  "approval_granted", "approval_used", "intent",
                                                  "outcome"});
  const auto records = bench.trail.Records();
  for (const int i : {0, 2, 3}) {
    CHECK(records[i]["detail"]["id"] == id);
    CHECK(records[i]["detail"]["call"] == hash);
    CHECK(records[i]["detail"]["requester"] == json{{"id", "local"}, {"tenant", "local"}});
  }
  CHECK(records[2]["detail"]["approver"]["id"] == "op");
  CHECK(records[1]["decision"]["approval"]["id"] == id);
  CHECK(records[1]["decision"]["effect"] == "ask");
  const json approval = records[4]["decision"]["approval"];
  CHECK(approval["id"] == id);
  CHECK(approval["by"] == "op");
  CHECK(approval["channel"] == "cli");
  CHECK(approval["at_ms"] == bench.Newest().decided_ms);
  CHECK(records[4]["decision"]["effect"] == "allow");
}

TEST_CASE("the person at the client says yes") {
  Bench bench;
  bench.asker.script = Yes;
  CHECK(bench.CallKind() == "");
  CHECK(bench.runs == 1);
  REQUIRE(bench.asker.seen.size() == 1);
  const Question& asked = bench.asker.seen[0];
  CHECK(asked.key == bench.Newest().id);
  const std::string message = asked.params["message"];
  CHECK_THAT(message, Contains("Tool: echo") && Contains("text: \"hello\"") &&
                          Contains("somebody must look at it") && Contains(asked.key));
  CHECK_FALSE(asked.params["requestedSchema"]["properties"].contains("remember"));
  CHECK(bench.Newest().state == ApprovalState::kUsed);
  CHECK(bench.Newest().approver_channel == "client");
  CHECK(bench.Kinds() == std::vector<std::string>{"approval_requested", "approval_granted",
                                                  "approval_used", "intent", "outcome"});
  CHECK(bench.CallKind() == "");  // asked once more
  CHECK(bench.asker.seen.size() == 2);
  CHECK(bench.asker.seen[1].key != asked.key);
}

TEST_CASE("anything but a clear yes is no, and is not asked again for a while") {
  const std::vector<json> answers = {
      {{"action", "decline"}},
      {{"action", "cancel"}},
      {{"action", "decline"}, {"content", {{"approve", true}}}},
      Accepting({{"approve", false}}),
      Accepting({{"approve", "true"}}),
      Accepting({{"approve", 1}}),
      Accepting(json::object()),
      Accepting({{"remember", true}}),
      {{"action", "accept"}},
      json::object(),
  };
  for (const json& answer : answers) {
    INFO(answer.dump());
    Bench bench;
    bench.asker.script = [&](const Question&) { return answer; };
    const ToolResult refused = bench.Call();
    CHECK(bench.KindOf(refused) == "approval_denied");
    CHECK_THAT(refused.text, Contains("the person at the client"));
    CHECK(bench.Newest().state == ApprovalState::kDenied);
    CHECK(bench.CallKind() == "approval_denied");
    CHECK(bench.asker.seen.size() == 1);
    CHECK(bench.runs == 0);
    CHECK(bench.Kinds() ==
          std::vector<std::string>{"approval_requested", "approval_denied", "refused", "refused"});
  }
}

TEST_CASE("an operator's no reaches the caller with its reason") {
  Bench bench;
  bench.asker.can_ask = false;
  bench.Call();
  REQUIRE(bench.desk.Deny(bench.Newest().id, {{"op", "local", {}, {}}, "cli", 0}, "use staging"));
  const ToolResult refused = bench.Call();
  CHECK(bench.KindOf(refused) == "approval_denied");
  CHECK_THAT(refused.text, Contains("use staging"));
}

TEST_CASE("a client cannot approve what policy gives to others") {
  for (const auto by : {policies::Approver::kOperator, policies::Approver::kSecondPerson}) {
    Bench bench;
    bench.policy.terms.by = by;
    bench.asker.script = Yes;
    CHECK(bench.CallKind() == "approval_required");
    CHECK(bench.asker.seen.empty());
    CHECK(bench.runs == 0);
    bench.Grant();
    CHECK(bench.CallKind() == "");
  }
}

TEST_CASE("a client that is asked in rounds: the answer fits the same call only, and once") {
  Bench bench;
  std::optional<json> answer;
  std::string answered_key;
  bench.asker.script = [&](const Question& question) -> Result<json> {
    if (answer && question.key == answered_key) {
      return *answer;
    }
    return Error{ErrorCode::kInputRequired, "the call needs answers", {}, {}, 0};
  };
  CHECK(bench.CallKind() == "input_required");
  CHECK(bench.Kinds() == std::vector<std::string>{"approval_requested"});
  answered_key = bench.asker.seen.back().key;
  answer = Accepting({{"approve", true}});
  CHECK(bench.CallKind({{"text", "changed"}}) == "input_required");  // another call, another key
  CHECK(bench.runs == 0);
  CHECK(bench.CallKind() == "");
  CHECK(bench.runs == 1);
  CHECK(bench.CallKind() == "input_required");  // the old answer is worth nothing
  CHECK(bench.runs == 1);
}

TEST_CASE("a client that does not answer leaves the request to the operator") {
  Bench bench;
  bench.asker.script = [](const Question&) -> Result<json> {
    return Error{ErrorCode::kUnavailable, "it took too long", {}, {}, 0};
  };
  CHECK(bench.CallKind() == "approval_required");
  bench.Grant();
  CHECK(bench.CallKind() == "");
}

TEST_CASE("a call that is cancelled while its question stands is on record, and not denied") {
  Bench bench;
  bench.asker.script = [](const Question&) -> Result<json> {
    return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
  };
  const ToolResult result = bench.Call();
  CHECK(bench.KindOf(result) == "cancelled");
  CHECK(result.structured["status"] == "cancelled");
  CHECK(bench.Kinds() == std::vector<std::string>{"approval_requested", "refused"});
  CHECK(bench.Newest().state == ApprovalState::kPending);
}

TEST_CASE("remembered for the session, where the rule allows it") {
  Bench bench;
  bench.policy.terms.remember = policies::Remember::kSameCall;
  bench.asker.script = [](const Question& question) -> Result<json> {
    CHECK(question.params["requestedSchema"]["properties"].contains("remember"));
    return Accepting({{"approve", true}, {"remember", true}});
  };
  CHECK(bench.CallKind() == "");
  CHECK(bench.CallKind() == "");
  CHECK(bench.asker.seen.size() == 1);
  bench.context.session = "2";
  CHECK(bench.CallKind() == "");
  CHECK(bench.asker.seen.size() == 2);
  // What the client says beyond its form counts for nothing.
  bench.policy.terms.remember = policies::Remember::kNever;
  bench.asker.script = [](const Question&) {
    return Accepting({{"approve", true}, {"remember", true}});
  };
  CHECK(bench.CallKind() == "");
  CHECK(bench.CallKind() == "");
  CHECK(bench.asker.seen.size() == 4);
}

TEST_CASE("what may be secret is part of the call that was approved") {
  Bench bench;
  bench.asker.can_ask = false;
  bench.Call({{"text", "hello"}, {"secret", "LD_PRELOAD=harmless.so"}});
  bench.Grant();
  CHECK(bench.CallKind({{"text", "hello"}, {"secret", "LD_PRELOAD=evil.so"}}) ==
        "approval_required");
  CHECK(bench.CallKind() == "approval_required");
  CHECK(bench.CallKind({{"text", "hello"}, {"secret", "LD_PRELOAD=harmless.so"}}) == "");
  for (const json& record : bench.trail.Records()) {
    CHECK(record.dump().find("harmless") == std::string::npos);
  }
}

TEST_CASE("a changed policy voids what was approved, also while a person thinks") {
  Bench bench;
  bench.asker.can_ask = false;
  bench.Call();
  bench.Grant();
  bench.policy.suffix = "x";
  CHECK(bench.CallKind() == "approval_required");
  bench.policy.suffix = "";
  CHECK(bench.CallKind() == "");
  CHECK(bench.runs == 1);
  bench.asker.can_ask = true;
  bench.asker.script = [&](const Question&) {
    bench.policy.denies_now = true;
    return Accepting({{"approve", true}});
  };
  CHECK(bench.CallKind({{"text", "denied by now"}}) == "refused");
  bench.policy.denies_now = false;
  bench.asker.script = [&](const Question&) {
    bench.policy.suffix += "y";
    return Accepting({{"approve", true}});
  };
  CHECK(bench.CallKind({{"text", "of another revision by now"}}) == "approval_required");
  CHECK(bench.runs == 1);
}

TEST_CASE("deny beats what was approved") {
  Bench bench;
  bench.asker.script = Yes;
  CHECK(bench.CallKind({{"text", "bad"}}) == "refused");
  CHECK(bench.asker.seen.empty());
}

TEST_CASE("nothing is approved, asked or run when the trail cannot be written") {
  Bench bench;
  bench.asker.script = Yes;
  REQUIRE(bench.trail.store->Execute("PRAGMA query_only = 1"));
  CHECK(bench.CallKind() == "audit_unavailable");
  CHECK(bench.asker.seen.empty());
  REQUIRE(bench.trail.store->Execute("PRAGMA query_only = 0"));
  bench.asker.script = [&](const Question&) {
    CHECK(bench.trail.store->Execute("PRAGMA query_only = 1"));
    return Accepting({{"approve", true}});
  };
  CHECK(bench.CallKind() == "audit_unavailable");
  CHECK(bench.runs == 0);
}

TEST_CASE("too many that wait are an error with a next step") {
  Bench bench;
  bench.asker.can_ask = false;
  for (int i = 0; i < policies::ApprovalDesk::kMaxPendingEach; ++i) {
    CHECK(bench.CallKind({{"text", std::to_string(i)}}) == "approval_required");
  }
  const ToolResult refused = bench.Call();
  CHECK(bench.KindOf(refused) == "resource_exhausted");
  CHECK_THAT(refused.text, Contains("casemate approve list"));
  CHECK(bench.Kinds().back() == "refused");
}

TEST_CASE("without a desk, and for what is no call of a tool, `ask` refuses") {
  Bench bench;
  bench.asker.script = Yes;
  bench.executor.set_approvals(nullptr);
  CHECK(bench.CallKind() == "refused");
  const json none = json::object();
  const auto passed =
      bench.gate.Pass({"resource_read", bench.context.principal, "test", "", none, none});
  REQUIRE_FALSE(passed);
  CHECK_THAT(passed.error().message, Contains("approval exists for calls of tools only"));
  CHECK(bench.asker.seen.empty());
}

}  // namespace
}  // namespace casemate::tools
