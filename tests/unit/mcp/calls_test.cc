#include "mcp/server/calls.h"

#include <cmath>
#include <limits>

#include "mcp/server/relays.h"
#include "mcp/server/reply_once.h"
#include "tests/unit/mcp/recording_transport.h"

namespace casemate::mcp {
namespace {

using nlohmann::json;
using test::RecordingTransport;

const EditionTraits& modern = TraitsOf(Edition::k2026_07_28);

TEST_CASE("an answer is given once") {
  const auto sink = std::make_shared<RecordingTransport>();
  RecordingTransport& transport = *sink;
  ReplyOnce reply(sink, 1);
  reply.Succeed({{"ok", true}});
  reply.Fail({jsonrpc::kInternalError, "again", nullptr});
  REQUIRE(transport.Sent().size() == 1);
  CHECK(transport.Sent()[0]["result"]["ok"] == true);
}

TEST_CASE("a dropped right to answer is an internal error") {
  const auto sink = std::make_shared<RecordingTransport>();
  RecordingTransport& transport = *sink;
  {
    const ReplyOnce reply(sink, std::string("x"));
  }
  REQUIRE(transport.Sent().size() == 1);
  CHECK(transport.Sent()[0]["error"]["code"] == jsonrpc::kInternalError);
  CHECK(transport.Sent()[0]["id"] == "x");
}

TEST_CASE("the right to answer moves, and can be given up") {
  const auto sink = std::make_shared<RecordingTransport>();
  RecordingTransport& transport = *sink;
  {
    ReplyOnce first(sink, 1);
    ReplyOnce second(std::move(first));
    second.Forget();
  }
  CHECK(transport.Sent().empty());
}

TEST_CASE("progress only ever grows, and is of the class that may be dropped") {
  const auto sink = std::make_shared<RecordingTransport>();
  RecordingTransport& transport = *sink;
  ProgressRelay relay(sink, modern, "t", {});
  for (const double value :
       {0.0, 0.0, 2.0, 1.0, std::nan(""), std::numeric_limits<double>::infinity(), 2.5}) {
    relay.Report(value, std::nullopt, "m");
  }
  relay.Close();
  relay.Report(100, std::nullopt, "late");
  std::vector<double> values;
  for (const json& message : transport.Sent()) {
    CHECK(message["method"] == "notifications/progress");
    CHECK(message["params"]["progressToken"] == "t");
    values.push_back(message["params"]["progress"].get<double>());
  }
  CHECK(values == std::vector<double>{0.0, 2.0, 2.5});
  for (const SendClass send_class : transport.Classes()) {
    CHECK(send_class == SendClass::kProgress);
  }
}

TEST_CASE("a cancelled call reports no progress") {
  const auto sink = std::make_shared<RecordingTransport>();
  RecordingTransport& transport = *sink;
  std::stop_source stop;
  ProgressRelay relay(sink, modern, 1, stop.get_token());
  stop.request_stop();
  relay.Report(1, std::nullopt, "m");
  CHECK(transport.Sent().empty());
}

TEST_CASE("a call is in flight for as long as its entry lives") {
  CallsInFlight calls;
  CHECK(calls.empty());
  {
    auto entry = calls.Add(1, 8);
    REQUIRE(entry.has_value());
    CHECK_FALSE(calls.Add(1, 8));  // taken
    CHECK_FALSE(calls.Add(2, 1));  // too many
    const CallsInFlight::Entry moved = *std::move(entry);
    CHECK(calls.Contains(1));
    CHECK_FALSE(calls.Contains(std::string("1")));  // a string is another id
    calls.Cancel(2);                                // unknown: ignored
    calls.Cancel(std::string("1"));
    CHECK_FALSE(moved.cancelled());
    calls.Cancel(1);
    CHECK(moved.cancelled());
    CHECK(moved.token().stop_requested());
  }
  CHECK(calls.empty());
}

TEST_CASE("a finished call cannot be cancelled") {
  CallsInFlight calls;
  auto entry = calls.Add(1, 8);
  entry->Remove();
  calls.Cancel(1);
  calls.CancelAll();
  CHECK_FALSE(entry->cancelled());
}

TEST_CASE("all calls can be cancelled at once") {
  CallsInFlight calls;
  const auto one = calls.Add(1, 8);
  const auto two = calls.Add(std::string("two"), 8);
  calls.CancelAll();
  CHECK(one->cancelled());
  CHECK(two->cancelled());
}

}  // namespace
}  // namespace casemate::mcp
