// Whatever a client sends, the server answers with valid messages only, and never more often than
// it was asked.
#include <map>
#include <random>

#include "mcp/jsonrpc/message.h"
#include "tests/unit/mcp/server_fixture.h"

namespace casemate::mcp {
namespace {

using nlohmann::json;
using test::Server;

// What is wrong with it as a JSON-RPC message of ours; empty: nothing.
std::string Problem(const json& message) {
  const bool is_result = message.contains("result");
  const bool is_error = message.contains("error");
  const bool is_notification = message.contains("method");
  if (message.value("jsonrpc", "") != "2.0" || is_result + is_error + is_notification != 1) {
    return "not exactly one kind of message";
  }
  const json id = message.value("id", json());
  if (!id.is_null() && !id.is_string() && !id.is_number_integer()) {
    return "an id of the wrong type";
  }
  if (id.is_null() ? is_result : is_notification) {
    return "an id where there is none, or none where there is one";
  }
  const bool explained = is_error && message["error"].at("code").is_number_integer() &&
                         message["error"].at("message").is_string();
  return is_error && !explained ? "an error without code or message" : "";
}

std::vector<std::string> Seeds() {
  std::vector<json> seeds = {
      Server::Request(1, "initialize", {{"protocolVersion", "2025-11-25"}}),
      Server::Request("two", "ping", json::object()),
      Server::Request(3, "tools/list", Server::Modern()),
      Server::Request(4, "server/discover", Server::Modern()),
      Server::Request(5, "tools/call", Server::Modern(Server::Probe("echo"))),
      Server::Request(6, "tools/call", Server::Probe("progress")),
      Server::Cancel(5),
      json::parse(R"({"jsonrpc":"2.0","id":7,"result":{}})"),
      json::parse(R"([{"jsonrpc":"2.0","id":8,"method":"ping"}])"),
  };
  seeds[5]["params"]["_meta"]["progressToken"] = "t";
  std::vector<std::string> texts;
  texts.reserve(seeds.size() + 3);
  for (const json& seed : seeds) {
    texts.push_back(seed.dump());
  }
  texts.emplace_back("{");
  texts.emplace_back("\xef\xbb\xbf{}");
  texts.emplace_back(1000, '[');
  return texts;
}

std::string Mutated(std::string text, std::mt19937& random) {
  const auto pick = [&random](std::size_t bound) {
    return random() % std::max<std::size_t>(bound, 1);
  };
  for (std::size_t edits = pick(4); edits > 0 && !text.empty(); --edits) {
    const std::size_t at = pick(text.size());
    switch (pick(5)) {
      case 0:
        text[at] = static_cast<char>(pick(256));
        break;
      case 1:
        text.erase(at, pick(8));
        break;
      case 2:
        text.insert(at, 1, "{}[]\",:0-9e.\\n\x7f"[pick(15)]);
        break;
      case 3:
        text.insert(at, text.substr(pick(text.size()), pick(30)));
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

// How often each id was asked, or answered; the null id stands for messages without one.
using Tally = std::map<json, int>;

void Count(std::string_view text, Tally& asked) {
  auto incoming = jsonrpc::ParseIncoming(text, {});
  if (incoming.is_batch) {  // refused as a whole: the edition has no batches
    ++asked[json()];
    return;
  }
  auto& parsed = incoming.messages.front();
  if (const auto* failure = std::get_if<jsonrpc::ParseFailure>(&parsed)) {
    ++asked[failure->id ? jsonrpc::ToJson(*failure->id) : json()];
  } else if (const auto* request =
                 std::get_if<jsonrpc::Request>(&std::get<jsonrpc::Message>(parsed))) {
    ++asked[jsonrpc::ToJson(request->id)];
  }
}

TEST_CASE("any input yields only valid messages, and never more answers than requests") {
  ServerOptions options = test::FewThreads();
  options.calls.queued = options.calls.queued_each = 100'000;
  Server server(options);
  const std::vector<std::string> seeds = Seeds();
  std::mt19937 random(20260728);  // NOLINT(cert-msc51-cpp): the same input each time
  Tally asked;
  for (int i = 0; i < 4000; ++i) {
    const std::string text = Mutated(seeds[random() % seeds.size()], random);
    Count(text, asked);
    server.Handle(text);
  }
  server.gate.Open();
  server.server->Shutdown();
  Tally answered;
  for (const json& message : server.transport.Sent()) {
    INFO(message.dump());
    CHECK(Problem(message).empty());
    if (!message.contains("method")) {
      ++answered[message.value("id", json())];
    }
  }
  CHECK(asked.size() > 10);
  CHECK(answered[json()] == asked[json()]);
  for (const auto& [id, count] : answered) {
    INFO(id.dump());
    CHECK(count <= asked[id]);
  }
}

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
