// Fuzz target: the line splitter, with the bytes cut at random places, against a splitter that sees
// all of them at once. The first two bytes of an input say how it is cut, and the limit.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mcp/transport/stdio/line_splitter.h"
#include "tests/fuzz/found.h"
#include "tests/fuzz/random.h"

namespace {

// What stands for a line that is too long.
constexpr const char* kTooLong = "\n";

std::vector<std::string> Expected(std::string_view text, std::size_t limit) {
  std::vector<std::string> lines;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    std::string line(text.substr(from, end - from));
    from = end + 1;
    if (line.size() > limit) {
      lines.emplace_back(kTooLong);
      continue;
    }
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    if (line.find_first_not_of(" \t") != std::string::npos) {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace casemate;
  if (size < 2) {
    return 0;
  }
  fuzz::Random random(data[0]);
  const std::size_t limit = data[1];
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::vector<std::string> seen;
  const mcp::LineSplitter::OnLine on_line = [&](std::string_view line) { seen.emplace_back(line); };
  const mcp::LineSplitter::OnOversized on_oversized = [&](std::size_t) {
    seen.emplace_back(kTooLong);
  };
  mcp::LineSplitter splitter(limit, on_line, on_oversized);
  for (std::size_t at = 0; at < text.size();) {
    std::string_view chunk = text.substr(at, 1 + random.Below(2 * limit + 8));
    at += chunk.size();
    while (!chunk.empty()) {
      const std::size_t taken = splitter.Take(chunk);
      if (taken == 0 || taken > chunk.size()) {
        fuzz::Found("it took " + std::to_string(taken) + " of " + std::to_string(chunk.size()));
      }
      chunk.remove_prefix(taken);
    }
  }
  splitter.Finish();
  if (seen != Expected(text, limit)) {
    fuzz::Found("cut otherwise, the bytes give other lines");
  }
  return 0;
}
