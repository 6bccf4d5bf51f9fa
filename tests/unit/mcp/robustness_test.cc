// What gets one answer that says why, and what gets none. (properties_test.cc sends all the rest.)
#include "tests/unit/mcp/server_fixture.h"

namespace casemate::mcp {
namespace {

using test::Server;

TEST_CASE("a line beyond the limit is a parse error that says the limit") {
  Server server;
  Session::HandleOversized(1234, server.sink);
  REQUIRE(server.transport.Sent().size() == 1);
  CHECK(server.transport.Sent()[0]["error"]["code"] == -32700);
  CHECK(server.transport.Sent()[0]["error"]["message"].get<std::string>().find("1234") !=
        std::string::npos);
}

TEST_CASE("notifications and responses are never answered") {
  Server server;
  for (const char* text :
       {R"({"jsonrpc":"2.0","method":"notifications/initialized"})",
        R"({"jsonrpc":"2.0","method":"tools/call","params":{"name":"probe"}})",
        R"({"jsonrpc":"2.0","method":"no/such"})", R"({"jsonrpc":"2.0","id":1,"result":{}})",
        R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"m"}})"}) {
    server.Handle(text);
  }
  server.server->Shutdown();
  CHECK(server.transport.Sent().empty());
  CHECK(server.gate.runs == 0);
}

}  // namespace
}  // namespace casemate::mcp
