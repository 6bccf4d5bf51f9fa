#include "clients/cli/call_outcome.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <iostream>

#include <nlohmann/json.hpp>

#include "clients/cli/command_line.h"
#include "clients/cli/terminal.h"

namespace casemate::cli {
namespace {

using nlohmann::json;

// "SIGKILL" → 9, and "SIG40" of the real-time signals, which have no names.
int SignalNumber(const std::string& name) {
  for (int number = 1; number < NSIG; ++number) {
    const char* abbreviation = sigabbrev_np(number);
    if (abbreviation != nullptr && name == std::string("SIG") + abbreviation) {
      return number;
    }
  }
  int number = 0;
  const std::string_view digits =
      std::string_view(name).substr(std::min<std::size_t>(3, name.size()));
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

}  // namespace

int ExitCodeOf(const json& result, bool is_error, int signal) {
  const std::string status = result.value("status", "");
  const auto error = result.find("error");
  if (status == "lost" || status == "internal_error" ||
      (error != result.end() && error->value("kind", "") == "outcome_not_recorded")) {
    return kExitUnknown;
  }
  if (status == "exited" && result["exit_code"].is_number_integer()) {
    return result["exit_code"].get<int>();
  }
  if (status == "signaled" && result["signal"].is_string()) {
    return kExitSignalBase + SignalNumber(result["signal"].get<std::string>());
  }
  if (status == "timed_out") {
    return kExitTimedOut;
  }
  if (status == "cancelled" && signal != 0) {
    return kExitSignalBase + signal;
  }
  if (status == "oom_killed" || status == "seccomp_killed") {
    return kExitSignalBase + (status == "oom_killed" ? SIGKILL : SIGSYS);
  }
  if (status == "exec_failed") {
    return result.value("errno", 0) == ENOENT ? kExitNotFound : kExitCannotExec;
  }
  return is_error ? kExitNotRun : kExitOk;
}

void PrintError(const json& error, const std::string& text) {
  std::cerr << Paint(STDERR_FILENO, Colour::kRed, "casemate: " + error.value("kind", "error"))
            << ": ";
  if (error.contains("field")) {
    std::cerr << error.value("field", "") << ": ";
  }
  std::cerr << error.value("message", text) << '\n';
  if (error.contains("remedy")) {
    std::cerr << "  → " << error.value("remedy", "") << '\n';
  }
}

void PrintNotes(const json& result) {
  for (const json& note : result.value("notes", json::array())) {
    std::cerr << "casemate: note: " << note.get<std::string>() << '\n';
  }
}

}  // namespace casemate::cli
