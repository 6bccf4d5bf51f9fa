#include "mcp/transport/stdio/line_splitter.h"

#include <vector>

#include <catch2/catch.hpp>

namespace casemate::mcp {
namespace {

struct Lines {
  explicit Lines(std::size_t max_bytes) : splitter(max_bytes, on_line, on_oversized) {}
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  void Feed(std::string_view bytes) {
    while (!bytes.empty()) {
      bytes.remove_prefix(splitter.Take(bytes));
    }
  }

  std::vector<std::string> seen;
  int oversized = 0;
  LineSplitter::OnLine on_line = [this](std::string_view line) { seen.emplace_back(line); };
  LineSplitter::OnOversized on_oversized = [this](std::size_t) { ++oversized; };
  LineSplitter splitter;
};

TEST_CASE("lines are cut at \\n wherever the chunks end") {
  const std::string text = "one\ntwo\r\n\n \t\r\nthree";
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
    Lines lines(100);
    for (std::size_t at = 0; at < text.size(); at += chunk) {
      lines.Feed(std::string_view(text).substr(at, chunk));
    }
    CHECK(lines.seen == std::vector<std::string>{"one", "two"});
    lines.splitter.Finish();  // the last line needs no end
    CHECK(lines.seen == std::vector<std::string>{"one", "two", "three"});
  }
}

TEST_CASE("a line of the limit passes, a longer one is skipped whole and reported once") {
  Lines lines(4);
  lines.Feed("abcd\nabcde");
  lines.Feed("fghijklmnop");
  CHECK(lines.oversized == 0);
  lines.Feed("\nok\n");
  CHECK(lines.oversized == 1);
  CHECK(lines.seen == std::vector<std::string>{"abcd", "ok"});
  lines.Feed("too long without end");
  lines.splitter.Finish();
  CHECK(lines.oversized == 2);
  lines.splitter.Finish();
  CHECK(lines.oversized == 2);
  CHECK(lines.seen.size() == 2);
}

}  // namespace
}  // namespace casemate::mcp
