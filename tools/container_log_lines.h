// LogLines: the last lines of a container's output that match, as text that can be shown, in
// bounded memory however long log and lines are. Belongs to one call and one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "policies/engine/regex.h"
#include "sandbox/container/engine/stream.h"

namespace casemate::tools {

// What `grep` looks for anywhere in a line. Errors: kInvalidArgument for "args.grep".
Result<policies::Regex> CompileGrep(const std::string& pattern);

struct LogBounds {
  std::size_t lines = 0;
  std::size_t bytes = 0;  // of all lines that are kept, as they are shown
  bool raw = false;       // shown as they are, for one who makes them visible
};

class LogLines {
 public:
  // Told each line that matches, as it is shown, with its newline.
  using OnLine = std::function<void(container::StdStream stream, std::string_view shown)>;

  LogLines(LogBounds bounds, std::optional<policies::Regex> grep, OnLine on_line)
      : bounds_(bounds), grep_(std::move(grep)), on_line_(std::move(on_line)) {}

  void Take(container::StdStream stream, std::string_view bytes);
  // What was written without a newline at the end.
  void Finish();

  [[nodiscard]] const std::deque<std::string>& lines() const { return lines_; }
  [[nodiscard]] std::string Text() const;                    // all of them, each with its newline
  [[nodiscard]] std::int64_t read() const { return read_; }  // lines
  [[nodiscard]] std::int64_t matched() const { return matched_; }  // of them
  // Matched, within LogBounds::lines, and yet left out for the sake of LogBounds::bytes.
  [[nodiscard]] std::int64_t left_out() const;
  [[nodiscard]] std::int64_t shortened() const { return shortened_; }  // lines, of those matched

 private:
  struct Pending {
    std::string text;
    std::uint64_t cut_bytes = 0;
    [[nodiscard]] bool empty() const { return text.empty() && cut_bytes == 0; }
  };
  void Add(container::StdStream stream, Pending& line);

  const LogBounds bounds_;
  const std::optional<policies::Regex> grep_;
  const OnLine on_line_;
  std::array<Pending, 2> pending_;  // of stdout and stderr
  std::deque<std::string> lines_;
  std::size_t bytes_ = 0;
  std::int64_t read_ = 0;
  std::int64_t matched_ = 0;
  std::int64_t shortened_ = 0;
};

}  // namespace casemate::tools
