// StreamSink and ReplayLog: one HTTP response, as JSON or as an event stream, and what survives a
// lost connection. Also which Host and Origin are let in.
#include "mcp/transport/http/stream_sink.h"

#include <catch2/catch.hpp>

#include "mcp/protocol/wire.h"
#include "mcp/transport/http/origin.h"

namespace casemate::mcp {
namespace {

class RecordingResponder : public http::Responder {
 public:
  void Send(http::Response response) override {
    status = response.status;
    body = response.body;
    headers = response.headers;
    ended = true;
  }
  void Begin(http::Response head) override {
    status = head.status;
    headers = head.headers;
    body = head.body;
    streaming = true;
  }
  bool Write(std::string bytes, bool /*droppable*/) override {
    body += bytes;
    return true;
  }
  void End() override { ended = true; }
  void OnGone(std::function<void()> /*gone*/) override {}

  int status = 0;
  http::Headers headers;
  std::string body;
  bool streaming = false;
  bool ended = false;
};

StreamSink::Options Replaying(std::uint64_t stream = 3) {
  StreamSink::Options options;
  options.replay = std::make_shared<ReplayLog>(1000);
  options.stream = stream;
  return options;
}

TEST_CASE("an answer that comes first is plain JSON") {
  const auto responder = std::make_shared<RecordingResponder>();
  StreamSink sink({}, responder);
  sink.Answer("{}", {});
  CHECK(responder->status == 200);
  CHECK(responder->body == "{}");
  CHECK_FALSE(responder->streaming);
  sink.Send("late", SendClass::kProgress);
  CHECK(responder->body == "{}");
}

TEST_CASE("the status tells what kind of error it is, by edition") {
  const auto status = [](int code, bool is_refusal, bool is_modern) {
    return StreamSink::StatusOf({code, is_refusal, is_modern});
  };
  CHECK(status(0, false, true) == 200);
  CHECK(status(-32601, true, true) == 404);
  CHECK(status(-32601, true, false) == 200);
  CHECK(status(-32602, true, true) == 400);
  CHECK(status(-32602, false, true) == 200);  // unknown tool
  CHECK(status(kMissingCapability, false, true) == 400);
  CHECK(status(kHeaderMismatch, true, true) == 400);
  CHECK(status(-32700, true, false) == 400);
}

TEST_CASE("whatever comes before the answer makes it an event stream") {
  const auto responder = std::make_shared<RecordingResponder>();
  StreamSink sink(Replaying(), responder);
  sink.Send("{\"a\":1}", SendClass::kProgress);
  sink.Answer("{\"b\":2}", {});
  CHECK(responder->streaming);
  CHECK(responder->ended);
  CHECK(responder->body == "id: 3-1\ndata: {\"a\":1}\n\nid: 3-2\ndata: {\"b\":2}\n\n");
}

TEST_CASE("a stream goes on where its connection was lost") {
  const auto first = std::make_shared<RecordingResponder>();
  StreamSink sink(Replaying(), first);
  sink.Send("one", SendClass::kReply);
  sink.Detach(first.get());
  sink.Send("two", SendClass::kReply);
  sink.Answer("three", {});
  const auto second = std::make_shared<RecordingResponder>();
  REQUIRE(sink.Attach(second, 1));
  CHECK(second->body == "id: 3-2\ndata: two\n\nid: 3-3\ndata: three\n\n");
  CHECK(second->ended);
}

TEST_CASE("a stream has one connection, and no gaps") {
  const auto first = std::make_shared<RecordingResponder>();
  StreamSink sink(Replaying(), first);
  CHECK_FALSE(sink.Attach(std::make_shared<RecordingResponder>(), 0));
  sink.Detach(first.get());
  sink.Send(std::string(600, 'x'), SendClass::kReply);
  sink.Send(std::string(600, 'y'), SendClass::kReply);  // pushes the first out of the log
  CHECK_FALSE(sink.Attach(std::make_shared<RecordingResponder>(), 0));
  CHECK(sink.Attach(std::make_shared<RecordingResponder>(), 1));
}

TEST_CASE("who resumes takes the stream over from a connection that is lost without a word") {
  const auto lost = std::make_shared<RecordingResponder>();
  StreamSink sink(Replaying(), lost);
  sink.Send("one", SendClass::kReply);
  sink.Send("two", SendClass::kReply);
  const auto next = std::make_shared<RecordingResponder>();
  REQUIRE(sink.Attach(next, 1));
  CHECK(lost->ended);
  sink.Detach(lost.get());  // the news of its end comes late
  CHECK(sink.is_attached());
  sink.Send("three", SendClass::kReply);
  CHECK(next->body == "id: 3-2\ndata: two\n\nid: 3-3\ndata: three\n\n");
  CHECK(lost->body.find("three") == std::string::npos);
}

TEST_CASE("a priming event has the id of what was seen, never of what is to come") {
  auto options = Replaying();
  options.primes = true;
  const auto first = std::make_shared<RecordingResponder>();
  StreamSink sink(options, first);
  sink.Send("one", SendClass::kReply);
  CHECK(first->body == "id: 3-0\ndata: \n\nid: 3-1\ndata: one\n\n");
  sink.Detach(first.get());
  sink.Send("two", SendClass::kReply);
  const auto second = std::make_shared<RecordingResponder>();
  REQUIRE(sink.Attach(second, 0));  // cut off right after the priming event
  CHECK(second->body == "id: 3-0\ndata: \n\nid: 3-1\ndata: one\n\nid: 3-2\ndata: two\n\n");
}

TEST_CASE("a request without an answer ends without an invitation to resume") {
  auto options = Replaying();
  options.primes = true;
  const auto responder = std::make_shared<RecordingResponder>();
  StreamSink sink(options, responder);
  sink.NoAnswer();
  CHECK(responder->ended);
  CHECK(responder->body.empty());
}

TEST_CASE("what is gone from the log, or never was in it, is no empty stream") {
  ReplayLog log(1000);
  CHECK(log.After({1, 0})->empty());  // nothing was sent yet
  CHECK_FALSE(log.After({1, 5}).has_value());
  log.Append({1, 1}, std::string(400, 'a'));
  log.Append({2, 1}, std::string(5000, 'b'));  // larger than the log, and kept all the same
  CHECK(log.After({2, 0})->size() == 1);
  CHECK_FALSE(log.After({1, 0}).has_value());
  CHECK(log.After({1, 1})->empty());
  CHECK_FALSE(log.After({1, 2}).has_value());
}

TEST_CASE("event ids are read strictly") {
  CHECK(EventId::FromText("3-17")->number == 17);
  for (const char* wrong : {"", "3", "3-", "-3", "a-1", "1-2-3", "99999999999999999999-1"}) {
    CHECK_FALSE(EventId::FromText(wrong).has_value());
  }
}

TEST_CASE("over loopback only loopback's names and pages are let in") {
  http::Peer loopback;
  loopback.is_loopback = true;
  const OriginRules none;
  for (const char* host : {"localhost", "localhost:80", "127.0.0.1:9", "[::1]:9", "LOCALHOST",
                           "127.0.0.2:80", "[0:0:0:0:0:0:0:1]"}) {
    CHECK(IsHostAllowed(none, loopback, host));
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:9", "",
                           "128.0.0.1", "[::2]", "[::1].evil.example", "127.1"}) {
    CHECK_FALSE(IsHostAllowed(none, loopback, host));
  }
  CHECK(IsOriginAllowed(none, loopback, "http://localhost:6274"));
  for (const char* origin : {"http://evil.example", "null", "http://localhost.evil.example", ""}) {
    CHECK_FALSE(IsOriginAllowed(none, loopback, origin));
  }
  const OriginRules rules{{"https://app.example"}, {"casemate.example"}};
  CHECK(IsHostAllowed(rules, loopback, "casemate.example:443"));
  CHECK(IsOriginAllowed(rules, {}, "https://app.example"));
  CHECK_FALSE(IsOriginAllowed(rules, {}, "http://localhost"));
  CHECK_FALSE(IsHostAllowed(rules, {}, "other.example"));
}

}  // namespace
}  // namespace casemate::mcp
