// What holds for every client, tried with many made up at random. A failure shows the seed that
// makes the same client again.
#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/json.h"
#include "base/log.h"
#include "mcp/transport/stdio/line_splitter.h"
#include "tests/fuzz/in_memory_server.h"
#include "tests/fuzz/traffic.h"

namespace casemate::mcp {
namespace {

using fuzz::Backend;
using fuzz::Conversation;
using fuzz::Era;
using fuzz::Random;
using fuzz::Traffic;
using nlohmann::json;

constexpr std::uint32_t kClients = 150;
constexpr std::size_t kMaxLineBytes = 65536;

// Hands the bytes over in pieces as a pipe might.
void SendInPieces(Conversation& conversation, std::string_view bytes, Random& random,
                  std::size_t longest_piece) {
  const LineSplitter::OnLine on_line = [&](std::string_view line) { conversation.Send(line); };
  const LineSplitter::OnOversized on_oversized = [&](std::size_t limit) {
    conversation.SendTooMuch(limit);
  };
  LineSplitter lines(kMaxLineBytes, on_line, on_oversized);
  while (!bytes.empty()) {
    std::string_view piece = bytes.substr(0, 1 + random.Below(longest_piece));
    bytes.remove_prefix(piece.size());
    while (!piece.empty()) {
      piece.remove_prefix(lines.Take(piece));
    }
  }
  lines.Finish();
}

std::string Mutated(std::string text, Random& random) {
  for (std::size_t edits = random.Below(6); edits > 0 && !text.empty(); --edits) {
    const std::size_t at = random.Below(text.size());
    switch (random.Below(5)) {
      case 0:
        text[at] = static_cast<char>(random.Below(256));
        break;
      case 1:
        text.erase(at, random.Below(8));
        break;
      case 2:
        text.insert(at, 1, "{}[]\",:0-9e.\\n\x7f"[random.Below(15)]);
        break;
      case 3:
        text.insert(at, text.substr(random.Below(text.size()), random.Below(30)));
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

std::string AnyBytes(Traffic& traffic) {
  std::string bytes;
  if (traffic.random.OneIn(2)) {
    bytes = DumpJson(traffic.Initialize("first", traffic.random.Of(fuzz::kLegacyVersions))) + "\n";
  }
  for (int line = 0; line < 30; ++line) {
    const std::string text = DumpJson(traffic.Anything());
    bytes += (traffic.random.OneIn(4) ? Mutated(text, traffic.random) : text) + "\n";
    if (traffic.random.OneIn(100)) {
      bytes += std::string(kMaxLineBytes + 1, 'x') + "\n";
    }
  }
  return bytes;
}

TEST_CASE("any bytes yield only valid messages, and an answer at most to each request") {
  Backend backend;
  int answers = 0;
  for (std::uint32_t seed = 1; seed <= kClients; ++seed) {
    INFO("seed " << seed);
    Traffic traffic(seed);
    const std::string bytes = AnyBytes(traffic);
    Conversation conversation(backend);
    SendInPieces(conversation, bytes, traffic.random, 5000);
    conversation.End();
    const std::string problem = conversation.Problem();
    INFO(problem << "\n" << bytes);
    REQUIRE(problem.empty());
    answers += conversation.ledger().answers();
  }
  CHECK(answers > 1000);
}

// A client in order: requests with ids of their own, for its edition or for the one without
// sessions; `cancels`: some are taken back, at once or later. One of 2025-03-26 sends batches too.
struct LegalClient {
  std::string bytes;
  bool sends_batches = false;
};

LegalClient MakeLegalClient(Traffic& traffic, bool cancels) {
  Random& random = traffic.random;
  const std::string_view version = random.Of(fuzz::kLegacyVersions);
  LegalClient client{DumpJson(traffic.Initialize("first", version)) + "\n" +
                         R"({"jsonrpc":"2.0","method":"notifications/initialized"})" + "\n",
                     version == "2025-03-26"};
  json batch = json::array();
  for (int number = 0; number < 30; ++number) {
    const json id = random.OneIn(3) ? json(std::to_string(number)) : json(number);
    std::vector<json> messages;
    const bool may_batch = client.sends_batches && random.OneIn(2);
    messages.push_back(
        traffic.Request(id, may_batch || random.OneIn(2) ? Era::kLegacy : Era::kModern));
    // Of no older edition, whatever it says: no batch may have it.
    const bool in_batch = may_batch && messages.front()["method"] != "server/discover";
    while (cancels && random.OneIn(2)) {
      messages.push_back(Traffic::Cancel(random.OneIn(2) ? id : json(random.Below(30))));
    }
    for (json& message : messages) {
      if (in_batch) {
        batch.push_back(std::move(message));
      } else {
        client.bytes += DumpJson(message) + "\n";
      }
    }
    if (!batch.empty() && (random.OneIn(4) || number == 29)) {
      client.bytes += DumpJson(std::exchange(batch, json::array())) + "\n";
    }
  }
  return client;
}

TEST_CASE("no request of a legal client is left unanswered, whatever is cancelled") {
  Backend backend;
  for (std::uint32_t seed = 1; seed <= kClients; ++seed) {
    INFO("seed " << seed);
    Traffic traffic(seed);
    const LegalClient client = MakeLegalClient(traffic, true);
    Conversation conversation(backend);
    if (client.sends_batches) {
      conversation.ledger().ExpectBatches();
    }
    SendInPieces(conversation, client.bytes, traffic.random, 100'000);
    conversation.End();
    const std::string problem = conversation.Problem();
    INFO(problem << "\n" << client.bytes);
    REQUIRE(problem.empty());
  }
}

// What does not depend on time: the kind of each answer.
using Kind = std::tuple<json, bool, json>;
std::vector<Kind> KindsOfAnswers(const Conversation& conversation) {
  std::vector<Kind> kinds;
  for (const std::string& line : conversation.Sent()) {
    const json read = json::parse(line);
    for (const json& message : read.is_array() ? read : json::array({read})) {
      if (!message.contains("method")) {
        kinds.emplace_back(message.value("id", json()), message.contains("result"),
                           message.value("/error/code"_json_pointer, json()));
      }
    }
  }
  std::ranges::sort(kinds);
  return kinds;
}

TEST_CASE("the same bytes get the same answers, wherever they are cut") {
  Backend backend;
  for (std::uint32_t seed = 1; seed <= kClients / 5; ++seed) {
    INFO("seed " << seed);
    Traffic traffic(seed);
    const std::string bytes = MakeLegalClient(traffic, false).bytes;
    std::vector<Kind> whole;
    for (const std::size_t longest_piece : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
      Conversation conversation(backend);
      SendInPieces(conversation, bytes, traffic.random, longest_piece);
      conversation.End();
      REQUIRE(conversation.Problem().empty());
      const auto kinds = KindsOfAnswers(conversation);
      REQUIRE(kinds.size() > 25);
      REQUIRE((whole.empty() || kinds == whole));
      whole = kinds;
    }
  }
}

TEST_CASE("the rules see each kind of failure") {
  using fuzz::Ledger;
  const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
  const std::string pong = R"({"jsonrpc":"2.0","id":1,"result":{}})";
  Ledger unanswered;
  unanswered.Asked(ping);
  CHECK_FALSE(unanswered.Balance().empty());
  CHECK(unanswered.Answered(pong).empty());
  CHECK(unanswered.Balance().empty());
  CHECK(unanswered.Answered(pong).empty());
  CHECK_FALSE(unanswered.Balance().empty());  // twice

  Ledger cancelled;
  cancelled.Asked(ping);
  cancelled.Asked(DumpJson(Traffic::Cancel(1)));
  CHECK(cancelled.Balance().empty());

  Ledger bad;
  for (const char* line :
       {"", "x", "7", R"({"jsonrpc":"2.0","id":1,"result":{},"error":{}})",
        R"({"jsonrpc":"2.0","result":{}})", R"({"jsonrpc":"2.0","id":1.5,"result":{}})",
        R"({"jsonrpc":"2.0","id":1,"result":7})", R"({"jsonrpc":"2.0","id":1,"error":{"code":1}})",
        R"({"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"a defect"}})",
        R"({"jsonrpc":"2.0","method":7,"params":{}})", R"({"id":1,"result":{}})", "{}\n{}",
        "\xff"}) {
    INFO(line);
    CHECK_FALSE(bad.Answered(line).empty());
  }
}

}  // namespace
}  // namespace casemate::mcp
