#include "sandbox/container/init/config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace casemate::container::init {
namespace {

// The lines of an application, in the only order that they may have.
enum class Step {
  kApp,
  kDir,
  kArg,
  kEnv,
  kAfter,
  kHealth,
  kCheck,
  kInterval,
  kTimeout,
  kRetries,
  kStartPeriod,
  kRestart,
  kBackoff,
  kStopTimeout,
  kStopSignal,
  kDone,
};

struct Key {
  const char* word;
  Step step;
  bool is_list;
  bool is_required;
  const char* missing;
};

constexpr Key kKeys[] = {
    {"dir", Step::kDir, false, false, ""},
    {"arg", Step::kArg, true, true, "`arg` is missing above this line"},
    {"env", Step::kEnv, true, false, ""},
    {"after", Step::kAfter, true, false, ""},
    {"health", Step::kHealth, false, true, "`health` is missing above this line"},
    {"check", Step::kCheck, true, false, "`check` is missing above this line"},
    {"interval_ms", Step::kInterval, false, true, "`interval_ms` is missing above this line"},
    {"timeout_ms", Step::kTimeout, false, true, "`timeout_ms` is missing above this line"},
    {"retries", Step::kRetries, false, true, "`retries` is missing above this line"},
    {"start_period_ms", Step::kStartPeriod, false, true,
     "`start_period_ms` is missing above this line"},
    {"restart", Step::kRestart, false, true, "`restart` is missing above this line"},
    {"backoff_ms", Step::kBackoff, false, true, "`backoff_ms` is missing above this line"},
    {"stop_timeout_ms", Step::kStopTimeout, false, true,
     "`stop_timeout_ms` is missing above this line"},
    {"stop_signal", Step::kStopSignal, false, true, "`stop_signal` is missing above this line"},
};

constexpr const char* kNoNumber = "not a number that is allowed here";

char* no_words[1] = {nullptr};

const Key* FindKey(const char* word) {
  for (const Key& key : kKeys) {
    if (std::strcmp(key.word, word) == 0) {
      return &key;
    }
  }
  return nullptr;
}

// Decimal digits without needless zeros.
bool TakeNumber(const char* text, int min, int max, int& number) {
  constexpr std::size_t kMaxDigits = 9;
  const std::size_t length = std::strlen(text);
  if (length == 0 || length > kMaxDigits || (text[0] == '0' && length > 1)) {
    return false;
  }
  number = 0;
  for (const char* at = text; *at != '\0'; ++at) {
    if (*at < '0' || *at > '9') {
      return false;
    }
    number = number * 10 + (*at - '0');
  }
  return number >= min && number <= max;
}

// Undoes the writer's \\ and \n, in place.
bool Decode(char* text) {
  char* to = text;
  for (const char* from = text; *from != '\0'; ++from) {
    if (*from != '\\') {
      *to++ = *from;
      continue;
    }
    ++from;
    if (*from != '\\' && *from != 'n') {
      return false;
    }
    *to++ = *from == 'n' ? '\n' : '\\';
  }
  *to = '\0';
  return true;
}

class Parser {
 public:
  Parser(Config& config, std::size_t length, Problem& problem)
      : config_(config), next_(config.text), end_(config.text + length), problem_(problem) {}

  bool Parse() {
    char* line = nullptr;
    if (!TakeLine(line) || std::strcmp(line, kFirstLine) != 0) {
      return Refuse("the first line is not `casemate-init 1`");
    }
    while (TakeLine(line)) {
      char* const value = std::strchr(line, ' ');
      if (value == nullptr) {
        return Refuse("a line is a key, a space and a value");
      }
      *value = '\0';
      if (std::strcmp(line, "end") == 0) {
        return End(value + 1);
      }
      const bool taken =
          std::strcmp(line, "app") == 0 ? BeginApp(value + 1) : TakeKey(line, value + 1);
      if (!taken) {
        return false;
      }
    }
    return Refuse("the file is cut off: no whole line `end`");
  }

 private:
  bool Refuse(const char* what) {
    problem_.line = line_;
    problem_.what = what;
    return false;
  }

  // false: no whole line is left.
  bool TakeLine(char*& line) {
    ++line_;
    auto* const newline =
        static_cast<char*>(memchr(next_, '\n', static_cast<std::size_t>(end_ - next_)));
    if (newline == nullptr) {
      return false;
    }
    *newline = '\0';
    line = next_;
    next_ = newline + 1;
    return true;
  }

  App& app() { return config_.apps[config_.app_count - 1]; }

  // Goes on to `step` if nothing that must be there was left out.
  bool Advance(Step step, bool is_list) {
    if (step == step_ && is_list) {
      return true;
    }
    if (step <= step_) {
      return Refuse("this key stands twice or in the wrong place");
    }
    for (const Key& key : kKeys) {
      const bool is_required =
          key.is_required || (key.step == Step::kCheck && app().check.kind == CheckKind::kCommand);
      if (key.step > step_ && key.step < step && is_required) {
        return Refuse(key.missing);
      }
    }
    if (step_ == Step::kArg || step_ == Step::kEnv || step_ == Step::kCheck) {
      ++config_.string_count;  // stays nullptr: the end of the list
    }
    step_ = step;
    return true;
  }

  bool FinishApp() { return config_.app_count == 0 || Advance(Step::kDone, false); }

  int FindApp(const char* name, int count) const {
    for (int i = 0; i < count; ++i) {
      if (std::strcmp(config_.apps[i].name, name) == 0) {
        return i;
      }
    }
    return -1;
  }

  bool BeginApp(char* name) {
    if (!FinishApp()) {
      return false;
    }
    if (!IsName(name)) {
      return Refuse("not a name of an application");
    }
    if (FindApp(name, config_.app_count) >= 0) {
      return Refuse("two applications have this name");
    }
    if (config_.app_count == kMaxApps) {
      return Refuse("too many applications");
    }
    ++config_.app_count;
    app().name = name;
    app().env = no_words;
    step_ = Step::kApp;
    return true;
  }

  bool End(const char* count) {
    int number = 0;
    if (!FinishApp()) {
      return false;
    }
    if (!TakeNumber(count, 1, kMaxApps, number) || number != config_.app_count) {
      return Refuse("`end` does not tell the number of applications");
    }
    ++line_;
    return next_ == end_ || Refuse("something follows `end`");
  }

  bool Push(char**& list, char* text) {
    if (!Decode(text)) {
      return Refuse("a backslash is followed by neither n nor a backslash");
    }
    if (config_.string_count + 2 > kMaxStrings) {
      return Refuse("too many arguments and variables");
    }
    char** const place = &config_.strings[config_.string_count];
    if (list == nullptr || list == no_words) {
      list = place;
    }
    *place = text;
    ++config_.string_count;
    return true;
  }

  bool TakeKey(const char* word, char* value) {
    const Key* const key = FindKey(word);
    if (key == nullptr) {
      return Refuse("unknown key");
    }
    if (config_.app_count == 0) {
      return Refuse("no `app` is above this line");
    }
    return Advance(key->step, key->is_list) &&
           (key->step < Step::kInterval ? TakeText(key->step, value)
                                        : TakeSetting(key->step, value));
  }

  bool TakeText(Step step, char* value) {
    switch (step) {
      case Step::kDir:
        app().directory = value;
        return (Decode(value) && value[0] == '/') || Refuse("not an absolute directory");
      case Step::kArg:
        return (app().argv != nullptr || *value != '\0' || Refuse("the program has no name")) &&
               Push(app().argv, value);
      case Step::kEnv:
        return TakeVariable(value);
      case Step::kAfter:
        return TakeAfter(value);
      case Step::kHealth:
        return TakeHealth(value) || Refuse("not a health check");
      case Step::kCheck:
        return (app().check.kind == CheckKind::kCommand ||
                Refuse("`check` without `health command`")) &&
               (app().check.command != nullptr || *value != '\0' ||
                Refuse("the program has no name")) &&
               Push(app().check.command, value);
      default:
        return Refuse("unknown key");
    }
  }

  bool TakeVariable(char* value) {
    const char* const equals = std::strchr(value, '=');
    if (equals == nullptr ||
        !IsVariableName(std::string_view(value, static_cast<std::size_t>(equals - value)))) {
      return Refuse("not NAME=VALUE");
    }
    return Push(app().env, value);
  }

  // Only what stands above: so there are no cycles, and the file is in the order of the starts.
  bool TakeAfter(const char* name) {
    const int found = FindApp(name, config_.app_count - 1);
    if (found < 0) {
      return Refuse("`after` names no application above this one");
    }
    for (int i = 0; i < app().after_count; ++i) {
      if (app().after[i] == found) {
        return Refuse("`after` names this application twice");
      }
    }
    app().after[app().after_count++] = found;
    return true;
  }

  bool TakeHealth(char* value) {
    Check& check = app().check;
    if (std::strcmp(value, "none") == 0) {
      check.kind = CheckKind::kNone;
      return true;
    }
    if (std::strcmp(value, "process") == 0) {
      check.kind = CheckKind::kProcess;
      return true;
    }
    if (std::strcmp(value, "command") == 0) {
      check.kind = CheckKind::kCommand;
      return true;
    }
    if (std::strncmp(value, "tcp ", 4) == 0) {
      check.kind = CheckKind::kTcp;
      return TakeNumber(value + 4, 1, kMaxPort, check.port);
    }
    if (std::strncmp(value, "http ", 5) != 0) {
      return false;
    }
    check.kind = CheckKind::kHttp;
    char* const space = std::strchr(value + 5, ' ');
    if (space == nullptr) {
      return false;
    }
    *space = '\0';
    check.path = space + 1;
    return TakeNumber(value + 5, 1, kMaxPort, check.port) && IsHttpPath(check.path);
  }

  bool TakeSetting(Step step, const char* value) {
    switch (step) {
      case Step::kInterval:
        return TakeNumber(value, 1, kMaxMs, app().check.interval_ms) || Refuse(kNoNumber);
      case Step::kTimeout:
        return TakeNumber(value, 1, kMaxMs, app().check.timeout_ms) || Refuse(kNoNumber);
      case Step::kRetries:
        return TakeNumber(value, 1, kMaxRetries, app().check.retries) || Refuse(kNoNumber);
      case Step::kStartPeriod:
        return TakeNumber(value, 0, kMaxMs, app().check.start_period_ms) || Refuse(kNoNumber);
      case Step::kRestart:
        return TakeRestart(value) || Refuse("not never, on_failure or always");
      case Step::kBackoff:
        return TakeNumber(value, 1, kMaxMs, app().backoff_ms) || Refuse(kNoNumber);
      case Step::kStopTimeout:
        return TakeNumber(value, 0, kMaxMs, app().stop_timeout_ms) || Refuse(kNoNumber);
      case Step::kStopSignal:
        return TakeNumber(value, 1, kMaxSignal, app().stop_signal) || Refuse(kNoNumber);
      default:
        return Refuse("unknown key");
    }
  }

  bool TakeRestart(const char* value) {
    if (std::strcmp(value, "never") == 0) {
      app().restart = Restart::kNever;
    } else if (std::strcmp(value, "on_failure") == 0) {
      app().restart = Restart::kOnFailure;
    } else if (std::strcmp(value, "always") == 0) {
      app().restart = Restart::kAlways;
    } else {
      return false;
    }
    return true;
  }

  Config& config_;
  char* next_;
  const char* end_;
  Problem& problem_;
  int line_ = 0;
  Step step_ = Step::kApp;
};

}  // namespace

bool ParseConfig(Config& config, std::size_t length, Problem& problem) {
  int line = 1;
  for (std::size_t i = 0; i < length; ++i) {
    line += config.text[i] == '\n' ? 1 : 0;
    if (config.text[i] == '\0') {
      problem = Problem{line, "a byte is zero"};
      return false;
    }
  }
  return Parser(config, length, problem).Parse();
}

bool ReadConfig(const char* path, Config& config, Problem& problem) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    problem = Problem{0, strerrordesc_np(errno)};
    return false;
  }
  std::size_t length = 0;
  ssize_t got = 1;
  // One byte more than may be there: a longer file is seen.
  while (got > 0 && length < sizeof config.text) {
    got = read(fd, config.text + length, sizeof config.text - length);
    length += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  const int err = errno;
  close(fd);
  if (got < 0 || length > kMaxText) {
    problem = Problem{0, got < 0 ? strerrordesc_np(err) : "the file is too long"};
    return false;
  }
  return ParseConfig(config, length, problem);
}

}  // namespace casemate::container::init
