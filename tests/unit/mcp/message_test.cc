#include "mcp/jsonrpc/message.h"

#include <catch2/catch.hpp>

namespace casemate::jsonrpc {
namespace {

using nlohmann::json;

ParseFailure Refused(std::string_view text, const JsonLimits& limits = {}) {
  auto parsed = std::move(ParseIncoming(text, limits).messages.front());
  INFO(text);
  REQUIRE(std::holds_alternative<ParseFailure>(parsed));
  return std::get<ParseFailure>(std::move(parsed));
}

template <typename T>
T Parsed(std::string_view text) {
  auto parsed = std::move(ParseIncoming(text, {}).messages.front());
  INFO(text);
  REQUIRE(std::holds_alternative<Message>(parsed));
  REQUIRE(std::holds_alternative<T>(std::get<Message>(parsed)));
  return std::get<T>(std::get<Message>(std::move(parsed)));
}

TEST_CASE("a request, a notification and a response are told apart") {
  const auto request =
      Parsed<Request>(R"({"jsonrpc":"2.0","id":"a","method":"m","params":{"x":1}})");
  CHECK(std::get<std::string>(request.id) == "a");
  CHECK(request.method == "m");
  CHECK(request.params["x"] == 1);
  const auto note = Parsed<Notification>(R"({"jsonrpc":"2.0","method":"n"})");
  CHECK(note.method == "n");
  CHECK(note.params == json::object());
  const auto response = Parsed<Response>(R"({"jsonrpc":"2.0","id":-7,"result":{"y":2}})");
  CHECK(std::get<std::int64_t>(*response.id) == -7);
  CHECK(std::get<json>(response.outcome)["y"] == 2);
}

TEST_CASE("unknown members are tolerated") {
  CHECK(Parsed<Request>(R"({"jsonrpc":"2.0","id":1,"method":"m","extra":[1],"result":0})").method ==
        "m");
}

TEST_CASE("text that is not JSON is a parse error without id") {
  for (const char* text : {"", "{", "{\"id\":1", "nonsense", "{\"id\":1}{\"id\":2}", "\xff",
                           R"({"jsonrpc":"2.0","id":1,"id":2,"method":"ping"})"}) {
    const ParseFailure failure = Refused(text);
    CHECK(failure.error.code == kParseError);
    CHECK_FALSE(failure.id.has_value());
  }
}

TEST_CASE("size and depth are bounded") {
  CHECK(Refused(R"({"jsonrpc":"2.0","id":1,"method":"ping"})", {.max_bytes = 10}).error.code ==
        kParseError);
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  CHECK(Refused(deep).error.code == kParseError);
}

TEST_CASE("an invalid request names the field and keeps a readable id") {
  const struct {
    const char* text;
    const char* field;
    bool has_id;
  } rows[] = {
      {R"(7)", "message", false},
      {R"({"id":1,"method":"m"})", "jsonrpc", true},
      {R"({"jsonrpc":"1.0","id":1,"method":"m"})", "jsonrpc", true},
      {R"({"jsonrpc":2.0,"id":1,"method":"m"})", "jsonrpc", true},
      {R"({"jsonrpc":"2.0","id":null,"method":"m"})", "id", false},
      {R"({"jsonrpc":"2.0","id":1.5,"method":"m"})", "id", false},
      {R"({"jsonrpc":"2.0","id":{},"method":"m"})", "id", false},
      {R"({"jsonrpc":"2.0","id":true,"method":"m"})", "id", false},
      {R"({"jsonrpc":"2.0","id":9223372036854775808,"method":"m"})", "id", false},
      {R"({"jsonrpc":"2.0","id":1})", "method", true},
      {R"({"jsonrpc":"2.0","id":1,"method":5})", "method", true},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","params":[1]})", "params", true},
      {R"({"jsonrpc":"2.0","id":1,"method":"m","params":null})", "params", true},
      {R"({"jsonrpc":"2.0","method":"m","params":"x"})", "params", false},
  };
  for (const auto& row : rows) {
    const ParseFailure failure = Refused(row.text);
    CHECK(failure.error.code == kInvalidRequest);
    CHECK(failure.error.data["field"] == row.field);
    CHECK(failure.error.message.find("expected") != std::string::npos);
    CHECK(failure.id.has_value() == row.has_id);
  }
}

TEST_CASE("a batch is taken apart, and is neither empty nor endless") {
  const Incoming two = ParseIncoming(R"([{"jsonrpc":"2.0","id":1,"method":"ping"},7])", {});
  REQUIRE(two.is_batch);
  REQUIRE(two.messages.size() == 2);
  CHECK(std::holds_alternative<Message>(two.messages[0]));
  CHECK(std::holds_alternative<ParseFailure>(two.messages[1]));
  CHECK(Refused("[]").error.code == kInvalidRequest);
  std::string many = "[0";
  for (std::size_t i = 0; i < kMaxBatch; ++i) {
    many += ",0";
  }
  const ParseFailure failure = Refused(many + "]");
  CHECK(failure.error.message.find("1 to 100 messages, got 101") != std::string::npos);
}

// Two peers that answer each other's errors would never stop.
TEST_CASE("a malformed response is still a response") {
  CHECK_FALSE(Parsed<Response>(R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}})").id);
  CHECK_FALSE(Parsed<Response>(R"({"jsonrpc":"2.0","id":null,"error":7})").id);
  CHECK(Parsed<Response>(R"({"id":1,"result":1,"error":{"code":99999999999}})").id);
}

TEST_CASE("ids are 64-bit integers or strings, and come back as they were") {
  for (const char* id :
       {"0", "-1", "9223372036854775807", "-9223372036854775808", "\"\"", "\"\xc3\xa9\""}) {
    const auto request =
        Parsed<Request>(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"m"})");
    CHECK(SerializeResult(request.id, json::object()) ==
          R"({"id":)" + std::string(id) + R"(,"jsonrpc":"2.0","result":{}})");
  }
  CHECK_FALSE(IdFromJson(json(18446744073709551615U)));
  CHECK_FALSE(IdFromJson(json(nullptr)));
}

TEST_CASE("what is serialised is one line of valid JSON") {
  const std::string result = SerializeResult(std::string("a\"\n"), {{"t", "line\nbreak \xff"}});
  CHECK(result.find('\n') == std::string::npos);
  const json back = json::parse(result);
  CHECK(back["id"] == "a\"\n");
  CHECK(back["jsonrpc"] == "2.0");
  CHECK(back["result"]["t"] == "line\nbreak \xef\xbf\xbd");

  const json error = json::parse(SerializeError(std::nullopt, {kParseError, "m", nullptr}));
  CHECK_FALSE(error.contains("id"));
  CHECK_FALSE(error["error"].contains("data"));
  CHECK(
      json::parse(SerializeError(RequestId(5), {kInvalidParams, "m", {{"field", "f"}}})) ==
      json::parse(
          R"({"jsonrpc":"2.0","id":5,"error":{"code":-32602,"message":"m","data":{"field":"f"}}})"));
  CHECK(json::parse(SerializeNotification("n", {{"a", 1}})) ==
        json::parse(R"({"jsonrpc":"2.0","method":"n","params":{"a":1}})"));
}

}  // namespace
}  // namespace casemate::jsonrpc
