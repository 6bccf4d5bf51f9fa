// What the dispatcher's tests share: a real executor, policy and audit trail over one scripted
// tool, and a transport that records. Test-only.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "policies/audit/audit_log.h"
#include "policies/engine/yaml_policy.h"
#include "tests/unit/mcp/recording_transport.h"
#include "tests/unit/temp_dir.h"
#include "tools/executor.h"

namespace casemate::mcp::test {

// What the tool's calls share with the test. Thread-safe.
class Barrier {
 public:
  // Called by a call: waits for Open or a cancellation; true if it was cancelled.
  bool Wait(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, stop, [this] { return open_; });
    return stop.stop_requested();
  }
  void Open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  // Called by the test: waits until `count` calls have come to the gate.
  void AwaitCalls(int count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, std::chrono::seconds(30), [&] { return waiting_ >= count; }));
  }
  std::atomic<int> runs = 0;

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  int waiting_ = 0;
  bool open_ = false;
};

// Arguments: {"do": "echo" | "wait" | "throw" | "progress" | "fail"}, anything else is refused.
class ProbeCall : public tools::PreparedCall {
 public:
  ProbeCall(Barrier& gate, json args) : gate_(gate), args_(std::move(args)) {}
  [[nodiscard]] const json& normalised() const override { return args_; }
  [[nodiscard]] const json& context() const override { return context_; }
  tools::ToolResult Run(const policies::Grant& /*grant*/, tools::CallContext& context) override {
    ++gate_.runs;
    const auto what = args_.at("do").get<std::string>();
    if (what == "throw") {
      throw std::runtime_error("thrown by the probe");
    }
    if (what == "fail") {
      return tools::ErrorResult(Error{ErrorCode::kUnavailable, "not now", {}, "later", 0});
    }
    if (what == "progress" && context.progress != nullptr) {
      for (const int step : {1, 2, 2, 1, 3}) {
        context.progress->Report(step, std::nullopt, "step");
      }
    }
    const bool cancelled = what == "wait" && gate_.Wait(context.stop);
    tools::ToolResult result;
    result.text = "done \xff";
    result.structured = {{"status", cancelled ? "cancelled" : "done"},
                         {"principal", context.principal.id}};
    result.audit = {{"status", result.structured["status"]}, {"channel", context.channel}};
    return result;
  }

 private:
  Barrier& gate_;
  json args_;
  json context_ = json::object();
};

class ProbeTool : public tools::Tool {
 public:
  explicit ProbeTool(Barrier& gate) : gate_(gate) {
    spec_.name = "probe";
    spec_.title = "Probe";
    spec_.description = "Probes.";
    spec_.input_schema = {{"type", "object"}};
    spec_.output_schema = {{"type", "object"}};
  }
  [[nodiscard]] const tools::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<tools::PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    const auto what = args.find("do");
    if (what == args.end() || !what->is_string()) {
      return InvalidArgument("args.do", "expected a string, got nothing");
    }
    return std::unique_ptr<tools::PreparedCall>(std::make_unique<ProbeCall>(gate_, args));
  }

 private:
  Barrier& gate_;
  tools::ToolSpec spec_;
};

// A second tool, which policy lets nobody call.
class HiddenTool : public ProbeTool {
 public:
  explicit HiddenTool(Barrier& gate) : ProbeTool(gate), spec_(ProbeTool::spec()) {
    spec_.name = "hidden";
  }
  [[nodiscard]] const tools::ToolSpec& spec() const override { return spec_; }

 private:
  tools::ToolSpec spec_;
};

constexpr const char* kProbePolicy = R"(
version: 1
rules:
  - id: allow-probe
    effect: allow
    tools: [probe]
    match: [{tool: probe}]
    not_match: [{tool: hidden}]
)";

inline ServerOptions FewThreads() {
  ServerOptions options;
  options.calls = {.working = 4, .working_each = 4, .queued = 4, .queued_each = 4};
  options.reserved = options.calls;
  return options;
}

struct Server {
  testing::TempDir directory;
  std::unique_ptr<Store> store;
  std::unique_ptr<policies::AuditLog> audit;
  std::unique_ptr<policies::PolicyEngine> policy;
  Barrier gate;
  tools::Catalog catalog;
  std::unique_ptr<tools::Gate> policy_gate;
  std::unique_ptr<tools::ToolExecutor> executor;
  const std::shared_ptr<RecordingTransport> sink = std::make_shared<RecordingTransport>();
  RecordingTransport& transport = *sink;
  std::unique_ptr<mcp::Server> server;
  std::shared_ptr<Session> session;

  explicit Server(const ServerOptions& options = FewThreads()) {
    auto opened = Store::Open(directory / "casemate.db");
    REQUIRE(opened);
    store = *std::move(opened);
    auto log = policies::AuditLog::Open(*store, "test");
    REQUIRE(log);
    audit = *std::move(log);
    auto engine = policies::LoadYamlPolicy(kProbePolicy, "policy.yaml");
    INFO((engine ? std::string() : Describe(engine.error())));
    REQUIRE(engine);
    policy = *std::move(engine);
    REQUIRE(catalog.Add(std::make_unique<ProbeTool>(gate)));
    REQUIRE(catalog.Add(std::make_unique<HiddenTool>(gate)));
    policy_gate = std::make_unique<tools::Gate>(*policy, *audit);
    executor = std::make_unique<tools::ToolExecutor>(catalog, *policy_gate);
    server = std::make_unique<mcp::Server>(Backends{.executor = *executor, .gate = *policy_gate},
                                           options);
    session = server->Open(policies::Principal{}, "test", sink);
  }

  void Send(const json& message) const { session->Handle(DumpJson(message), sink); }
  // Sends a request and waits for its one answer.
  json Ask(const json& id, const std::string& method, const json& params = json::object()) {
    const std::size_t before = transport.AnswersTo(id).size();
    Send(Request(id, method, params));
    return transport.WaitForAnswer(id, before + 1);
  }
  // One text as a transport hands it over.
  void Handle(std::string_view text) const { session->Handle(text, sink); }
  void Initialize(const std::string& version) {
    const json answer = Ask("init", "initialize",
                            {{"protocolVersion", version},
                             {"capabilities", json::object()},
                             {"clientInfo", {{"name", "test"}, {"version", "1"}}}});
    REQUIRE(answer["result"]["protocolVersion"] == version);
    Send({{"jsonrpc", "2.0"}, {"method", "notifications/initialized"}});
  }
  static json Request(const json& id, const std::string& method, const json& params) {
    return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}};
  }
  static json Cancel(const json& id) {
    return {{"jsonrpc", "2.0"},
            {"method", "notifications/cancelled"},
            {"params", {{"requestId", id}, {"reason", "test"}}}};
  }
  static json Probe(const std::string& what) {
    return {{"name", "probe"}, {"arguments", {{"do", what}}}};
  }
  // `params` with what every modern request carries.
  static json Modern(json params = json::object()) {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2026-07-28";
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json::object();
    return params;
  }
};

}  // namespace casemate::mcp::test
