#include "policies/engine/condition.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/yaml.h"
#include "policies/engine/condition_yaml.h"
#include "policies/engine/glob.h"

namespace casemate::policies {

namespace {

Truth Test(const std::string& condition, const nlohmann::json& args,
           const nlohmann::json& context = nlohmann::json::object()) {
  auto document = ParseYaml(condition, "test");
  REQUIRE(document);
  auto parsed = ReadCondition(*document);
  INFO(condition);
  INFO((parsed ? std::string() : Describe(parsed.error())));
  REQUIRE(parsed);
  const PolicyInput input{"run", {}, args, context, NoHistory()};
  return Evaluate(*parsed, Attributes(input));
}

std::string ReadError(const std::string& condition) {
  auto document = ParseYaml(condition, "test");
  REQUIRE(document);
  auto parsed = ReadCondition(*document);
  INFO(condition);
  REQUIRE_FALSE(parsed);
  return parsed.error().message;
}

using Json = nlohmann::json;
constexpr auto kTrue = Truth::kTrue;
constexpr auto kFalse = Truth::kFalse;
constexpr auto kError = Truth::kError;

}  // namespace

TEST_CASE("eq compares within one type only") {
  CHECK(Test("{path: args.a, eq: x}", {{"a", "x"}}) == kTrue);
  CHECK(Test("{path: args.a, eq: x}", {{"a", "y"}}) == kFalse);
  CHECK(Test("{path: args.a, eq: x}", Json::object()) == kError);
  CHECK(Test("{path: args.a, eq: '1'}", {{"a", 1}}) == kError);
  CHECK(Test("{path: args.a, eq: 1}", {{"a", "1"}}) == kError);
  CHECK(Test("{path: args.a, eq: 1}", {{"a", 1.0}}) == kTrue);
  CHECK(Test("{path: args.a, eq: true}", {{"a", true}}) == kTrue);
  CHECK(Test("{path: args.a, eq: true}", {{"a", 1}}) == kError);
  CHECK(Test("{path: args.a, eq: x}", {{"a", nullptr}}) == kError);
  CHECK(Test("{path: args.a, eq: x}", {{"a", {"x"}}}) == kError);
}

TEST_CASE("in and not_in") {
  CHECK(Test("{path: args.a, in: [x, y]}", {{"a", "y"}}) == kTrue);
  CHECK(Test("{path: args.a, in: [x, 7]}", {{"a", 8}}) == kFalse);
  CHECK(Test("{path: args.a, in: [x, y]}", {{"a", 8}}) == kError);
  CHECK(Test("{path: args.a, not_in: [x, y]}", {{"a", "z"}}) == kTrue);
  CHECK(Test("{path: args.a, not_in: [x, y]}", {{"a", "x"}}) == kFalse);
  // Leaving the argument out must not pass as "not in the list".
  CHECK(Test("{path: args.a, not_in: [x, y]}", Json::object()) == kError);
  CHECK(Test("{path: args.a, not_in: [x, y]}", {{"a", 1}}) == kError);
}

TEST_CASE("lt and gt are exact at the ends of the integers") {
  CHECK(Test("{path: args.n, lt: 10}", {{"n", 9}}) == kTrue);
  CHECK(Test("{path: args.n, lt: 10}", {{"n", 10}}) == kFalse);
  CHECK(Test("{path: args.n, gt: 0.5}", {{"n", 0.6}}) == kTrue);
  CHECK(Test("{path: args.n, lt: 10}", {{"n", "9"}}) == kError);
  // 2^64-1 must not pass as -1.
  CHECK(Test("{path: args.n, lt: 10}", {{"n", 18446744073709551615ULL}}) == kFalse);
  CHECK(Test("{path: args.n, gt: 9223372036854775806}", {{"n", 9223372036854775807LL}}) == kTrue);
  CHECK(Test("{path: args.n, eq: -1}", {{"n", 18446744073709551615ULL}}) == kFalse);
}

TEST_CASE("prefix and glob look at strings only") {
  CHECK(Test("{path: args.p, prefix: /src/}", {{"p", "/src/a"}}) == kTrue);
  CHECK(Test("{path: args.p, prefix: /src/}", {{"p", "/srcs"}}) == kFalse);
  CHECK(Test("{path: args.p, prefix: /src/}", {{"p", {"/src/"}}}) == kError);
  CHECK(Test("{path: args.p, glob: '/src/*'}", {{"p", "/src/a"}}) == kTrue);
  CHECK(Test("{path: args.p, glob: '/src/*'}", {{"p", "/src/a/b"}}) == kFalse);
  CHECK(Test("{path: args.p, glob: '**'}", {{"p", std::string(70'000, 'x')}}) == kError);
}

TEST_CASE("exists") {
  CHECK(Test("{path: args.a, exists: true}", {{"a", nullptr}}) == kTrue);
  CHECK(Test("{path: args.a, exists: true}", Json::object()) == kFalse);
  CHECK(Test("{path: args.a.b, exists: false}", Json::object()) == kTrue);
  // A parent of the wrong shape must not pass as absence.
  CHECK(Test("{path: args.a.b, exists: false}", {{"a", "text"}}) == kError);
  CHECK(Test("{path: args.a.b, exists: false}", {{"a", nullptr}}) == kError);
  CHECK(Test("{path: args.a.b, exists: false}", {{"a", {1, 2}}}) == kError);
}

TEST_CASE("Paths reach tool, principal, context and array elements") {
  CHECK(Test("{path: tool, eq: run}", Json::object()) == kTrue);
  CHECK(Test("{path: principal.id, eq: local}", Json::object()) == kTrue);
  CHECK(Test("{path: principal.tenant, eq: local}", Json::object()) == kTrue);
  CHECK(Test("{path: principal.roles.0, eq: owner}", Json::object()) == kTrue);
  CHECK(Test("{path: context.x.y, eq: 1}", Json::object(), {{"x", {{"y", 1}}}}) == kTrue);
  CHECK(Test("{path: args.command.0, eq: git}", {{"command", {"git", "log"}}}) == kTrue);
  CHECK(Test("{path: args.command.2, exists: false}", {{"command", {"git", "log"}}}) == kTrue);
  CHECK(Test("{path: args.command.99999999999999999999999, exists: false}",
             {{"command", {"git"}}}) == kError);
}

TEST_CASE("all, any and not follow Kleene, whatever the order") {
  const Json args = {{"t", true}};
  const std::string t = "{path: args.t, eq: true}";
  const std::string f = "{path: args.t, eq: false}";
  const std::string e = "{path: args.missing, eq: 1}";
  for (const auto& [left, right] :
       {std::pair{t, f}, std::pair{f, t}, std::pair{e, f}, std::pair{f, e}}) {
    CHECK(Test("{all: [" + left + ", " + right + "]}", args) == kFalse);
  }
  for (const auto& [left, right] :
       {std::pair{t, f}, std::pair{f, t}, std::pair{e, t}, std::pair{t, e}}) {
    CHECK(Test("{any: [" + left + ", " + right + "]}", args) == kTrue);
  }
  CHECK(Test("{all: [" + t + ", " + e + "]}", args) == kError);
  CHECK(Test("{any: [" + f + ", " + e + "]}", args) == kError);
  CHECK(Test("{not: " + t + "}", args) == kFalse);
  CHECK(Test("{not: " + f + "}", args) == kTrue);
  CHECK(Test("{not: " + e + "}", args) == kError);
}

TEST_CASE("Conditions that could mislead do not load") {
  CHECK_THAT(ReadError("{path: args.a, equals: 1}"), Catch::Contains("equals"));
  CHECK_THAT(ReadError("{path: args.a}"), Catch::Contains("exactly one of"));
  CHECK_THAT(ReadError("{path: args.a, eq: 1, lt: 2}"), Catch::Contains("exactly one of"));
  CHECK_THAT(ReadError("{eq: 1}"), Catch::Contains("path"));
  CHECK_THAT(ReadError("{path: arg.a, eq: 1}"), Catch::Contains("did you mean `args`?"));
  CHECK_THAT(ReadError("{path: principal.role, eq: a}"), Catch::Contains("`roles`"));
  CHECK_THAT(ReadError("{path: args, eq: 1}"), Catch::Contains("2 to 16 names"));
  CHECK_THAT(ReadError("{path: args..a, eq: 1}"), Catch::Contains("single dots"));
  CHECK_THAT(ReadError("{path: tool.x, eq: 1}"), Catch::Contains("`tool` alone"));
  CHECK_THAT(ReadError("{path: args.a, eq: 012}"), Catch::Contains("quotes"));
  CHECK_THAT(ReadError("{path: args.a, eq: 0x1f}"), Catch::Contains("quotes"));
  CHECK_THAT(ReadError("{path: args.a, eq: }"), Catch::Contains("expected"));
  CHECK_THAT(ReadError("{path: args.a, eq: [1]}"), Catch::Contains("a list"));
  CHECK_THAT(ReadError("{path: args.a, in: x}"), Catch::Contains("list"));
  CHECK_THAT(ReadError("{path: args.a, in: []}"), Catch::Contains("list"));
  CHECK_THAT(ReadError("{path: args.a, lt: '5'}"), Catch::Contains("number"));
  CHECK_THAT(ReadError("{path: args.a, exists: 1}"), Catch::Contains("true or false"));
  CHECK_THAT(ReadError("{path: args.a, prefix: ''}"), Catch::Contains("non-empty"));
  CHECK_THAT(ReadError("{path: args.a, glob: '[a-z]'}"), Catch::Contains("`[`"));
  CHECK_THAT(ReadError("{all: []}"), Catch::Contains("1 to 64"));
  CHECK_THAT(ReadError("{all: [{path: args.a, eq: 1}], any: []}"), Catch::Contains("alone"));
  CHECK_THAT(ReadError("[1]"), Catch::Contains("expected a condition"));
  std::string nested = "{path: args.a, eq: 1}";
  for (int i = 0; i < kMaxConditionDepth; ++i) {
    nested = "{not: " + nested + "}";
  }
  CHECK_THAT(ReadError(nested), Catch::Contains("nested"));
}

TEST_CASE("Conditions describe themselves") {
  auto document = ParseYaml(
      "{all: [{path: args.a, in: [x, 1]}, {not: {any: [{path: args.b, eq: 0.5}, {path: args.c, "
      "exists: true}]}}]}",
      "test");
  REQUIRE(document);
  auto condition = ReadCondition(*document);
  REQUIRE(condition);
  CHECK(ToString(*condition) ==
        "(args.a in [x, 1] and not ((args.b eq 0.5 or args.c exists true)))");
  const Json args = {{"a", "x"}, {"b", 1}, {"c", 1}};
  const Json context = Json::object();
  const PolicyInput input{"run", {}, args, context, NoHistory()};
  CHECK(FirstUnmet(*condition, Attributes(input)) == "not ((args.b eq 0.5 or args.c exists true))");
}

TEST_CASE("Globs") {
  CHECK(GlobMatches("abc", "abc"));
  CHECK_FALSE(GlobMatches("abc", "abcd"));
  CHECK_FALSE(GlobMatches("abc", ""));
  CHECK(GlobMatches("*", ""));
  CHECK(GlobMatches("a*c", "abbbc"));
  CHECK_FALSE(GlobMatches("a*c", "ab/c"));
  CHECK(GlobMatches("a**c", "ab/c"));
  CHECK(GlobMatches("/x/**/*.py", "/x/y/z/a.py"));
  CHECK_FALSE(GlobMatches("/x/**/*.py", "/x/y/z/a.pyc"));
  CHECK(GlobMatches("a?c", "abc"));
  CHECK_FALSE(GlobMatches("a?c", "a/c"));
  CHECK(GlobMatches("*a*b*", "xxaxxbxx"));
  CHECK(GlobMatches("***", "a/b"));
  // Exponential for a matcher that backtracks.
  std::string pattern;
  for (int i = 0; i < 60; ++i) {
    pattern += "**a";
  }
  CHECK_FALSE(GlobMatches(pattern + "b", std::string(5'000, 'a')));
}

TEST_CASE("regex matches the whole text, line breaks included, by RE2") {
  const std::string python = "{path: args.command.0, regex: '(.*/)?python3?'}";
  CHECK(Test(python, {{"command", {"/usr/bin/python3"}}}) == Truth::kTrue);
  CHECK(Test(python, {{"command", {"python"}}}) == Truth::kTrue);
  CHECK(Test(python, {{"command", {"python3 -c x"}}}) == Truth::kFalse);
  CHECK(Test(python, {{"command", {"python3\n"}}}) == Truth::kFalse);
  CHECK(Test("{path: args.a, regex: 'a.*b'}", {{"a", "a\nb"}}) == Truth::kTrue);
  CHECK(Test("{path: args.a, regex: 'a|b'}", {{"a", "ab"}}) == Truth::kFalse);
  CHECK(Test(python, {{"command", {7}}}) == Truth::kError);
  CHECK(Test(python, Json::object()) == Truth::kError);
  CHECK(Test("{path: args.a, regex: '.*'}", {{"a", std::string(kMaxRegexedBytes + 1, 'x')}}) ==
        Truth::kError);
  // Cyrillic а is not Latin a.
  CHECK(Test("{path: args.a, regex: '[a-z]+'}", {{"a", "p\u0430th"}}) == Truth::kFalse);
  for (const char* bad : {"'('", "''", "'(?=x)'", "'a{1000}{1000}'", "7", "'(a)\\1'"}) {
    INFO(bad);
    CHECK_FALSE(ReadError(std::string("{path: args.a, regex: ") + bad + "}").empty());
  }
  CHECK_FALSE(ReadError("{path: args.a, regex: '" + std::string(2000, 'a') + "'}").empty());
}

TEST_CASE("Patterns that take other engines for ever take no time here") {
  const std::string text(kMaxRegexedBytes, 'a');
  CHECK(Test("{path: args.a, regex: '(a+)+b'}", {{"a", text}}) == Truth::kFalse);
  CHECK(Test("{path: args.a, regex: '(a|aa)+$c'}", {{"a", text}}) == Truth::kFalse);
  CHECK(Test("{path: args.a, regex: '(.*)(.*)(.*)(.*)(.*)[^a]'}", {{"a", text}}) == Truth::kFalse);
}

TEST_CASE("cidr holds addresses against networks") {
  const std::string inside = "{path: args.ip, cidr: [10.0.0.0/8, fd00::/8, 192.0.2.1/32]}";
  for (const char* ip : {"10.1.2.3", "10.255.255.255", "fd12::1", "192.0.2.1", "::ffff:10.0.0.1"}) {
    INFO(ip);
    CHECK(Test(inside, {{"ip", ip}}) == Truth::kTrue);
  }
  for (const char* ip : {"11.0.0.0", "192.0.2.2", "fc00::1", "::a00:1", "::"}) {
    INFO(ip);
    CHECK(Test(inside, {{"ip", ip}}) == Truth::kFalse);
  }
  // What is no address in plain form is undecided: a deny applies, an allow does not.
  for (const Json& ip :
       {Json("10.1"), Json("012.1.2.3"), Json("0x0a.1.2.3"), Json("167772161"), Json("10.0.0.1/8"),
        Json("[fd00::1]"), Json("fd00::1%eth0"), Json(" 10.0.0.1"), Json(""), Json(10), Json()}) {
    INFO(ip.dump());
    CHECK(Test(inside, {{"ip", ip}}) == Truth::kError);
  }
  CHECK(Test("{path: args.ip, cidr: ['0.0.0.0/0']}", {{"ip", "255.255.255.255"}}) == Truth::kTrue);
  CHECK(Test("{path: args.ip, cidr: ['0.0.0.0/0']}", {{"ip", "2001:db8::1"}}) == Truth::kFalse);
  for (const char* bad : {"10.0.0.0/8", "[]", "[10.0.0.0]", "[10.0.0.1/8]", "[10.0.0.0/33]",
                          "['fd00::/129']", "[10.0.0.0/08]", "[10.0.0.0/]", "[example.org/8]"}) {
    INFO(bad);
    CHECK_FALSE(ReadError(std::string("{path: args.ip, cidr: ") + bad + "}").empty());
  }
}

TEST_CASE("Facts of the history have names, and windows that there are") {
  for (const char* path : {"history.read_secret", "history.egress_hosts.0", "history.calls.60m"}) {
    CHECK(AttributePath::Parse(path));
  }
  for (const char* path :
       {"history.calls", "history.calls.7m", "history.read_secrets", "history"}) {
    INFO(path);
    CHECK_FALSE(AttributePath::Parse(path));
  }
}

}  // namespace casemate::policies
