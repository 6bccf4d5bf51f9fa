// RFC 8785: its published vectors, what ECMAScript itself writes for 2,454 numbers
// (golden/ecmascript_numbers.txt, by Node.js), and properties of random documents.
#include "base/canonical_json.h"

#include <bit>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"

using casemate::CanonicalJson;
using casemate::EcmaScriptNumber;
using casemate::ParseJson;
using nlohmann::json;

namespace {

std::string Canonical(std::string_view text) {
  auto parsed = ParseJson(text);
  REQUIRE(parsed);
  auto canonical = CanonicalJson(*parsed);
  REQUIRE(canonical);
  return *canonical;
}

json RandomValue(std::mt19937_64& random, int depth) {
  const auto pick = [&](std::uint64_t count) { return random() % count; };
  const auto text = [&] {
    static const std::vector<std::string> kParts{"a",          "\n",   "é",  "\u20ac", "\ufb33",
                                                 "\U0001f600", "\x01", "\"", "\\",     "~"};
    std::string made;
    for (std::uint64_t i = pick(5); i > 0; --i) {
      made += kParts[pick(kParts.size())];
    }
    return made;
  };
  switch (depth == 0 ? pick(4) : pick(6)) {
    case 0:
      return text();
    case 1:
      return static_cast<std::int64_t>(random() >> 11U) * (pick(2) == 0 ? 1 : -1);
    case 2: {
      const double number = std::bit_cast<double>(random());
      return std::isfinite(number) ? json(number) : json(nullptr);
    }
    case 3:
      return pick(2) == 0;
    case 4: {
      json array = json::array();
      for (std::uint64_t i = pick(4); i > 0; --i) {
        array.push_back(RandomValue(random, depth - 1));
      }
      return array;
    }
    default: {
      json object = json::object();
      for (std::uint64_t i = pick(6); i > 0; --i) {
        object[text()] = RandomValue(random, depth - 1);
      }
      return object;
    }
  }
}

}  // namespace

TEST_CASE("the samples of RFC 8785") {
  CHECK(Canonical(R"({
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  })") ==
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
        "\"string\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  CHECK(Canonical(R"({
    "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis"
  })") ==
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\","
        "\"\u00f6\":\"Latin Small Letter O With Diaeresis\",\"\u20ac\":\"Euro Sign\","
        "\"\U0001f600\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");
  CHECK(Canonical(R"([56,{"d":true,"10":null,"1":[]}])") == R"([56,{"1":[],"10":null,"d":true}])");
  CHECK(
      Canonical(
          R"({"1":{"f":{"f":"hi","F":5},"\n":56.0},"10":{},"":"empty","a":{},"111":[{"e":"yes","E":"no"}],"A":{}})") ==
      R"({"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}})");
}

TEST_CASE("the numbers of RFC 8785, appendix B") {
  const std::vector<std::pair<std::uint64_t, std::string>> table{
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (const auto& [bits, text] : table) {
    CHECK(EcmaScriptNumber(std::bit_cast<double>(bits)) == text);
  }
}

TEST_CASE("numbers as ECMAScript writes them") {
  std::ifstream file(CASEMATE_TEST_BASE_GOLDEN "/ecmascript_numbers.txt");
  std::uint64_t bits = 0;
  std::string expected;
  int count = 0;
  while (file >> std::hex >> bits >> expected) {
    ++count;
    if (EcmaScriptNumber(std::bit_cast<double>(bits)) != expected) {
      CAPTURE(bits, expected);
      CHECK(EcmaScriptNumber(std::bit_cast<double>(bits)) == expected);
    }
  }
  CHECK(count > 2000);
}

TEST_CASE("what has no canonical form is refused, with its path") {
  const auto field = [](const json& value) {
    const auto made = CanonicalJson(value);
    REQUIRE_FALSE(made);
    return made.error().field;
  };
  CHECK(field({{"a", {1, std::numeric_limits<double>::infinity()}}}) == "a[1]");
  CHECK(field({{"a", {{"b", 9007199254740993}}}}) == "a.b");
  CHECK(field(json::array({json(-9007199254740993)})) == "[0]");
  CHECK(field(json::array({json(18446744073709551615U)})) == "[0]");
  CHECK(field({{"a", "\xff"}}) == "a");
  CHECK(CanonicalJson(json(9007199254740992)).value() == "9007199254740992");
  CHECK(CanonicalJson(json(-9007199254740992)).value() == "-9007199254740992");
}

TEST_CASE("a canonical form is its own, and says the same") {
  std::mt19937_64 random(8785);
  for (int i = 0; i < 2000; ++i) {
    const json value = RandomValue(random, 4);
    const auto once = CanonicalJson(value);
    if (!once) {
      continue;  // an integer that a double cannot hold
    }
    const auto again = ParseJson(*once);
    REQUIRE(again);
    CHECK(*again == json::parse(value.dump()));
    CHECK(CanonicalJson(*again).value() == *once);
    // However its members are ordered and its text is laid out.
    CHECK(CanonicalJson(*ParseJson(value.dump(3))).value() == *once);
  }
}
