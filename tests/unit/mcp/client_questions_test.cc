#include "mcp/server/client_questions.h"

#include <atomic>
#include <latch>

#include <catch2/catch.hpp>

#include "base/fair_pool.h"
#include "recording_transport.h"

namespace casemate::mcp {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using test::RecordingTransport;

constexpr milliseconds kLong{60'000};

struct Asked {
  const std::shared_ptr<RecordingTransport> sink = std::make_shared<RecordingTransport>();
  ClientQuestions questions;
  [[nodiscard]] Result<json> Ask(milliseconds time = kLong, const std::stop_token& stop = {}) {
    return questions.Await(questions.Send(sink, "roots/list", json::object()), sink, stop, time);
  }
  [[nodiscard]] std::vector<std::string> SentMethods() const {
    std::vector<std::string> methods;
    for (const json& message : sink->Sent()) {
      methods.push_back(message["method"]);
    }
    return methods;
  }
};

TEST_CASE("an answer that came first is taken, others are ignored") {
  Asked asked;
  const auto id = asked.questions.Send(asked.sink, "roots/list", json::object());
  asked.questions.OnResponse({"casemate-77", json{{"roots", 1}}});
  asked.questions.OnResponse({7, json{{"roots", 2}}});
  asked.questions.OnResponse({std::nullopt, json{{"roots", 3}}});
  asked.questions.OnResponse({id, json{{"roots", 4}}});
  asked.questions.OnResponse({id, json{{"roots", 5}}});
  const auto answer = asked.questions.Await(id, asked.sink, {}, kLong);
  REQUIRE(answer);
  CHECK((*answer)["roots"] == 4);
}

TEST_CASE("a question without an answer is taken back") {
  Asked asked;
  SECTION("after its time") {
    CHECK(asked.Ask(milliseconds(1)).error().code == ErrorCode::kUnavailable);
  }
  SECTION("when the call is cancelled") {
    std::stop_source stop;
    stop.request_stop();
    CHECK(asked.Ask(kLong, stop.get_token()).error().code == ErrorCode::kCancelled);
  }
  SECTION("when the session ends") {
    asked.questions.Close();
    CHECK(asked.Ask().error().code == ErrorCode::kCancelled);
  }
  CHECK(asked.SentMethods() == std::vector<std::string>{"roots/list", "notifications/cancelled"});
}

TEST_CASE("an error of the client is the question's error") {
  Asked asked;
  const auto id = asked.questions.Send(asked.sink, "roots/list", json::object());
  asked.questions.OnResponse({id, jsonrpc::RpcError{-32603, "no", nullptr}});
  const auto answer = asked.questions.Await(id, asked.sink, {}, kLong);
  REQUIRE_FALSE(answer);
  CHECK(answer.error().message.find("no") != std::string::npos);
}

TEST_CASE("a call that waits for a person leaves its place to others, up to a limit") {
  Asked asked;
  const auto id = asked.questions.Send(asked.sink, "roots/list", json::object());
  std::optional<Result<json>> answer;
  {
    FairPool pool({.working = 1,
                   .working_each = 1,
                   .queued = 2,
                   .queued_each = 2,
                   .aside = 1,
                   .aside_each = 1});
    REQUIRE(pool.Submit("ann", [&] { answer = asked.questions.Await(id, asked.sink, {}, kLong); }));
    std::latch refused(1);
    std::atomic<ErrorCode> why = ErrorCode::kInternal;  // for Catch2 is not thread-safe
    REQUIRE(pool.Submit("ann", [&] {                    // runs while the first waits; only one may
      why = asked.Ask().error().code;
      refused.count_down();
    }));
    refused.wait();
    CHECK(why == ErrorCode::kResourceExhausted);
    REQUIRE(pool.Submit("ann", [&] { asked.questions.OnResponse({id, json{{"roots", 1}}}); }));
  }
  REQUIRE(answer.has_value());
  CHECK(answer->ok());
}

}  // namespace
}  // namespace casemate::mcp
