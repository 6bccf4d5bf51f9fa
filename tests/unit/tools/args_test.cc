#include "tools/arguments/args.h"

#include <array>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> kNames = {"count", "ratio", "name", "list"};

struct Reading {
  ArgErrors errors;
  json object;
  ArgReader reader;
  explicit Reading(json value) : object(std::move(value)), reader(object, "args", kNames, errors) {}
  [[nodiscard]] std::string Message() const {
    return errors.first() ? errors.first()->message : std::string();
  }
};

TEST_CASE("integers are read within their range") {
  Reading good(json{{"count", 5}});
  CHECK(good.reader.Integer("count", 1, 10) == 5);
  CHECK_FALSE(good.errors.first());
  Reading whole(json{{"count", 5.0}});
  CHECK(whole.reader.Integer("count", 1, 10) == 5);
  Reading absent(json::object());
  CHECK_FALSE(absent.reader.Integer("count", 1, 10));
  CHECK_FALSE(absent.errors.first());
}

TEST_CASE("a wrong integer names field, range and what was got") {
  const std::array<json, 7> wrong = {0, 11, 2.5, "5", true, json(), json(18446744073709551615ULL)};
  for (const json& value : wrong) {
    Reading reading(json{{"count", value}});
    INFO(value.dump());
    CHECK_FALSE(reading.reader.Integer("count", 1, 10));
    REQUIRE(reading.errors.first());
    CHECK(reading.errors.first()->field == "args.count");
    CHECK(reading.Message().find("expected an integer from 1 to 10, got ") == 0);
  }
}

TEST_CASE("numbers are bounded too") {
  Reading good(json{{"ratio", 0.5}});
  CHECK(good.reader.Number("ratio", 0.05, 256) == 0.5);
  Reading low(json{{"ratio", 0.01}});
  CHECK_FALSE(low.reader.Number("ratio", 0.05, 256));
  CHECK(low.Message() == "expected a number from 0.05 to 256.0, got 0.01");
}

TEST_CASE("an unknown member is an error that names the nearest valid one") {
  const Reading reading(json{{"cuont", 1}});
  REQUIRE(reading.errors.first());
  CHECK(reading.errors.first()->field == "args.cuont");
  CHECK(reading.Message() == "unknown member `cuont`; did you mean `count`?");
  CHECK(reading.errors.first()->remedy == "use only: count, ratio, name, list");
}

TEST_CASE("what is not an object is an error, and reading it yields nothing") {
  Reading reading(json::array());
  CHECK(reading.Message() == "expected an object, got an array");
  CHECK_FALSE(reading.reader.Has("count"));
  CHECK_FALSE(reading.reader.Text("name"));
}

TEST_CASE("strings are checked for size and NUL") {
  Reading nul(json{{"name", std::string("a\0b", 3)}});
  CHECK_FALSE(nul.reader.Text("name", {.allow_nul = false}));
  CHECK(nul.Message() == "expected a string without NUL bytes, got one with a NUL byte");
  Reading allowed(json{{"name", std::string("a\0b", 3)}});
  CHECK(allowed.reader.Text("name"));
  Reading empty(json{{"name", ""}});
  CHECK_FALSE(empty.reader.Text("name", {.min_bytes = 1}));
  Reading large(json{{"name", "12345"}});
  CHECK_FALSE(large.reader.Text("name", {.max_bytes = 4}));
  CHECK(large.Message() == "expected at most 4 bytes, got 5 bytes");
}

TEST_CASE("a choice is one of its values") {
  constexpr std::array<std::string_view, 2> choices = {"python", "bash"};
  Reading good(json{{"name", "bash"}});
  CHECK(good.reader.Choice("name", choices) == "bash");
  Reading wrong(json{{"name", "pyton"}});
  CHECK_FALSE(wrong.reader.Choice("name", choices));
  CHECK(wrong.Message() == "expected one of python, bash, got `pyton`");
  CHECK(wrong.errors.first()->remedy == "use `python` as `name`");
}

TEST_CASE("the first error wins, and arrays are bounded") {
  Reading reading(json{{"count", "x"}, {"list", {1, 2, 3}}});
  CHECK(reading.reader.Array("list", 2, "an array") == nullptr);
  (void)reading.reader.Integer("count", 1, 2);
  CHECK(reading.errors.first()->field == "args.list");
}

TEST_CASE("quoted text cannot carry terminal escapes") {
  CHECK(Quoted("a\x1b[31m") == "`a\\x1b[31m`");
  CHECK(Quoted(std::string(100, 'x')).size() < 80);
}

}  // namespace
}  // namespace casemate::tools
