// The dispatcher's rules by edition: which family a message belongs to, and what each answers.
#include "mcp/protocol/edition.h"
#include "tests/unit/mcp/server_fixture.h"

namespace casemate::mcp {
namespace {

using nlohmann::json;
using test::Server;

int Code(const json& answer) {
  INFO(answer.dump());
  REQUIRE(answer.contains("error"));
  CHECK_FALSE(answer["error"]["message"].get<std::string>().empty());
  return answer["error"]["code"].get<int>();
}

std::string Field(const json& answer) {
  INFO(answer.dump());
  REQUIRE(answer["error"].contains("data"));
  return answer["error"]["data"]["field"].get<std::string>();
}

TEST_CASE("initialize settles on the client's version, or on our latest of that family") {
  const struct {
    const char* asked;
    const char* answered;
  } rows[] = {{"2024-11-05", "2024-11-05"},
              {"2025-03-26", "2025-03-26"},
              {"2025-06-18", "2025-06-18"},
              {"2025-11-25", "2025-11-25"},
              {"2026-07-28", "2025-11-25"},
              {"1999-01-01", "2025-11-25"},
              {"", "2025-11-25"}};
  Server server;
  for (const auto& row : rows) {  // a second initialize is a new agreement
    const json answer = server.Ask(row.asked, "initialize", {{"protocolVersion", row.asked}});
    CHECK(answer["result"]["protocolVersion"] == row.answered);
    CHECK(answer["result"]["capabilities"] ==
          json::parse(R"({"tools":{"listChanged":true},"logging":{}})"));
    CHECK_FALSE(answer["result"].contains("resultType"));
  }
}

TEST_CASE("initialize with wrong params names the field") {
  Server server;
  CHECK(Field(server.Ask(1, "initialize")) == "params.protocolVersion");
  const json answer = server.Ask(2, "initialize", {{"protocolVersion", 5}});
  CHECK(Code(answer) == -32602);
  CHECK(answer["error"]["message"] ==
        "Invalid params: params.protocolVersion: expected a string, got 5");
  CHECK(Field(server.Ask(3, "initialize",
                         {{"protocolVersion", "2025-11-25"}, {"capabilities", json::array()}})) ==
        "params.capabilities");
}

TEST_CASE("before initialize only ping and modern requests are served") {
  Server server;
  CHECK(server.Ask(1, "ping")["result"] == json::object());
  CHECK(Code(server.Ask(2, "tools/list")) == -32600);
  CHECK(Code(server.Ask(3, "tools/call", Server::Probe("echo"))) == -32600);
  CHECK(server.gate.runs == 0);
  CHECK(Code(server.Ask(4, "resources/lists")) == -32601);
  CHECK(server.Ask(5, "tools/list", Server::Modern())["result"]["resultType"] == "complete");
}

TEST_CASE("both families are served on one connection, message by message") {
  Server server;
  CHECK(server.Ask(1, "server/discover", Server::Modern())["result"]["supportedVersions"] ==
        json::parse(R"(["2026-07-28"])"));
  server.Initialize("2024-11-05");  // after a probe, as clients do
  CHECK_FALSE(server.Ask(2, "tools/list")["result"].contains("ttlMs"));
  CHECK(server.Ask(3, "tools/list", Server::Modern())["result"].contains("ttlMs"));
  CHECK_FALSE(server.Ask(4, "tools/list")["result"].contains("ttlMs"));
}

TEST_CASE("a discover probe is never met with silence") {
  Server server;
  const json bare = server.Ask(1, "server/discover");
  CHECK(Code(bare) == -32602);
  CHECK(Field(bare) == "params._meta.io.modelcontextprotocol/protocolVersion");
  server.Initialize("2025-11-25");
  CHECK(Code(server.Ask(2, "server/discover")) == -32602);
}

TEST_CASE("a modern request must be complete and of a version that we serve") {
  Server server;
  json params = Server::Modern();
  params["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2025-11-25";
  const json old = server.Ask(1, "tools/list", params);
  CHECK(Code(old) == -32022);
  CHECK(old["error"]["data"] ==
        json::parse(R"({"supported":["2026-07-28"],"requested":"2025-11-25"})"));
  params["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2027-01-01";
  CHECK(Code(server.Ask(2, "no/such/method", params)) == -32022);
  params["_meta"]["io.modelcontextprotocol/protocolVersion"] = 20260728;
  CHECK(Field(server.Ask(3, "tools/list", params)) ==
        "params._meta.io.modelcontextprotocol/protocolVersion");
  params = Server::Modern();
  params["_meta"].erase("io.modelcontextprotocol/clientCapabilities");
  const json incomplete = server.Ask(4, "tools/list", params);
  CHECK(Code(incomplete) == -32602);
  CHECK(Field(incomplete) == "params._meta.io.modelcontextprotocol/clientCapabilities");
  params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = 1;
  CHECK(Code(server.Ask(5, "tools/list", params)) == -32602);
  params = Server::Modern();
  params["_meta"].erase("io.modelcontextprotocol/protocolVersion");
  CHECK(Field(server.Ask(6, "tools/list", params)) ==
        "params._meta.io.modelcontextprotocol/protocolVersion");
  CHECK(Field(server.Ask(7, "ping", {{"_meta", json::array()}})) == "params._meta");
}

TEST_CASE("a batch is answered as one, where the edition has batches") {
  Server server;
  server.Initialize("2025-03-26");
  server.Handle(R"([{"jsonrpc":"2.0","id":1,"method":"ping"},
                    {"jsonrpc":"2.0","method":"notifications/unknown"},
                    {"jsonrpc":"2.0","id":2,"method":"tools/call",
                     "params":{"name":"probe","arguments":{"do":"echo"}}}])");
  const json batch = server.transport.WaitFor([](const json& sent) { return sent.is_array(); });
  REQUIRE(batch.size() == 2);
  for (const json& answer : batch) {
    CHECK(answer.contains("result"));
  }
  server.Initialize("2025-06-18");
  server.Handle(R"([{"jsonrpc":"2.0","id":3,"method":"ping"}])");
  const json refusal =
      server.transport.WaitFor([](const json& sent) { return sent.contains("error"); });
  CHECK(refusal["error"]["code"] == -32600);
}

// A listen request would keep the answers to the others back for as long as it is open.
TEST_CASE("a batch with a request of the edition without sessions is refused whole") {
  for (const char* method : {"subscriptions/listen", "tools/list", "server/discover"}) {
    Server server;
    server.Initialize("2025-03-26");
    const json params = Server::Modern({{"notifications", json::object()}});
    server.Send(json::array({Server::Request(1, method, params), Server::Request(2, "ping", {})}));
    const json refusal =
        server.transport.WaitFor([](const json& sent) { return sent.contains("error"); });
    CHECK(refusal["error"]["code"] == -32600);
    CHECK_FALSE(refusal.contains("id"));
    CHECK(server.transport.AnswersTo(2).empty());
    CHECK(server.Ask(1, "ping").contains("result"));  // its id is free
  }
}

TEST_CASE("what an edition does not have is an unknown method") {
  Server server;
  for (const char* method :
       {"ping", "initialize", "logging/setLevel", "resources/list", "tools/Call"}) {
    CHECK(Code(server.Ask(method, method, Server::Modern())) == -32601);
  }
  server.Initialize("2025-11-25");
  for (const char* method : {"server/discovery", "resources/list", "prompts/list",
                             "subscriptions/listen", "", "tools"}) {
    const json answer = server.Ask(std::string("legacy ") + method, method);
    CHECK(Code(answer) == -32601);
    CHECK(answer["error"]["message"].get<std::string>().find(method) != std::string::npos);
  }
}

TEST_CASE("an unknown method's name cannot forge a log line or flood the answer") {
  Server server;
  const json answer = server.Ask(1, "\x1b[2J\n" + std::string(100000, 'x'));
  const auto message = answer["error"]["message"].get<std::string>();
  CHECK(message.size() < 200);
  CHECK(message.find('\x1b') == std::string::npos);
  CHECK(message.find('\n') == std::string::npos);
}

TEST_CASE("tools/list shows what the caller could be allowed, on one page") {
  Server server;
  server.Initialize("2025-11-25");
  const json tools = server.Ask(1, "tools/list")["result"]["tools"];
  REQUIRE(tools.size() == 1);
  CHECK(tools[0]["name"] == "probe");
  for (const json& cursor : {json(""), json("page2"), json(nullptr)}) {
    const json answer = server.Ask(cursor.dump(), "tools/list", {{"cursor", cursor}});
    CHECK(Code(answer) == -32602);
    CHECK(Field(answer) == "params.cursor");
  }
}

TEST_CASE("a call is answered in the form of its edition") {
  for (const EditionTraits& edition : AllEditions()) {
    INFO(edition.version);
    Server server;
    if (!edition.modern) {
      server.Initialize(std::string(edition.version));
    }
    const json params =
        edition.modern ? Server::Modern(Server::Probe("echo")) : Server::Probe("echo");
    const json result = server.Ask(1, "tools/call", params)["result"];
    CHECK(result["isError"] == false);
    CHECK(result["content"][0]["text"] == "done \xef\xbf\xbd");
    CHECK(result.contains("structuredContent") == edition.titles);
    CHECK(result.contains("resultType") == edition.modern);
    if (edition.titles) {
      CHECK(result["structuredContent"]["principal"] == "local");
    }
  }
}

TEST_CASE("bad arguments are a protocol error before 2025-11-25, and a result since then") {
  for (const EditionTraits& edition : AllEditions()) {
    INFO(edition.version);
    Server server;
    json params = {{"name", "probe"}};
    if (edition.modern) {
      params = Server::Modern(std::move(params));
    } else {
      server.Initialize(std::string(edition.version));
    }
    const json answer = server.Ask(1, "tools/call", params);
    if (edition.version >= "2025-11-25") {
      CHECK(answer["result"]["isError"] == true);
      CHECK(answer["result"]["structuredContent"]["error"]["field"] == "args.do");
    } else {
      CHECK(Code(answer) == -32602);
      CHECK(Field(answer) == "args.do");
    }
    // Other failures are results everywhere: the model is to read them.
    params["arguments"] = {{"do", "fail"}};
    CHECK(server.Ask(2, "tools/call", params)["result"]["isError"] == true);
  }
}

}  // namespace
}  // namespace casemate::mcp
