#include "sandbox/container/build/dockerignore.h"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include "tests/unit/container/dockerignore_cases.h"

namespace casemate::container {

namespace {

TEST_CASE("what a .dockerignore excludes is what Docker excludes", "[container][dockerignore]") {
  for (const test::IgnoreCase& row : test::kIgnoreCases) {
    CAPTURE(row.rules, row.path);
    const auto rules = IgnoreRules::Parse(row.rules);
    REQUIRE(rules);
    CHECK(rules->Excludes(row.path) == row.excluded);
  }
}

TEST_CASE("what Docker does not take is refused by line and pattern", "[container][dockerignore]") {
  for (const std::string_view pattern : {"!", "! ", "!/", "[", "a[", "a[]b", "a[]]", "[-x]", "[x-]",
                                         "[a-", "[^]", "a\\", "[\\", "[z-a]", "\\C", "[\xFF]"}) {
    CAPTURE(pattern);
    const auto rules = IgnoreRules::Parse("# first\nfine\n" + std::string(pattern) + "\n");
    REQUIRE_FALSE(rules);
    CHECK(rules.error().code == ErrorCode::kInvalidArgument);
    CHECK(rules.error().message.starts_with("line 3: "));
  }
}

TEST_CASE("an ignore file has bounds", "[container][dockerignore]") {
  const auto code = [](const std::string& text) { return IgnoreRules::Parse(text).error().code; };
  CHECK(IgnoreRules::Parse(std::string(kMaxIgnoreLineBytes, ' ') + "\nfoo"));
  CHECK(code(std::string(kMaxIgnoreLineBytes + 1, ' ')) == ErrorCode::kResourceExhausted);
  CHECK(code(std::string(kMaxIgnoreFileBytes + 1, '\n')) == ErrorCode::kResourceExhausted);
  std::string many;
  for (std::size_t i = 0; i < kMaxIgnorePatterns; ++i) {
    many += "x\n";
  }
  CHECK(IgnoreRules::Parse(many)->size() == kMaxIgnorePatterns);
  CHECK(code(many + "x\n") == ErrorCode::kResourceExhausted);
}

TEST_CASE("an excluded directory is walked only for what may be taken back",
          "[container][dockerignore]") {
  struct Row {
    std::string_view rules;
    std::string_view directory;
    bool walked;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"a", "a", false},
           {"a\n!b", "a", false},
           {"a\n!a/b", "a", true},
           {"a\n!a/b", "a/b", true},
           {"a\n!a/b", "a/bc", false},
           {"a\n!a/b/c/d", "a/b/c", true},
           {"a\n!a/b/**", "a/b", true},
           {"a\n!a/b/*", "a/c", false},
           {"a\n!ab", "a", false},
           {"a\n!*/keep", "a", true},  // a wildcard: it may be anywhere
           {"*\n!**/*.go", "vendor", true},
           {"*\n!a\\b", "z", true},
       }) {
    CAPTURE(row.rules, row.directory);
    const auto rules = IgnoreRules::Parse(row.rules);
    REQUIRE(rules);
    CHECK(rules->MayReincludeBelow(row.directory) == row.walked);
  }
}

TEST_CASE("a path that no walk has is an answer, too", "[container][dockerignore]") {
  const auto rules = IgnoreRules::Parse("a\n");
  REQUIRE(rules);
  CHECK_FALSE(rules->Excludes("/a"));  // once, the first slash was found again and again
  CHECK_FALSE(rules->Excludes(""));
  CHECK(rules->Excludes("a//b"));
  CHECK(rules->Excludes("a/"));
}

TEST_CASE("paths become clean as Go cleans them", "[container][dockerignore]") {
  for (const auto& [path, clean] :
       std::initializer_list<std::pair<std::string_view, std::string>>{{"", "."},
                                                                       {".", "."},
                                                                       {"/", "/"},
                                                                       {"//", "/"},
                                                                       {"a/", "a"},
                                                                       {"a//b", "a/b"},
                                                                       {"./a/./b", "a/b"},
                                                                       {"a/../b", "b"},
                                                                       {"a/..", "."},
                                                                       {"../a", "../a"},
                                                                       {"a/../../b", "../b"},
                                                                       {"/..", "/"},
                                                                       {"/../a", "/a"},
                                                                       {"../..", "../.."},
                                                                       {"a/b/../../..", ".."}}) {
    CAPTURE(path);
    CHECK(CleanPath(path) == clean);
  }
}

}  // namespace

}  // namespace casemate::container
