#include "sandbox/container/init_config/init_config.h"

#include <signal.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "base/text.h"
#include "sandbox/container/init/format.h"

// The init program, put in by the generated init_image.S.
// NOLINTBEGIN(readability-identifier-naming): an assembler's symbols
extern "C" const char casemate_init_begin[];
extern "C" const char casemate_init_end[];
// NOLINTEND(readability-identifier-naming)

namespace casemate::container {
namespace {

constexpr int kMsPerS = 1000;
constexpr int kMaxSeconds = init::kMaxMs / kMsPerS;

struct SignalName {
  std::string_view name;
  int number;
};

constexpr SignalName kSignals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},     {"QUIT", SIGQUIT}, {"ABRT", SIGABRT}, {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"USR2", SIGUSR2},   {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"CONT", SIGCONT},
    {"STOP", SIGSTOP}, {"WINCH", SIGWINCH}, {"PWR", SIGPWR},
};
constexpr int kRtMin = 34;  // as programs see it; the kernel's is taken by libc

std::optional<int> NumberOf(std::string_view text) {
  int number = 0;
  const auto [end, err] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (err != std::errc() || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return number;
}

std::optional<int> SignalNumber(std::string_view text) {
  if (const auto number = NumberOf(text)) {
    return *number >= 1 && *number <= init::kMaxSignal ? number : std::nullopt;
  }
  if (text.starts_with("SIG")) {
    text.remove_prefix(3);
  }
  constexpr std::string_view kRealTime = "RTMIN+";
  if (text.starts_with(kRealTime)) {
    const auto number = NumberOf(text.substr(kRealTime.size()));
    const bool is_there = number && *number >= 0 && kRtMin + *number <= init::kMaxSignal;
    return is_there ? std::optional<int>(kRtMin + *number) : std::nullopt;
  }
  for (const SignalName& known : kSignals) {
    if (known.name == text) {
      return known.number;
    }
  }
  return std::nullopt;
}

std::string_view RestartWord(InitRestart restart) {
  switch (restart) {
    case InitRestart::kNever:
      return "never";
    case InitRestart::kOnFailure:
      return "on_failure";
    case InitRestart::kAlways:
      break;
  }
  return "always";
}

// The lines of one application. The first thing that is wrong stays.
class Writer {
 public:
  explicit Writer(const InitApp& app) : app_(app) {}

  Result<std::string> Write() {
    text_ += "app " + app_.name + "\n";
    WriteProgram();
    for (const std::string& name : app_.depends_on) {
      text_ += "after " + name + "\n";
    }
    WriteHealth();
    text_ += "restart ";
    text_ += RestartWord(app_.restart);
    text_ += "\nbackoff_ms " + std::to_string(init::kBackoffMs) + "\n";
    WriteSeconds("stop_timeout", app_.stop_timeout_s, 0);
    const auto signal = SignalNumber(app_.stop_signal);
    if (!signal) {
      Refuse("stop_signal", Quoted(app_.stop_signal) + " is not a signal");
    }
    text_ += "stop_signal " + std::to_string(signal.value_or(0)) + "\n";
    if (error_) {
      return *error_;
    }
    return std::move(text_);
  }

 private:
  void Refuse(const std::string& field, const std::string& message) {
    if (!error_) {
      error_ = InvalidArgument("apps." + app_.name + "." + field, message);
    }
  }

  void WriteText(std::string_view key, std::string_view value) {
    text_ += key;
    text_ += ' ';
    for (const char c : value) {
      if (c == '\0') {
        return Refuse(std::string(key), Quoted(value) + " has a zero byte");
      }
      if (c == '\n' || c == '\\') {
        text_ += '\\';
      }
      text_ += c == '\n' ? 'n' : c;
    }
    text_ += '\n';
  }

  void WriteWords(const std::string& key, const std::string& field,
                  const std::vector<std::string>& words) {
    if (words.empty() || words.front().empty()) {
      Refuse(field, "no program is given");
    }
    for (const std::string& word : words) {
      WriteText(key, word);
    }
  }

  void WriteProgram() {
    if (!app_.directory.empty()) {
      if (app_.directory.front() != '/') {
        Refuse("directory", Quoted(app_.directory) + " is not absolute");
      }
      WriteText("dir", app_.directory);
    }
    WriteWords("arg", "argv", app_.argv);
    std::set<std::string_view> names;
    for (const auto& [name, value] : app_.env) {
      if (!init::IsVariableName(name)) {
        Refuse("env", Quoted(name) + " is not the name of a variable");
      }
      if (!names.insert(name).second) {
        Refuse("env", Quoted(name) + " stands there twice");
      }
      std::string variable = name;
      variable += '=';
      variable += value;
      WriteText("env", variable);
    }
  }

  void WriteHealth() {
    const InitHealth& health = app_.health;
    const bool has_port =
        health.kind == InitHealth::Kind::kTcp || health.kind == InitHealth::Kind::kHttp;
    if (has_port && (health.port < 1 || health.port > init::kMaxPort)) {
      Refuse("health.port", std::to_string(health.port) + " is not a port");
    }
    switch (health.kind) {
      case InitHealth::Kind::kNone:
        text_ += "health none\n";
        break;
      case InitHealth::Kind::kProcess:
        text_ += "health process\n";
        break;
      case InitHealth::Kind::kTcp:
        text_ += "health tcp " + std::to_string(health.port) + "\n";
        break;
      case InitHealth::Kind::kHttp:
        if (!init::IsHttpPath(health.path)) {
          Refuse("health.path", Quoted(health.path) +
                                    " is not a path that begins with / and has visible ASCII "
                                    "without # only");
        }
        text_ += "health http " + std::to_string(health.port) + " " + health.path + "\n";
        break;
      case InitHealth::Kind::kCommand:
        text_ += "health command\n";
        WriteWords("check", "health.command", health.command);
        break;
    }
    WriteSeconds("interval", health.interval_s, 1);
    WriteSeconds("timeout", health.timeout_s, 1);
    if (health.retries < 1 || health.retries > init::kMaxRetries) {
      Refuse("health.retries", std::to_string(health.retries) + " is not from 1 to " +
                                   std::to_string(init::kMaxRetries));
    }
    text_ += "retries " + std::to_string(health.retries) + "\n";
    WriteSeconds("start_period", health.start_period_s, 0);
  }

  void WriteSeconds(const std::string& key, int seconds, int min) {
    if (seconds < min || seconds > kMaxSeconds) {
      return Refuse(key + "_s", std::to_string(seconds) + " is not from " + std::to_string(min) +
                                    " to " + std::to_string(kMaxSeconds));
    }
    text_ += key + "_ms " + std::to_string(seconds * kMsPerS) + "\n";
  }

  const InitApp& app_;
  std::string text_;
  std::optional<Error> error_;
};

using Places = std::vector<const InitApp*>;

const InitApp* Find(const InitConfig& config, std::string_view name) {
  const auto found = std::ranges::find(config.apps, name, &InitApp::name);
  return found == config.apps.end() ? nullptr : &*found;
}

Result<void> CheckNames(const InitConfig& config) {
  if (config.apps.empty() || config.apps.size() > init::kMaxApps) {
    return InvalidArgument("apps", std::to_string(config.apps.size()) +
                                       " applications; from 1 to " +
                                       std::to_string(init::kMaxApps) + " are possible");
  }
  std::set<std::string_view> names;
  for (const InitApp& app : config.apps) {
    if (!init::IsName(app.name)) {
      return InvalidArgument("apps.name", Quoted(app.name) +
                                              " is not a name of letters, digits and, not first, "
                                              "`.`, `_`, `-`, of at most 63");
    }
    if (!names.insert(app.name).second) {
      return InvalidArgument("apps.name", "two applications are called " + Quoted(app.name));
    }
  }
  for (const InitApp& app : config.apps) {
    std::set<std::string_view> needed;
    for (const std::string& name : app.depends_on) {
      if (!names.contains(name)) {
        return InvalidArgument("apps." + app.name + ".depends_on",
                               "no application is called " + Quoted(name));
      }
      if (!needed.insert(name).second) {
        return InvalidArgument("apps." + app.name + ".depends_on",
                               Quoted(name) + " stands there twice");
      }
    }
  }
  return {};
}

// Precondition: each of `left` needs one of `left`.
Error CycleOf(const InitConfig& config, const Places& left) {
  Places way{left.front()};
  while (true) {
    const InitApp* next = nullptr;
    for (const std::string& name : way.back()->depends_on) {
      const InitApp* const needed = Find(config, name);
      next = next == nullptr && std::ranges::count(left, needed) > 0 ? needed : next;
    }
    const auto before = std::ranges::find(way, next);
    if (before == way.end()) {
      way.push_back(next);
      continue;
    }
    std::string cycle;
    for (auto at = before; at != way.end(); ++at) {
      cycle += (*at)->name + " → ";
    }
    return InvalidArgument("apps.depends_on",
                           "applications wait for each other: " + cycle + next->name);
  }
}

// What an application comes after stands before it; else the order given.
Result<Places> InOrder(const InitConfig& config) {
  Places left;
  for (const InitApp& app : config.apps) {
    left.push_back(&app);
  }
  Places placed;
  while (!left.empty()) {
    const auto ready = std::ranges::find_if(left, [&](const InitApp* app) {
      return std::ranges::all_of(app->depends_on, [&](const std::string& name) {
        return std::ranges::count(placed, Find(config, name)) > 0;
      });
    });
    if (ready == left.end()) {
      return CycleOf(config, left);
    }
    placed.push_back(*ready);
    left.erase(ready);
  }
  return placed;
}

}  // namespace

Result<std::string> InitConfigText(const InitConfig& config) {
  if (auto checked = CheckNames(config); !checked) {
    return std::move(checked).error();
  }
  const auto order = InOrder(config);
  if (!order) {
    return order.error();
  }
  std::string text = std::string(init::kFirstLine) + "\n";
  std::size_t strings = 2;
  for (const InitApp* const app : *order) {
    auto lines = Writer(*app).Write();
    if (!lines) {
      return std::move(lines).error();
    }
    text += *lines;
    // Each list has an end.
    strings += app->argv.size() + app->env.size() + app->health.command.size() + 3;
  }
  text += "end " + std::to_string(order->size()) + "\n";
  if (text.size() > init::kMaxText || strings > init::kMaxStrings) {
    return InvalidArgument(
        "apps",
        "arguments and variables of all applications are too long: " + std::to_string(text.size()) +
            " bytes of " + std::to_string(init::kMaxText) + ", " + std::to_string(strings) +
            " texts of " + std::to_string(init::kMaxStrings));
  }
  return text;
}

std::string_view InitProgram() {
  return std::string_view(casemate_init_begin,
                          static_cast<std::size_t>(casemate_init_end - casemate_init_begin));
}

}  // namespace casemate::container
