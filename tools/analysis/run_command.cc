#include "tools/analysis/run_command.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>

namespace casemate::analysis {

std::optional<std::string> PortOfCommand(std::string_view command) {
  // Options of servers; `-p` and `-b` only with what is surely a port.
  static const RE2 kPort(
      R"re((?:^|\s)(?:(?:--port|--http-port|--http\.port|--server\.port|--listen|--bind|--address|--addr|-D(?:server|http|quarkus\.http)\.port)[= ]|-(?:p|b|l)[ =]?)(?:tcp://)?(?:[\w.*\[\]-]*:|\[[0-9a-f:]*\]:)?(?:\$\{\w+:-)?(\d{2,5})(?:[}\s/]|$))re");
  static const RE2 kPositional(
      R"re((?:runserver|http\.server|php -S|rails s(?:erver)?)\s+(?:[\w.]+:)?(\d{2,5})(?:\s|$))re");
  std::string port;
  if (!RE2::PartialMatch(command, kPort, &port) &&
      !RE2::PartialMatch(command, kPositional, &port)) {
    return std::nullopt;
  }
  int number = 0;
  std::from_chars(port.data(), port.data() + port.size(), number);
  constexpr int kLastPort = 65535;
  return number >= 80 && number <= kLastPort ? std::optional(port) : std::nullopt;
}

void ApplyRunCommand(App& app) {
  if (!app.run || app.run->confidence != Confidence::kCertain) {
    return;
  }
  const auto port = PortOfCommand(app.run->value);
  if (!port || (!app.ports.empty() && app.ports.front().value == *port)) {
    return;
  }
  // A standby of a variable is no more than code says.
  const bool is_standby = app.run->value.find(":-" + *port) != std::string::npos;
  if (is_standby && !app.ports.empty() && app.ports.front().confidence != Confidence::kGuess) {
    return;
  }
  Finding stated(*port, app.run->source, Confidence::kCertain);
  std::erase_if(app.ports, [&](const Finding& other) {
    const bool is_replaced = other.value == *port || other.confidence == Confidence::kGuess;
    if (is_replaced && other.value != *port) {
      stated.alternatives.push_back({other.value, other.source, other.confidence});
    }
    return is_replaced;
  });
  if (!app.ports.empty()) {
    // What code says by default is not what it is told here.
    const Finding& first = app.ports.front();
    stated.alternatives.push_back({first.value, first.source, first.confidence});
    app.ports.erase(app.ports.begin());
  }
  app.ports.insert(app.ports.begin(), std::move(stated));
  if (app.kind == AppKind::kProgram) {
    app.kind = AppKind::kService;
  }
}

}  // namespace casemate::analysis
