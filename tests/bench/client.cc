#include "tests/bench/client.h"

namespace casemate::bench {

CasemateClient::CasemateClient(const Options& options)
    : server_({options.casemate, "--state-dir", state_.path(), "serve"}, {}, Child::Stderr::kOurs) {
  server_.Write(
      R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
      R"("capabilities":{},"clientInfo":{"name":"bench","version":"1"}}})"
      "\n");
  server_.ReadLine();
}

std::string CasemateClient::Run(const std::string& command) {
  server_.Write(R"({"jsonrpc":"2.0","id":)" + std::to_string(++id_) +
                R"(,"method":"tools/call","params":{"name":"run","arguments":{"command":)" +
                command + "}}}\n");
  std::string reply = server_.ReadLine();
  while (!reply.starts_with(R"({"id")")) {  // news, such as of kept output
    reply = server_.ReadLine();
  }
  if (reply.find("\"exit_code\":0") == std::string::npos) {
    Die("the call failed: " + reply);
  }
  return reply;
}

const std::vector<std::string>& BwrapTrue() {
  static const std::vector<std::string> command = {
      "bwrap",    "--unshare-all", "--ro-bind", "/",       "/",    "--proc",
      "/proc",    "--dev",         "/dev",      "--tmpfs", "/tmp", "--die-with-parent",
      "/bin/true"};
  return command;
}

}  // namespace casemate::bench
