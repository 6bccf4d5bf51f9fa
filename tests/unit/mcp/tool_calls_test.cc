// tools/call through the dispatcher: params, concurrency, progress, cancellation, shutdown.
#include <thread>

#include "tests/unit/mcp/server_fixture.h"

namespace casemate::mcp {
namespace {

using nlohmann::json;
using test::Server;

struct Ready : Server {
  explicit Ready(const ServerOptions& options = test::FewThreads()) : Server(options) {
    Initialize("2025-11-25");
  }
};

TEST_CASE("tools/call with wrong params names the field") {
  Ready server;
  const struct {
    json params;
    const char* field;
  } rows[] = {
      {json::object(), "params.name"},
      {{{"name", 5}}, "params.name"},
      {{{"name", nullptr}}, "params.name"},
      {{{"name", "probe"}, {"arguments", json::array()}}, "params.arguments"},
      {{{"name", "probe"}, {"arguments", nullptr}}, "params.arguments"},
      {{{"name", "probe"}, {"_meta", 1}}, "params._meta"},
      {{{"name", "probe"}, {"_meta", {{"progressToken", 1.5}}}}, "params._meta.progressToken"},
      {{{"name", "probe"}, {"_meta", {{"progressToken", {1}}}}}, "params._meta.progressToken"},
      {{{"name", "prob"}}, "params.name"},
      {{{"name", ""}}, "params.name"},
  };
  int id = 0;
  for (const auto& row : rows) {
    const json answer = server.Ask(++id, "tools/call", row.params);
    INFO(answer.dump());
    CHECK(answer["error"]["code"] == -32602);
    CHECK(answer["error"]["data"]["field"] == row.field);
    CHECK(answer["error"]["message"].get<std::string>().find("expected") != std::string::npos);
  }
  CHECK(server.gate.runs == 0);
}

TEST_CASE("an unknown tool is answered with the nearest name") {
  Ready server;
  const json answer = server.Ask(1, "tools/call", {{"name", "prob"}});
  CHECK(answer["error"]["message"].get<std::string>().find("did you mean `probe`?") !=
        std::string::npos);
}

TEST_CASE("a tool hidden by policy is refused with a result") {
  Ready server;
  const json answer =
      server.Ask(1, "tools/call", {{"name", "hidden"}, {"arguments", {{"do", "echo"}}}});
  CHECK(answer["result"]["isError"] == true);
  CHECK(answer["result"]["structuredContent"]["error"]["kind"] == "refused");
  CHECK(server.gate.runs == 0);
}

TEST_CASE("an exception in a tool is an internal error, and the server goes on") {
  Ready server;
  const json answer = server.Ask(1, "tools/call", Server::Probe("throw"));
  CHECK(answer["error"]["code"] == -32603);
  CHECK(answer["error"]["data"]["status"] == "internal_error");
  CHECK(answer["error"]["data"]["audit_seq"].is_number());
  CHECK(server.Ask(2, "tools/call", Server::Probe("echo"))["result"]["isError"] == false);
}

TEST_CASE("a running call delays nothing else") {
  Ready server;
  server.Send(Server::Request(1, "tools/call", Server::Probe("wait")));
  server.gate.AwaitCalls(1);
  CHECK(server.Ask(2, "ping").contains("result"));
  CHECK(server.Ask(3, "tools/list").contains("result"));
  CHECK(server.Ask(4, "tools/call", Server::Probe("echo")).contains("result"));
  CHECK(server.transport.AnswersTo(1).empty());
  server.gate.Open();
  CHECK(server.transport.WaitForAnswer(1)["result"]["structuredContent"]["status"] == "done");
}

TEST_CASE("an id in flight is refused, and its call is unaffected") {
  Ready server;
  server.Send(Server::Request(1, "tools/call", Server::Probe("wait")));
  server.gate.AwaitCalls(1);
  for (const char* method : {"ping", "tools/call", "no/such/method"}) {
    CHECK(server.Ask(1, method, Server::Probe("echo"))["error"]["code"] == -32600);
  }
  CHECK(server.Ask("1", "ping").contains("result"));  // a string is another id
  CHECK(server.gate.runs == 1);
  server.gate.Open();
  const json answer = server.transport.WaitForAnswer(1, 4);
  CHECK(answer["result"]["structuredContent"]["status"] == "done");
  CHECK(server.Ask(1, "ping").contains("result"));  // free again
}

TEST_CASE("initialize waits for calls in progress") {
  Ready server;
  server.Send(Server::Request(1, "tools/call", Server::Probe("wait")));
  server.gate.AwaitCalls(1);
  CHECK(server.Ask(2, "initialize", {{"protocolVersion", "2024-11-05"}})["error"]["code"] ==
        -32600);
  server.gate.Open();
  CHECK(server.transport.WaitForAnswer(1)["result"].contains("structuredContent"));
  CHECK(server.Ask(3, "initialize", {{"protocolVersion", "2024-11-05"}}).contains("result"));
}

TEST_CASE("progress goes to those who asked, grows, and ends before the answer") {
  Ready server;
  CHECK(server.Ask(1, "tools/call", Server::Probe("progress")).contains("result"));
  CHECK(server.transport.Sent().size() == 2);  // initialize and the call: no token, no progress
  json params = Server::Probe("progress");
  params["_meta"]["progressToken"] = 77;
  server.Ask(2, "tools/call", params);
  const auto sent = server.transport.Sent();
  REQUIRE(sent.size() == 6);
  for (int step = 1; step <= 3; ++step) {
    const json& note = sent[static_cast<std::size_t>(step) + 1];
    CHECK(note["method"] == "notifications/progress");
    CHECK(note["params"]["progressToken"] == 77);
    CHECK(note["params"]["progress"] == step);
    CHECK(note["params"]["message"] == "step");
  }
  CHECK(sent[5]["id"] == 2);
}

TEST_CASE("a cancelled call ends without an answer, in both families") {
  for (const bool modern : {false, true}) {
    Ready server;
    const json params = Server::Probe("wait");
    server.Send(Server::Request("c", "tools/call", modern ? Server::Modern(params) : params));
    server.gate.AwaitCalls(1);
    server.Send(Server::Cancel("unknown"));  // ignored, as are malformed ones
    server.Send(Server::Cancel(json::array()));
    server.Send({{"jsonrpc", "2.0"}, {"method", "notifications/cancelled"}});
    server.Send(Server::Cancel("c"));
    server.server->Shutdown();  // waits for the call
    CHECK(server.transport.AnswersTo("c").empty());
    const auto trail = server.audit->Tail(1);
    REQUIRE(trail);
    CHECK(trail->at(0).body.find("cancelled") != std::string::npos);  // but it is on record
  }
}

TEST_CASE("a call cancelled while it waits for a thread never runs") {
  ServerOptions options = test::FewThreads();
  options.calls.working = 1;
  Ready server(options);
  server.Send(Server::Request(1, "tools/call", Server::Probe("wait")));
  server.gate.AwaitCalls(1);
  server.Send(Server::Request(2, "tools/call", Server::Probe("echo")));
  server.Send(Server::Cancel(2));
  server.gate.Open();
  server.transport.WaitForAnswer(1);
  server.server->Shutdown();
  CHECK(server.gate.runs == 1);
  CHECK(server.transport.AnswersTo(2).empty());
}

TEST_CASE("an id that int64 cannot hold cancels no other call") {
  Ready server;
  server.Send(Server::Request(-1, "tools/call", Server::Probe("wait")));
  server.gate.AwaitCalls(1);
  server.Send(Server::Cancel(18446744073709551615U));
  server.gate.Open();
  CHECK(server.transport.WaitForAnswer(-1)["result"]["structuredContent"]["status"] == "done");
}

TEST_CASE("beyond threads and queue a call is told to come back") {
  ServerOptions options = test::FewThreads();
  options.calls = {.working = 2, .working_each = 2, .queued = 3, .queued_each = 3};
  Ready server(options);
  for (int id = 1; id <= 2; ++id) {
    server.Send(Server::Request(id, "tools/call", Server::Probe("wait")));
  }
  server.gate.AwaitCalls(2);
  for (int id = 3; id <= 5; ++id) {
    server.Send(Server::Request(id, "tools/call", Server::Probe("echo")));
  }
  const json busy = server.Ask(6, "tools/call", Server::Probe("echo"));
  CHECK(busy["error"]["code"] == 1001);
  CHECK(busy["error"]["data"]["retry"] == true);
  server.gate.Open();
  for (int id = 1; id <= 5; ++id) {
    CHECK(server.transport.WaitForAnswer(id).contains("result"));
  }
  CHECK(server.Ask(6, "tools/call", Server::Probe("echo")).contains("result"));
}

TEST_CASE("shutdown cancels and joins all calls and sends nothing more") {
  Ready server;
  for (int id = 1; id <= 8; ++id) {
    server.Send(Server::Request(id, "tools/call", Server::Probe("wait")));
  }
  server.gate.AwaitCalls(4);
  server.server->Shutdown();
  const std::size_t sent = server.transport.Sent().size();
  CHECK(sent == 1);  // initialize
  server.session.reset();
  server.server.reset();
  CHECK(server.transport.Sent().size() == sent);
}

TEST_CASE("many calls at once are each answered once, with what is theirs") {
  ServerOptions options = test::FewThreads();
  options.calls = {.working = 8, .working_each = 8, .queued = 200, .queued_each = 200};
  Ready server(options);
  for (int id = 0; id < 100; ++id) {
    json params = Server::Probe(id % 3 == 0 ? "progress" : "echo");
    params["_meta"]["progressToken"] = id;
    server.Send(Server::Request(id, "tools/call", params));
  }
  for (int id = 0; id < 100; ++id) {
    server.transport.WaitForAnswer(id);
  }
  server.server->Shutdown();
  for (int id = 0; id < 100; ++id) {
    CHECK(server.transport.AnswersTo(id).size() == 1);
  }
}

}  // namespace
}  // namespace casemate::mcp
