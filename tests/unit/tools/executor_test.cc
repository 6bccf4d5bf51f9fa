#include "tools/executor.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <stdexcept>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"

namespace {

std::atomic<int> syncs = 0;
std::atomic<bool> disk_is_broken = false;

}  // namespace

// In the place of the C library's, for SQLite as well.
extern "C" int fdatasync(int fd) {
  ++syncs;
  if (disk_is_broken) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

namespace casemate::tools {
namespace {

using nlohmann::json;

struct Script {
  bool throw_in_prepare = false;
  bool is_hidden = false;
  std::function<ToolResult(CallContext&)> run;
  int runs = 0;
};

class ScriptedCall : public PreparedCall {
 public:
  ScriptedCall(Script& script, json args) : script_(script), args_(std::move(args)) {}
  Result<void> Bind(const policies::Principal& /*principal*/) override {
    return script_.is_hidden
               ? Result<void>(Error{ErrorCode::kNotFound, "there is no such thing", "args", {}, 0})
               : Result<void>();
  }
  [[nodiscard]] const json& normalised() const override { return args_; }
  [[nodiscard]] const json& context() const override { return context_; }
  ToolResult Run(const policies::Grant& /*grant*/, CallContext& context) override {
    ++script_.runs;
    return script_.run(context);
  }

 private:
  Script& script_;
  json args_;
  json context_ = json::object();
};

class ScriptedTool : public Tool {
 public:
  explicit ScriptedTool(Script& script) : script_(script) {
    spec_.name = "echo";
    spec_.input_schema = {{"type", "object"}, {"properties", {{"count", {{"type", "integer"}}}}}};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    if (script_.throw_in_prepare) {
      throw std::runtime_error("prepare threw");
    }
    if (!args.contains("text")) {
      return InvalidArgument("args.text", "expected a string, got nothing");
    }
    return std::unique_ptr<PreparedCall>(std::make_unique<ScriptedCall>(script_, args));
  }

 private:
  Script& script_;
  ToolSpec spec_;
};

constexpr const char* kPolicy = R"(
version: 1
rules:
  - id: allow-echo
    effect: allow
    tools: [echo]
    when: {path: args.text, eq: hello}
    match: [{tool: echo, args: {text: hello}}]
    not_match: [{tool: echo, args: {text: other}}]
)";

struct Bench {
  Script script;
  test::Trail trail;
  std::unique_ptr<policies::PolicyEngine> policy = test::LoadPolicy(kPolicy);
  Catalog catalog;
  Gate gate{*policy, *trail.audit};
  ToolExecutor executor{catalog, gate};
  CallContext context;

  Bench() {
    REQUIRE(catalog.Add(std::make_unique<ScriptedTool>(script)));
    context.channel = "test";
    script.run = [](CallContext&) {
      ToolResult result;
      result.text = "done";
      result.structured = {{"status", "exited"}};
      result.audit = {{"status", "exited"}};
      return result;
    };
  }
  ToolResult Call(const json& args) {
    auto result = executor.Call("echo", args, context);
    REQUIRE(result);
    return *std::move(result);
  }
  // From here on nothing can be written to the trail, as with a full disk.
  void BreakTrail() const { REQUIRE(trail.store->Execute("PRAGMA query_only = 1")); }
};

TEST_CASE("an allowed call is recorded before and after it runs") {
  Bench bench;
  bench.script.run = [&](CallContext& context) {
    const auto records = bench.trail.Records();  // the intent is there before the tool runs
    CHECK(records.size() == 1);
    CHECK(records.back()["kind"] == "intent");
    CHECK(context.audit_seq == 1);
    ToolResult result;
    result.structured = {{"status", "exited"}};
    result.audit = {{"status", "exited"}};
    return result;
  };
  const ToolResult result = bench.Call({{"text", "hello"}});
  CHECK_FALSE(result.is_error);
  CHECK(result.structured["audit_seq"] == 1);
  const auto records = bench.trail.Records();
  REQUIRE(records.size() == 2);
  CHECK(records[1]["kind"] == "outcome");
  CHECK(records[0].dump().find(result.structured["decision_id"].get<std::string>()) !=
        std::string::npos);
}

TEST_CASE("an unknown tool is the only error of Call, with the nearest name") {
  Bench bench;
  const auto result = bench.executor.Call("ecko", json::object(), bench.context);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::kNotFound);
  CHECK(result.error().message.find("did you mean `echo`?") != std::string::npos);
  CHECK(bench.trail.Records().empty());
}

TEST_CASE("bad arguments are an error result, and nothing runs") {
  Bench bench;
  const ToolResult result = bench.Call(json::object());
  CHECK(result.is_error);
  CHECK(result.structured["error"]["kind"] == "invalid_arguments");
  CHECK(result.structured["error"]["field"] == "args.text");
  CHECK(bench.script.runs == 0);
}

TEST_CASE("what the caller may not know of is not found before policy is asked") {
  Bench bench;
  bench.script.is_hidden = true;
  for (const char* text : {"hello", "refused by policy"}) {
    const ToolResult result = bench.Call({{"text", text}});
    CHECK(result.is_error);
    CHECK(result.structured["error"]["kind"] == "not_found");
    CHECK(result.structured["error"]["message"] == "there is no such thing");
  }
  CHECK(bench.script.runs == 0);
  CHECK(bench.trail.Records().empty());
}

TEST_CASE("arguments that the schema refuses do not reach the tool, and all of them are named") {
  Bench bench;
  bench.script.throw_in_prepare = true;
  const ToolResult result = bench.Call({{"count", "many"}, {"text", "hello"}});
  CHECK(result.is_error);
  const json& error = result.structured["error"];
  CHECK(error["kind"] == "invalid_arguments");
  CHECK(error["field"] == "args.count");
  CHECK(error["message"] == "expected an integer, got a string");
  CHECK(error["violations"].size() == 1);
  CHECK(bench.script.runs == 0);
  CHECK(bench.trail.Records().empty());
}

class UncheckableTool : public Tool {
 public:
  UncheckableTool() {
    spec_.name = "uncheckable";
    spec_.input_schema = {{"type", "object"}, {"oneOf", json::array()}};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& /*args*/, const std::stop_token& /*stop*/) const override {
    return InvalidArgument("args", "never");
  }

 private:
  ToolSpec spec_;
};

TEST_CASE("a tool whose schema cannot be checked is not added, unless with one that can") {
  Catalog catalog;
  const auto added = catalog.Add(std::make_unique<UncheckableTool>());
  REQUIRE_FALSE(added);
  CHECK(added.error().field == "input_schema.oneOf");
  CHECK(added.error().message.find("`uncheckable`") != std::string::npos);
  CHECK(catalog.FindTool("uncheckable") == nullptr);
  REQUIRE(catalog.Add(std::make_unique<UncheckableTool>(), json{{"type", "object"}}));
  CHECK(catalog.SchemaOf(*catalog.FindTool("uncheckable")).Check(json::object()).empty());
  CHECK_FALSE(catalog.SchemaOf(*catalog.FindTool("uncheckable")).Check(json::array()).empty());
}

TEST_CASE("a refused call is recorded, explained and not run") {
  Bench bench;
  const ToolResult result = bench.Call({{"text", "other"}});
  CHECK(result.is_error);
  CHECK(bench.script.runs == 0);
  const json& error = result.structured["error"];
  CHECK(error["kind"] == "refused");
  CHECK_FALSE(error["message"].get<std::string>().empty());
  CHECK_FALSE(error["remedy"].get<std::string>().empty());
  CHECK(error["rule_id"] == "default-deny");
  CHECK_FALSE(result.structured["decision_id"].get<std::string>().empty());
  CHECK(result.structured["audit_seq"] == 1);
  const auto records = bench.trail.Records();
  REQUIRE(records.size() == 1);
  CHECK(records[0]["kind"] == "refused");
}

TEST_CASE("a call that cannot be recorded does not run") {
  Bench bench;
  bench.BreakTrail();
  const ToolResult result = bench.Call({{"text", "hello"}});
  CHECK(result.is_error);
  CHECK(result.structured["error"]["kind"] == "audit_unavailable");
  CHECK(bench.script.runs == 0);
}

TEST_CASE("a call runs only when its record is on disk") {
  Bench bench;
  bench.Call({{"text", "hello"}});
  const int before = syncs;
  int at_run = 0;
  bench.script.run = [&](CallContext&) {
    at_run = syncs;
    return ToolResult();
  };
  bench.Call({{"text", "hello"}});
  CHECK(at_run > before);
  CHECK(syncs > at_run);  // the outcome
  const int runs = bench.script.runs;
  disk_is_broken = true;
  const ToolResult result = bench.Call({{"text", "hello"}});
  const ToolResult refused = bench.Call({{"text", "other"}});
  disk_is_broken = false;
  CHECK(result.structured["error"]["kind"] == "audit_unavailable");
  CHECK(refused.structured["error"]["kind"] == "audit_unavailable");
  CHECK(bench.script.runs == runs);
}

TEST_CASE("a refusal that cannot be recorded is an error of the trail") {
  Bench bench;
  bench.BreakTrail();
  CHECK(bench.Call({{"text", "other"}}).structured["error"]["kind"] == "audit_unavailable");
}

TEST_CASE("an outcome that cannot be recorded makes the result an error that says so") {
  Bench bench;
  bench.script.run = [&](CallContext&) {
    bench.BreakTrail();
    ToolResult result;
    result.text = "done";
    result.structured = {{"status", "exited"}};
    result.audit = {{"status", "exited"}};
    return result;
  };
  const ToolResult result = bench.Call({{"text", "hello"}});
  CHECK(result.is_error);
  CHECK(result.structured["error"]["kind"] == "outcome_not_recorded");
  CHECK(result.structured["status"] == "exited");
  CHECK(result.text.find("done") != std::string::npos);
}

TEST_CASE("an exception out of a tool is caught and recorded") {
  Bench bench;
  bench.script.run = [](CallContext&) -> ToolResult { throw std::runtime_error("boom"); };
  const ToolResult result = bench.Call({{"text", "hello"}});
  CHECK(result.is_error);
  CHECK(result.structured["error"]["kind"] == "internal_error");
  const auto records = bench.trail.Records();
  REQUIRE(records.size() == 2);
  CHECK(records[1].dump().find("internal_error") != std::string::npos);
  bench.script.throw_in_prepare = true;
  CHECK(bench.Call({{"text", "hello"}}).structured["error"]["kind"] == "internal_error");
}

TEST_CASE("only tools that policy could ever allow are listed") {
  Bench bench;
  const auto listed = bench.executor.List({});
  REQUIRE(listed.size() == 1);
  CHECK(listed[0]->name == "echo");
  const auto nobody = test::LoadPolicy("version: 1\nrules: []\n");
  Gate nobodys(*nobody, *bench.trail.audit);
  const ToolExecutor closed(bench.catalog, nobodys);
  CHECK(closed.List({}).empty());
}

}  // namespace
}  // namespace casemate::tools
