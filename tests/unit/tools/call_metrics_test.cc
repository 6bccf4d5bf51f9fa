#include "tools/call_metrics.h"

#include <algorithm>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"
#include "tools/action_names.h"
#include "tools/executor.h"
#include "tools/metrics_reader.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

class NoteCall : public PreparedCall {
 public:
  explicit NoteCall(json args) : args_(std::move(args)) {}
  [[nodiscard]] const json& normalised() const override { return args_; }
  [[nodiscard]] const json& context() const override { return context_; }
  ToolResult Run(const policies::Grant& /*grant*/, CallContext& /*context*/) override {
    if (args_["text"] == "throw") {
      throw std::runtime_error("boom");
    }
    ToolResult result;
    result.audit = {{"status", args_["text"]}};
    return result;
  }
  [[nodiscard]] std::vector<OtherWay> OtherWays() const override {
    return {{{{"text", "exited"}}, json::object(), "say exited"}};
  }

 private:
  json args_;
  json context_ = json::object();
};

class NoteTool : public Tool {
 public:
  NoteTool() {
    spec_.name = "note";
    spec_.input_schema = {{"type", "object"}};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    if (!args.contains("text")) {
      return InvalidArgument("args.text", "expected a string, got nothing");
    }
    return std::unique_ptr<PreparedCall>(std::make_unique<NoteCall>(args));
  }

 private:
  ToolSpec spec_;
};

constexpr const char* kPolicy = R"(
version: 1
rules:
  - {id: notes, effect: allow, tools: [note]}
  - {id: no-refused, effect: deny, tools: [note], when: {path: args.text, eq: refused}}
  - {id: ask-asked, effect: ask, tools: [note], when: {path: args.text, eq: asked}}
  - {id: metrics, effect: allow, tools: [metrics_read], principals: {ids: [local]}}
)";

struct Bench {
  test::Trail trail;
  std::unique_ptr<policies::PolicyEngine> policy = test::LoadPolicy(kPolicy);
  Catalog catalog;
  Gate gate{*policy, *trail.audit};
  ToolExecutor executor{catalog, gate};
  MetricsRegistry registry;
  CallMetrics metrics{registry};
  MetricsReader reader{registry, gate};
  CallContext context;

  Bench() {
    REQUIRE(catalog.Add(std::make_unique<NoteTool>()));
    gate.set_metrics(&metrics);
    executor.set_metrics(&metrics);
    context.channel = "test";
  }
  void Call(const std::string& text) { REQUIRE(executor.Call("note", {{"text", text}}, context)); }
  // The lines of one family that are not comments.
  [[nodiscard]] std::string Lines(const std::string& name) const {
    std::istringstream all(registry.Render());
    std::string found;
    for (std::string line; std::getline(all, line);) {
      found += line.starts_with(name + "{") ? line.substr(name.size()) + "\n" : "";
    }
    return found;
  }
};

TEST_CASE("each call is counted once, by tool and by how it ended") {
  Bench bench;
  CHECK(bench.Lines("casemate_calls_total").empty());
  for (const char* text : {"exited", "exited", "signaled", "completed", "refused", "throw"}) {
    bench.Call(text);
  }
  bench.Call("any other word");  // labels are a closed set, whatever a tool says
  REQUIRE(bench.executor.Call("note", json::object(), bench.context));
  CHECK_FALSE(bench.executor.Call("other", json::object(), bench.context));
  CHECK(bench.Lines("casemate_calls_total") ==
        "{tool=\"note\",status=\"completed\"} 2\n"
        "{tool=\"note\",status=\"exited\"} 2\n"
        "{tool=\"note\",status=\"internal_error\"} 1\n"
        "{tool=\"note\",status=\"invalid_arguments\"} 1\n"
        "{tool=\"note\",status=\"refused\"} 1\n"
        "{tool=\"note\",status=\"signaled\"} 1\n");
}

TEST_CASE("decisions on what is done are counted, and not those on what could be") {
  Bench bench;
  CHECK(bench.Lines("casemate_decisions_total") ==
        "{effect=\"allow\"} 0\n{effect=\"ask\"} 0\n{effect=\"deny\"} 0\n");
  bench.Call("exited");
  bench.Call("refused");  // what would be allowed instead is asked, too
  bench.Call("asked");
  REQUIRE(bench.executor.Call("note", json::object(), bench.context));  // never judged
  const json nothing = json::object();
  const policies::Principal local;
  const Operation operation{"note", local, "test", {}, nothing, nothing};
  static_cast<void>(bench.gate.Decide(operation));
  static_cast<void>(bench.gate.Explain(operation));
  CHECK(bench.Lines("casemate_decisions_total") ==
        "{effect=\"allow\"} 1\n{effect=\"ask\"} 1\n{effect=\"deny\"} 1\n");
  REQUIRE(bench.reader.Read(bench.context));
  CHECK(bench.Lines("casemate_decisions_total") ==
        "{effect=\"allow\"} 2\n{effect=\"ask\"} 1\n{effect=\"deny\"} 1\n");
}

TEST_CASE("a call that was abandoned is counted as what it was told") {
  Bench bench;
  auto admission = bench.executor.Admit("note", {{"text", "exited"}}, bench.context);
  REQUIRE(admission);
  auto& call = std::get<AdmittedCall>(*admission);
  CHECK(bench.Lines("casemate_calls_total").empty());
  bench.executor.Abandon(call, Error{ErrorCode::kCancelled, "cancelled", {}, {}, 0});
  CHECK(bench.Lines("casemate_calls_total") == "{tool=\"note\",status=\"cancelled\"} 1\n");
}

TEST_CASE("every kind of error is a status of its own") {
  for (int i = 0; i <= static_cast<int>(ErrorKind::kLost); ++i) {
    const auto kind = static_cast<ErrorKind>(i);
    const ToolResult result = ErrorResult(kind, Error{ErrorCode::kInternal, "why", {}, {}, 0});
    CHECK(CallMetrics::StatusOf(result) == ToString(kind));
  }
  ToolResult odd;
  odd.is_error = true;
  CHECK(CallMetrics::StatusOf(odd) == "internal_error");
  odd.structured = {{"error", {{"kind", 7}}}};
  CHECK(CallMetrics::StatusOf(odd) == "internal_error");
}

TEST_CASE("metrics are read by way of policy, on record, and not where that fails") {
  Bench bench;
  const auto read = bench.reader.Read(bench.context);
  REQUIRE(read);
  CHECK_THAT(*read, Catch::Contains("# TYPE casemate_decisions_total counter\n"));
  REQUIRE(bench.trail.Records().size() == 1);
  const json record = bench.trail.Records()[0];
  CHECK(record["kind"] == "access");
  CHECK(record["tool"] == "metrics_read");
  CHECK(record["context"] == json{{"kind", "metrics"}});

  CallContext stranger = bench.context;
  stranger.principal = {"stranger", "elsewhere", {}};
  const auto refused = bench.reader.Read(stranger);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kPermissionDenied);
  CHECK(bench.trail.Records().at(1)["kind"] == "refused");

  REQUIRE(bench.trail.store->Execute("PRAGMA query_only = 1"));
  CHECK(bench.reader.Read(bench.context).error().code == ErrorCode::kUnavailable);
}

TEST_CASE("rules may name the reading of metrics") {
  CHECK(std::ranges::count(ActionNames(), "metrics_read") == 1);
}

}  // namespace
}  // namespace casemate::tools
