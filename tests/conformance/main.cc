// A server with the conformance suite's fixtures, on the same library and transport as casemate
// itself: casemate-conformance --port N (0: any; the address is printed) serves /mcp on loopback
// until standard input ends; casemate-conformance --stdio speaks MCP there. Its policy allows
// everything; its audit trail lives in a scratch directory that it removes.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>

#include "base/event_fd.h"
#include "base/store/store.h"
#include "mcp/auth/authenticator.h"
#include "mcp/http/server.h"
#include "mcp/server/server.h"
#include "mcp/server/session.h"
#include "mcp/transport/http/http_endpoint.h"
#include "mcp/transport/stdio/stdio_transport.h"
#include "policies/audit/audit_log.h"
#include "tests/conformance/allow_all.h"
#include "tests/conformance/fixtures.h"
#include "tools/executor.h"
#include "tools/gate.h"
#include "tools/job_runner.h"
#include "tools/job_store.h"
#include "tools/prompt_reader.h"
#include "tools/resource_reader.h"

namespace casemate::conformance {
namespace {

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
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

// Until the client closes our standard input.
void ServeStdio(mcp::Server& server, tools::JobRunner& jobs) {
  const EventFd stop = Must(EventFd::Create());
  const std::shared_ptr<mcp::StdioTransport> transport =
      Must(mcp::StdioTransport::Create(STDIN_FILENO, STDOUT_FILENO, {}, stop));
  const auto session = server.Open(policies::Principal{}, "conformance", transport);
  transport->Run([&](std::string_view line) { session->Handle(line, transport); },
                 [&](std::size_t limit) { mcp::Session::HandleOversized(limit, transport); });
  jobs.Shutdown();
  server.Shutdown();
  transport->Close(300);
}

void ServeHttp(mcp::Server& server, tools::JobRunner& jobs, std::uint16_t port) {
  mcp::SimpleAuthenticator authenticator(geteuid());
  mcp::HttpEndpoint endpoint(server, authenticator, {});
  const auto http = Must(http::HttpServer::Listen(
      {{.host = "127.0.0.1", .port = port, .path = "", .tls = {}}}, {},
      [&endpoint](http::Request request, std::shared_ptr<http::Responder> responder) {
        endpoint.Handle(std::move(request), responder);
      }));
  Must(http->Start());
  std::cout << http->Addresses().front() << "/mcp" << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  endpoint.EndStreams();
  http->Drain(std::chrono::milliseconds(500));
  jobs.Shutdown();
  server.Shutdown();
}

// Without a port: over standard input and output.
void Serve(const std::string& directory, std::optional<std::uint16_t> port) {
  const auto store = Must(Store::Open(directory + "/test.db"));
  const auto audit = Must(policies::AuditLog::Open(*store, "conformance"));
  const AllowAll policy;
  tools::Changes changes;
  tools::Catalog catalog;
  Must(Fill(catalog, changes));
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
  if (port) {
    ServeHttp(server, jobs, *port);
  } else {
    ServeStdio(server, jobs);
  }
}

}  // namespace
}  // namespace casemate::conformance

int main(int argc, char** argv) {
  const bool has_port = argc == 3 && std::string(argv[1]) == "--port";
  const bool is_stdio = argc == 2 && std::string(argv[1]) == "--stdio";
  std::string scratch = (std::filesystem::temp_directory_path() / "casemate-conf-XXXXXX").string();
  if ((!has_port && !is_stdio) || mkdtemp(scratch.data()) == nullptr) {
    std::cerr << "usage: casemate-conformance --port N | --stdio\n";
    return 2;
  }
  std::optional<std::uint16_t> port;
  if (has_port) {
    port = static_cast<std::uint16_t>(std::strtoul(argv[2], nullptr, 10));
  }
  casemate::conformance::Serve(scratch, port);
  std::error_code ignored;
  std::filesystem::remove_all(scratch, ignored);
  return 0;
}
