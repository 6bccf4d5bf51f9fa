#include "tools/container_log_lines.h"

#include <catch2/catch.hpp>

#include "tools/container_since.h"

namespace casemate::tools {
namespace {

using container::StdStream;

std::optional<policies::Regex> Grep(const std::string& pattern) {
  auto compiled = CompileGrep(pattern);
  INFO((compiled ? std::string() : Describe(compiled.error())));
  REQUIRE(compiled);
  return *std::move(compiled);
}

TEST_CASE("lines are the same however the output is cut") {
  const std::string output = "one\r\ntwo\n\nthree";
  for (std::size_t size = 1; size <= output.size(); ++size) {
    LogLines lines({10, 1000}, std::nullopt, nullptr);
    for (std::size_t at = 0; at < output.size(); at += size) {
      lines.Take(StdStream::kStdout, std::string_view(output).substr(at, size));
    }
    lines.Finish();
    CHECK(lines.Text() == "one\ntwo\n\nthree\n");
    CHECK(lines.read() == 4);
  }
}

TEST_CASE("the streams do not run into each other's lines") {
  LogLines lines({10, 1000}, std::nullopt, nullptr);
  lines.Take(StdStream::kStdout, "out ");
  lines.Take(StdStream::kStderr, "err ");
  lines.Take(StdStream::kStdout, "put\n");
  lines.Take(StdStream::kStderr, "or\n");
  CHECK(lines.Text() == "out put\nerr or\n");
}

TEST_CASE("the last lines are kept, and what is left out is counted") {
  LogLines few({3, 1000}, std::nullopt, nullptr);
  LogLines small({100, 20}, std::nullopt, nullptr);
  for (int i = 0; i < 10; ++i) {
    few.Take(StdStream::kStdout, "line " + std::to_string(i) + "\n");
    small.Take(StdStream::kStdout, "line " + std::to_string(i) + "\n");
  }
  CHECK(few.Text() == "line 7\nline 8\nline 9\n");
  CHECK(few.left_out() == 0);  // no more were asked for
  CHECK(small.Text() == "line 8\nline 9\n");
  CHECK(small.left_out() == 8);
}

TEST_CASE("the newest line stays, cut, where it is longer than all that may be kept") {
  for (const bool raw : {false, true}) {
    CAPTURE(raw);
    LogLines lines({100, 1024, raw}, std::nullopt, nullptr);
    lines.Take(StdStream::kStdout, std::string(100, 'b') + "\n" + std::string(5000, 'x') + "\n");
    REQUIRE(lines.lines().size() == 1);
    CHECK(lines.Text().starts_with("xxxx"));
    CHECK(lines.Text().ends_with(" bytes cut]\n"));
    CHECK(lines.Text().size() <= 1024);
    CHECK(lines.Text().size() > 900);
    CHECK(lines.left_out() == 1);
    CHECK(lines.shortened() == 1);
    lines.Take(StdStream::kStdout, "after\n");
    CHECK(lines.Text().ends_with("after\n"));
  }
  LogLines none({0, 1024}, std::nullopt, nullptr);
  none.Take(StdStream::kStdout, std::string(5000, 'x') + "\n");
  CHECK(none.lines().empty());
}

TEST_CASE("a pattern is found anywhere in a line, and only there") {
  LogLines lines({10, 1000}, Grep("err(or)?:|^last$"), nullptr);
  lines.Take(StdStream::kStdout, "an error: x\nnothing\nerr: y\nat last\nlast\n");
  CHECK(lines.Text() == "an error: x\nerr: y\nlast\n");
  CHECK(lines.matched() == 3);
  CHECK(lines.read() == 5);
}

TEST_CASE("a pattern that is none alone is none between our parentheses") {
  for (const char* pattern : {")|(", "(", "a{2000}{2000}", "(?=x)"}) {
    const auto compiled = CompileGrep(pattern);
    CAPTURE(pattern);
    REQUIRE_FALSE(compiled);
    CHECK(compiled.error().field == "args.grep");
    CHECK_FALSE(compiled.error().remedy.empty());
  }
}

TEST_CASE("control characters are shown, and tabs stay") {
  LogLines lines({10, 1000}, std::nullopt, nullptr);
  lines.Take(StdStream::kStdout, "\x1b[31mred\x1b[0m\ta\rb\xff\n");
  CHECK(lines.Text() == "\\x1b[31mred\\x1b[0m\ta\\x0db\xEF\xBF\xBD\n");
}

TEST_CASE("raw lines are the bytes that were written, up to a bound") {
  LogLines lines({10, std::size_t{4} << 20, true}, std::nullopt, nullptr);
  const std::string text = "\x1b[31mred\x1b[0m\ta\r\xff\n" + std::string(100'000, 'x') + "\n";
  lines.Take(StdStream::kStdout, text);
  CHECK(lines.Text() == text);
  lines.Take(StdStream::kStdout, std::string(std::size_t{2} << 20, 'y') + "\n");
  CHECK(lines.lines().back().size() < (std::size_t{1} << 20) + 100);
  CHECK(lines.lines().back().ends_with(" bytes cut]\n"));
}

TEST_CASE("endless lines and logs take little memory") {
  std::size_t told = 0;
  LogLines lines({100, std::size_t{8} << 10}, std::nullopt,
                 [&](StdStream, std::string_view shown) { told += shown.size(); });
  const std::string piece(std::size_t{64} << 10, 'x');
  for (int i = 0; i < 1024; ++i) {  // 64 MiB in one line
    lines.Take(StdStream::kStdout, piece);
  }
  lines.Take(StdStream::kStdout, "\nend\n");
  REQUIRE(lines.lines().size() == 2);
  CHECK(lines.lines().front().size() < 3000);
  CHECK(lines.lines().front().find(" bytes cut]") != std::string::npos);
  CHECK(lines.shortened() == 1);
  CHECK(told == lines.Text().size());
}

TEST_CASE("since is a time or how long ago") {
  constexpr std::int64_t kNow = 1'800'000'000'000;
  CHECK(*ParseSince("600", kNow) == kNow - 600'000);
  CHECK(*ParseSince("10m", kNow) == kNow - 600'000);
  CHECK(*ParseSince("1h30m", kNow) == kNow - 5'400'000);
  CHECK(*ParseSince("2d", kNow) == kNow - 172'800'000);
  CHECK(*ParseSince("1970-01-01T00:00:01Z", kNow) == 1000);
  CHECK(*ParseSince("2000-02-29T12:00:00.25+01:30", kNow) == 951'820'200'250);
  for (const char* wrong :
       {"", "m", "99999999999", "10x", "1h30", "-5", "yesterday", "2001-02-29T00:00:00Z",
        "2001-01-01T24:00:00Z", "2001-01-01T00:00:00", "2001-01-01", "2001-01-01T00:00:00+25:00",
        "2001-01-01T00:00:00Zx", "1 h"}) {
    CAPTURE(wrong);
    const auto parsed = ParseSince(wrong, kNow);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().field == "args.since");
  }
}

}  // namespace
}  // namespace casemate::tools
