#include "tools/container_log_lines.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "tools/output_text.h"

namespace casemate::tools {
namespace {

using container::StdStream;

constexpr std::size_t kMaxLineBytes = std::size_t{16} << 10;  // looked at; what follows is not kept
constexpr std::size_t kMaxShownBytes = 2048;                  // of a line
constexpr std::size_t kMaxRawBytes = std::size_t{1} << 20;    // likewise, where it is raw
constexpr std::size_t kRoomForNote = 48;                      // that something was cut
constexpr std::string_view kAnything = "(?s:.*)";

std::string Shown(std::string_view line) {
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  return EscapeControls(ToValidUtf8(line), true);
}

void CutTo(std::size_t most, std::string& shown, std::uint64_t& cut) {
  if (shown.size() > most) {
    const std::size_t kept = Utf8Prefix(shown, most).size();
    cut += shown.size() - kept;
    shown.resize(kept);
  }
}

// With what was cut off, and its newline.
std::string Ended(const std::string& shown, std::uint64_t cut) {
  return shown + (cut > 0 ? " [… " + std::to_string(cut) + " bytes cut]\n" : "\n");
}

}  // namespace

Result<policies::Regex> CompileGrep(const std::string& pattern) {
  const auto wrong = [](Error error) {
    error.field = "args.grep";
    error.remedy = "the syntax is that of RE2: no look-around, no back references";
    return error;
  };
  // By itself first: ")|(" is wrong, and must not become right between our own parentheses.
  if (auto alone = policies::Regex::Compile(pattern); !alone) {
    return wrong(std::move(alone).error());
  }
  auto anywhere = policies::Regex::Compile(std::string(kAnything) + "(?:" + pattern + ")" +
                                           std::string(kAnything));
  return anywhere ? std::move(anywhere) : wrong(std::move(anywhere).error());
}

void LogLines::Take(StdStream stream, std::string_view bytes) {
  Pending& line = pending_.at(stream == StdStream::kStderr ? 1 : 0);
  const std::size_t most = bounds_.raw ? kMaxRawBytes : kMaxLineBytes;
  while (!bytes.empty()) {
    const auto newline = bytes.find('\n');
    const std::string_view part = bytes.substr(0, newline);
    const std::string_view kept = part.substr(0, most - line.text.size());
    line.text += kept;
    line.cut_bytes += part.size() - kept.size();
    if (newline == std::string_view::npos) {
      return;
    }
    Add(stream, line);
    bytes.remove_prefix(newline + 1);
  }
}

void LogLines::Finish() {
  for (const StdStream stream : {StdStream::kStdout, StdStream::kStderr}) {
    if (Pending& line = pending_.at(stream == StdStream::kStderr ? 1 : 0); !line.empty()) {
      Add(stream, line);
    }
  }
}

void LogLines::Add(StdStream stream, Pending& line) {
  const Pending taken = std::exchange(line, {});
  ++read_;
  if (grep_ && !grep_->Matches(taken.text)) {
    return;
  }
  ++matched_;
  std::string shown = bounds_.raw ? taken.text : Shown(taken.text);
  std::uint64_t cut = taken.cut_bytes;
  if (!bounds_.raw) {
    CutTo(kMaxShownBytes, shown, cut);
  }
  std::string line_shown = Ended(shown, cut);
  if (on_line_) {
    on_line_(stream, line_shown);
  }
  // The newest line stays, be it longer than all that may be kept.
  if (line_shown.size() > bounds_.bytes) {
    CutTo(bounds_.bytes - std::min(bounds_.bytes, kRoomForNote), shown, cut);
    line_shown = Ended(shown, cut);
  }
  shortened_ += cut > 0 ? 1 : 0;
  bytes_ += line_shown.size();
  lines_.push_back(std::move(line_shown));
  while (lines_.size() > bounds_.lines || (bytes_ > bounds_.bytes && lines_.size() > 1)) {
    bytes_ -= lines_.front().size();
    lines_.pop_front();
  }
}

std::string LogLines::Text() const {
  std::string text;
  text.reserve(bytes_);
  for (const std::string& line : lines_) {
    text += line;
  }
  return text;
}

std::int64_t LogLines::left_out() const {
  const auto asked = std::min<std::int64_t>(matched_, static_cast<std::int64_t>(bounds_.lines));
  return asked - static_cast<std::int64_t>(lines_.size());
}

}  // namespace casemate::tools
