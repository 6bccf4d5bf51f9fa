#include "base/log.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <string>

#include "base/file.h"
#include "base/text.h"

namespace casemate {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};  // set once at start

void WriteLine(std::string line, std::string_view message) {
  line += EscapeControls(message, false);
  line += '\n';
  // There is nowhere left to complain when standard error is gone.
  (void)WriteAll(STDERR_FILENO, line);
}

}  // namespace

void SetLogLevel(LogLevel level) {
  g_level.store(level, std::memory_order_relaxed);
}

void Log(LogLevel level, std::string_view message) {
  if (level < g_level.load(std::memory_order_relaxed)) {
    return;
  }
  static constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warning", "error"};
  std::string line = "casemate: ";
  line += kNames.at(static_cast<std::size_t>(level));
  WriteLine(line + ": ", message);
}

void Announce(std::string_view message) {
  WriteLine("casemate: ", message);
}

}  // namespace casemate
