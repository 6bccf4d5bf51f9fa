#include "tools/output_text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "fixtures.h"

namespace casemate::tools {
namespace {

constexpr const char* kEuro = "\xE2\x82\xAC";

TEST_CASE("unfinished characters at the end are counted") {
  CHECK(TornTail("abc") == 0);
  CHECK(TornTail("") == 0);
  CHECK(TornTail(kEuro) == 0);
  CHECK(TornTail("a\xE2\x82") == 2);
  CHECK(TornTail("a\xE2") == 1);
  CHECK(TornTail("\xF0\x9F\x98") == 3);
  CHECK(TornTail("a\x80") == 0);  // stray, not the start of anything
  CHECK(TornTail("\x80\x80\x80\x80") == 0);
}

TEST_CASE("a prefix ends between characters") {
  const std::string text = std::string("ab") + kEuro;
  CHECK(Utf8Prefix(text, 4) == "ab");
  CHECK(Utf8Prefix(text, 5) == text);
  CHECK(Utf8Prefix(text, 100) == text);
}

TEST_CASE("whole output is returned as it is, made valid") {
  CHECK(StreamText({.head = "abc", .tail = "", .total_bytes = 3}) == "abc");
  CHECK(StreamText({.head = "a\xff"
                            "b",
                    .tail = "",
                    .total_bytes = 3}) == std::string("a\xEF\xBF\xBD") + "b");
}

TEST_CASE("cut output says how much is missing and tears no character") {
  sandbox::CapturedStream stream;
  stream.head = "head\xE2\x82";  // the third byte was cut
  stream.tail =
      "\xAC"
      "tail";  // the first two were
  stream.total_bytes = 6 + 5 + 100;
  CHECK(StreamText(stream) == "head\n[… 103 bytes cut …]\ntail");
  CHECK(IsValidUtf8(StreamText(stream)));
}

}  // namespace
}  // namespace casemate::tools
