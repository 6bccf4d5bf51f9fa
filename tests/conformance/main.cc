// A server with the conformance suite's fixtures, on the same library and transport as casemate
// itself: casemate-conformance --port N (0: any; the address is printed) serves /mcp on loopback
// until standard input ends. Its policy allows everything; its audit trail lives in a scratch
// directory that it removes.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "base/hash.h"
#include "base/store/store.h"
#include "mcp/auth/authenticator.h"
#include "mcp/http/server.h"
#include "mcp/server/server.h"
#include "mcp/transport/http/http_endpoint.h"
#include "policies/audit/audit_log.h"
#include "policies/engine/policy_engine.h"
#include "tests/conformance/fixtures.h"
#include "tools/executor.h"
#include "tools/gate.h"
#include "tools/job_runner.h"
#include "tools/job_store.h"
#include "tools/prompt_reader.h"
#include "tools/resource_reader.h"

namespace casemate::conformance {
namespace {

class AllowAll : public policies::PolicyEngine {
 public:
  [[nodiscard]] policies::Decision Decide(const policies::PolicyInput& input) const override {
    policies::Decision decision;
    decision.effect = policies::Effect::kAllow;
    decision.decision_id = RandomHex(16);
    decision.rule_id = "allow-all";
    decision.revision = revision_;
    decision.grant = Issue({}, policies::WorkspaceAccess::kPrivateOnly, decision.decision_id,
                           input.principal.id);
    return decision;
  }
  [[nodiscard]] bool MayEverAllow(const std::string& /*tool*/,
                                  const policies::Principal& /*principal*/) const override {
    return true;
  }
  [[nodiscard]] const std::string& revision() const override { return revision_; }

 private:
  std::string revision_ = "test";
};

Result<void> Fill(tools::Catalog& catalog, tools::Changes& changes) {
  for (const auto& add :
       {AddContentTools, AddAskingTools, AddMrtrTools, AddTaskTools, AddPrompts}) {
    if (auto added = add(catalog); !added) {
      return added;
    }
  }
  AddResources(catalog);
  return AddChangeTools(catalog, changes);
}

template <typename T>
T Must(Result<T> result) {
  if (!result) {
    std::cerr << "casemate-conformance: " << Describe(result.error()) << '\n';
    std::exit(1);
  }
  return *std::move(result);
}

int Serve(const std::string& directory, std::uint16_t port) {
  const auto store = Must(Store::Open(directory + "/test.db"));
  const auto audit = Must(policies::AuditLog::Open(*store, "conformance"));
  const AllowAll policy;
  tools::Changes changes;
  tools::Catalog catalog;
  if (auto filled = Fill(catalog, changes); !filled) {
    std::cerr << "casemate-conformance: " << Describe(filled.error()) << '\n';
    return 1;
  }
  tools::Gate gate(policy, *audit);
  tools::ToolExecutor executor(catalog, gate);
  tools::ResourceReader resources(catalog, gate);
  tools::PromptReader prompts(catalog, gate);
  const auto job_store =
      Must(tools::JobStore::Open(*store, "conformance", [](const std::string&) { return true; }));
  tools::JobRunner jobs(executor, *job_store, &changes);
  mcp::ServerOptions options;
  options.identity = {
      "casemate-conformance", "Conformance fixtures", "1.0.0", "", "", "", "Tests."};
  options.task_after = std::chrono::milliseconds(100);
  mcp::Server server({.executor = executor,
                      .gate = gate,
                      .resources = &resources,
                      .prompts = &prompts,
                      .jobs = &jobs,
                      .changes = &changes},
                     options);
  mcp::SimpleAuthenticator authenticator(geteuid());
  mcp::HttpEndpoint endpoint(server, authenticator, {});
  const auto http = Must(http::HttpServer::Listen(
      {{.host = "127.0.0.1", .port = port, .path = "", .tls = {}}}, {},
      [&endpoint](http::Request request, std::shared_ptr<http::Responder> responder) {
        endpoint.Handle(std::move(request), responder);
      }));
  if (auto started = http->Start(); !started) {
    std::cerr << Describe(started.error()) << '\n';
    return 1;
  }
  std::cout << http->Addresses().front() << "/mcp" << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  endpoint.EndStreams();
  http->Drain(std::chrono::milliseconds(500));
  jobs.Shutdown();
  server.Shutdown();
  return 0;
}

}  // namespace
}  // namespace casemate::conformance

int main(int argc, char** argv) {
  const bool has_port = argc == 3 && std::string(argv[1]) == "--port";
  std::string scratch = (std::filesystem::temp_directory_path() / "casemate-conf-XXXXXX").string();
  if (!has_port || mkdtemp(scratch.data()) == nullptr) {
    std::cerr << "usage: casemate-conformance --port N\n";
    return 2;
  }
  const int code = casemate::conformance::Serve(
      scratch, static_cast<std::uint16_t>(std::strtoul(argv[2], nullptr, 10)));
  std::error_code ignored;
  std::filesystem::remove_all(scratch, ignored);
  return code;
}
