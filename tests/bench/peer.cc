#include "tests/bench/peer.h"

namespace casemate::bench {

Peer Casemate(const Options& options, const ScratchDirectory& state) {
  const std::vector<std::string> base = {options.casemate, "--state-dir", state.path(), "serve"};
  Peer peer{base, base, true};
  peer.http.insert(peer.http.end(), {"--http", "127.0.0.1:0"});
  return peer;
}

Peer Everything(const Options& options) {
  const std::string program = options.everything + "/dist/index.js";
  return {{options.node, program, "stdio"}, {options.node, program, "streamableHttp"}, false};
}

std::string InitializeRequest() {
  return R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{)"
         R"("protocolVersion":"2025-11-25","capabilities":{},)"
         R"("clientInfo":{"name":"bench","version":"1"}}})";
}

std::string Request(int id, std::string_view method) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + std::string(method) +
         R"("})";
}

std::string ModernRequest(int id, std::string_view method) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" + std::string(method) +
         R"(","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
         R"("io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},)"
         R"("io.modelcontextprotocol/clientCapabilities":{}}}})";
}

}  // namespace casemate::bench
