// What ReadPlainJson reads, nlohmann/json must read as the same; what it leaves is not our matter.
#include "base/plain_json.h"

#include <random>
#include <string>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace casemate {
namespace {

using nlohmann::json;

constexpr int kDepth = 8;

bool IsSame(const json& a, const json& b) {
  return a.type() == b.type() && a.dump() == b.dump();  // -1 and 1u are other types
}

// Member by member what ReadPlainJson reads as a whole.
bool ReadInto(json& object, const std::string& text) {
  object = json::object();
  return ReadPlainMembers(text, kDepth, [&object](std::string_view key) -> json* {
    const auto [place, is_new] = object.emplace(std::string(key), nullptr);
    return is_new ? &*place : nullptr;
  });
}

// False: a difference. `read` counts what was read.
bool Agrees(const std::string& text, int& read) {
  json plain;
  json members;
  const bool is_plain = ReadPlainJson(text, kDepth, plain);
  const bool has_members = ReadInto(members, text);
  if (has_members != (is_plain && plain.is_object() && !plain.empty())) {
    return false;
  }
  if (!is_plain) {
    return true;
  }
  ++read;
  if (has_members && !IsSame(plain, members)) {
    return false;
  }
  const json expected = json::parse(text, nullptr, false);
  return !expected.is_discarded() && IsSame(plain, expected);
}

TEST_CASE("ReadPlainJson reads what messages are made of", "[json]") {
  const std::string text =
      R"( { "jsonrpc" : "2.0", "id":-12,"params":{"a":[1,true,false,null,"é\n\"\\\/\b\f\r\t",[],{}],)"
      R"("a long key, longer than eight bytes":999999999999999999},"0":0} )";
  json plain;
  REQUIRE(ReadPlainJson(text, kDepth, plain));
  CHECK(IsSame(plain, json::parse(text)));
  CHECK(plain["id"].is_number_integer());
  CHECK(plain["0"].is_number_unsigned());
}

TEST_CASE("ReadPlainJson leaves the rest to others", "[json]") {
  for (const std::string text : {"",
                                 " ",
                                 "{",
                                 "[1,]",
                                 "[,1]",
                                 "{\"a\":1,}",
                                 "{\"a\"}",
                                 "{a:1}",
                                 "{\"a\":1,\"a\":1}",
                                 "1 2",
                                 "[1]]",
                                 "1.5",
                                 "1e3",
                                 "-",
                                 "-0",
                                 "01",
                                 "-01",
                                 "1234567890123456789",
                                 "\"\\u0041\"",
                                 "\"\\x\"",
                                 "\"a",
                                 "\"\xff\"",
                                 "\"\xed\xa0\x80\"",
                                 "\"\x01\"",
                                 "\"12345678\x1f\"",
                                 "nul",
                                 "trueish",
                                 "NaN",
                                 "[[[[[[[[[1]]]]]]]]]",
                                 "\xef\xbb\xbf{}",
                                 "//\n1",
                                 "'a'"}) {
    INFO(text);
    json plain;
    CHECK_FALSE(ReadPlainJson(text, kDepth, plain));
  }
  CHECK_FALSE([] {
    json plain;
    return ReadPlainJson(std::string("{}\0", 3), kDepth, plain);
  }());
  json deepest;
  CHECK(ReadPlainJson("[[[[[[[[1]]]]]]]]", kDepth, deepest));
}

TEST_CASE("ReadPlainMembers reads only what its caller has a place for", "[json]") {
  json value;
  const auto only_a = [&value](std::string_view key) { return key == "a" ? &value : nullptr; };
  REQUIRE(ReadPlainMembers(R"( {"\n":1} )", kDepth, [&value](std::string_view key) {
    return key == "\n" ? &value : nullptr;
  }));
  CHECK(value == 1);
  REQUIRE(ReadPlainMembers(R"({"a":{"a":[{}]}})", kDepth, only_a));
  CHECK(value == json{{"a", {json::object()}}});
  for (const std::string text : {R"({"a":1,"b":2})", R"({"b":2})", "{}", "[1]", "1", "",
                                 R"({"a":1}x)", R"({"a":[[[[[[[[1]]]]]]]]})"}) {
    INFO(text);
    CHECK_FALSE(ReadPlainMembers(text, kDepth, only_a));
  }
}

TEST_CASE("every short text is read as nlohmann/json reads it, or not at all", "[json]") {
  constexpr std::string_view kAlphabet = "{}[]\":,01-.e\\ \xc3\xa9\x1f";
  int read = 0;
  std::string first_difference;
  for (int length = 1; length <= 5; ++length) {
    std::string text(static_cast<std::size_t>(length), kAlphabet.front());
    std::vector<std::size_t> digits(text.size(), 0);
    for (bool is_last = false; !is_last;) {
      if (!Agrees(text, read) && first_difference.empty()) {
        first_difference = text;
      }
      is_last = true;
      for (std::size_t i = 0; i < digits.size(); ++i) {  // the next number in base kAlphabet.size()
        digits[i] = (digits[i] + 1) % kAlphabet.size();
        text[i] = kAlphabet[digits[i]];
        if (digits[i] != 0) {
          is_last = false;
          break;
        }
      }
    }
  }
  CHECK(first_difference.empty());
  CHECK(read > 2'000);
}

TEST_CASE("damaged messages are read as nlohmann/json reads them, or not at all", "[json]") {
  const std::string message =
      R"({"jsonrpc":"2.0","id":12345,"method":"tools/call","params":{"name":"run","arguments":{)"
      R"("command":["sh","-c","echo \"a\\nb\" é"],"timeout_ms":1000,"limits":{"memory_mb":64},)"
      R"("files":[{"path":"x","content":"line 1\nline 2\ttab"}],"background":false,"x":null}}})";
  std::mt19937 random(20261121);
  const auto pick = [&](std::size_t below) { return random() % below; };
  constexpr std::string_view kBytes = "{}[]\":,0159-.eE\\untf \n\t\xc3\xa9\xff\x80";
  int read = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text = message;
    for (std::size_t changes = 1 + pick(3); changes > 0; --changes) {
      const std::size_t at = pick(text.size());
      switch (pick(4)) {
        case 0:
          text[at] = kBytes[pick(kBytes.size())];
          break;
        case 1:
          text.insert(at, 1, kBytes[pick(kBytes.size())]);
          break;
        case 2:
          text.erase(at, 1 + pick(3));
          break;
        default:
          text.insert(at, text.substr(pick(text.size()), pick(40)));
      }
    }
    INFO(text);
    if (!Agrees(text, read)) {
      FAIL_CHECK();
    }
  }
  CHECK(read > 1'000);
}

}  // namespace
}  // namespace casemate
