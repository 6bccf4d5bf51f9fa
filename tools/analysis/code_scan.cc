#include "tools/analysis/code_scan.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <memory>
#include <set>

#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

constexpr std::size_t kMaxFiles = 500;
constexpr std::size_t kMaxBytes = std::size_t{8} << 20;
constexpr std::size_t kMaxFileBytes = std::size_t{512} << 10;  // what is longer was generated
constexpr std::size_t kMaxVariables = 200;
constexpr int kMaxPort = 65535;

constexpr std::array<std::string_view, 22> kBeside = {
    "test",    "tests",      "__tests__",   "testing",   "spec",  "specs",
    "e2e",     "cypress",    "fixtures",    "testdata",  "mocks", "__mocks__",
    "example", "examples",   "samples",     "sample",    "docs",  "doc",
    "benches", "benchmarks", "third_party", "playground"};

// What every process has, or what tools set for themselves.
constexpr std::array<std::string_view, 16> kCommon = {"PATH",
                                                      "HOME",
                                                      "USER",
                                                      "PWD",
                                                      "SHELL",
                                                      "LANG",
                                                      "TMPDIR",
                                                      "TERM",
                                                      "HOSTNAME",
                                                      "CI",
                                                      "TEMP",
                                                      "TMP",
                                                      "TZ",
                                                      "PYTHONPATH",
                                                      "KUBERNETES_SERVICE_HOST",
                                                      "KUBERNETES_SERVICE_PORT"};

constexpr const char* kHealthEndpoint =
    R"re(["'`(]((?:/api)?(?:/v\d+)?/(?:healthz?|health-?check|livez|readyz|liveness|readiness|health/live|health/ready|_health|actuator/health))/?["'`)])re";

template <typename List>
bool Holds(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool IsBelow(std::string_view path, std::string_view directory) {
  return directory.empty() || (path.starts_with(directory) && path.size() > directory.size() &&
                               path[directory.size()] == '/');
}

// Without lines that are comments: those keep their line end, so that lines keep their numbers.
std::string WithoutComments(const std::string& text, const CodePatterns& patterns) {
  std::string code;
  code.reserve(text.size());
  for (const std::string& line : SplitLines(text)) {
    const std::string_view words = Trim(line);
    const bool is_comment =
        std::any_of(patterns.comments.begin(), patterns.comments.end(),
                    [&](std::string_view sign) { return words.starts_with(sign); });
    code += is_comment ? std::string() : line;
    code += '\n';
  }
  return code;
}

// Read without a default, these are what a program cannot do its work without, whatever its code
// does about their lack.
bool IsNeeded(std::string_view name) {
  constexpr std::array<std::string_view, 10> kEndings = {
      "_URL",   "_URI",  "_DSN",      "_KEY",  "_SECRET",
      "_TOKEN", "_PASS", "_PASSWORD", "_HOST", "_KEY_BASE"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

std::string LineOf(std::string_view text, std::size_t offset) {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return "line " + std::to_string(1 + std::count(text.begin(), end, '\n'));
}

class Scan {
 public:
  explicit Scan(const CodePatterns& patterns) : patterns_(patterns), health_(kHealthEndpoint) {
    for (const EnvironmentPattern& pattern : patterns.environment) {
      environment_.push_back(std::make_unique<RE2>(pattern.regex));
    }
    for (const std::string_view pattern : patterns.ports) {
      ports_.push_back(std::make_unique<RE2>(pattern));
    }
    for (const std::string_view pattern : patterns.environment_lists) {
      lists_.push_back(std::make_unique<RE2>(pattern));
    }
    for (const std::string_view pattern : patterns.port_names) {
      port_names_.push_back(std::make_unique<RE2>(pattern));
    }
  }

  void Read(const std::string& path, const std::string& text) {
    const std::string code = WithoutComments(text, patterns_);
    for (std::size_t i = 0; i < environment_.size(); ++i) {
      ReadVariables(path, code, *environment_[i], patterns_.environment[i].fails_without);
    }
    for (const auto& pattern : lists_) {
      ReadLists(path, code, *pattern);
    }
    for (const auto& pattern : ports_) {
      ReadPorts(path, code, *pattern);
    }
    for (const auto& pattern : port_names_) {
      ReadNamedPorts(path, code, *pattern);
    }
    re2::StringPiece endpoint;
    if (!facts_.health && RE2::PartialMatch(code, health_, &endpoint)) {
      facts_.health = Finding(std::string(endpoint), {path, LineOf(code, OffsetOf(code, endpoint))},
                              Confidence::kLikely);
    }
  }

  CodeFacts Facts() {
    for (auto& [name, variable] : variables_) {
      facts_.environment.push_back(std::move(variable));
    }
    return std::move(facts_);
  }

 private:
  static std::size_t OffsetOf(const std::string& code, const re2::StringPiece& part) {
    return static_cast<std::size_t>(part.data() - code.data());
  }
  void ReadVariables(const std::string& path, const std::string& code, const RE2& pattern,
                     bool fails_without);
  void ReadLists(const std::string& path, const std::string& code, const RE2& pattern);
  void ReadPorts(const std::string& path, const std::string& code, const RE2& pattern);
  void ReadNamedPorts(const std::string& path, const std::string& code, const RE2& pattern);
  void AddVariable(const std::string& path, const std::string& code, const re2::StringPiece& name,
                   const re2::StringPiece& standby, bool fails_without);

  const CodePatterns& patterns_;
  RE2 health_;
  std::vector<std::unique_ptr<RE2>> environment_;
  std::vector<std::unique_ptr<RE2>> ports_;
  std::vector<std::unique_ptr<RE2>> lists_;
  std::vector<std::unique_ptr<RE2>> port_names_;
  std::map<std::string, EnvironmentVariable> variables_;
  CodeFacts facts_;
};

// `standby` without data: the variable has no default.
void Scan::AddVariable(const std::string& path, const std::string& code,
                       const re2::StringPiece& name, const re2::StringPiece& standby,
                       bool fails_without) {
  if (name.empty() || Holds(kCommon, std::string_view(name.data(), name.size())) ||
      variables_.size() >= kMaxVariables) {
    return;
  }
  auto [at, is_new] = variables_.try_emplace(std::string(name));
  EnvironmentVariable& variable = at->second;
  if (is_new) {
    variable.name = std::string(name);
    variable.source = {path, LineOf(code, OffsetOf(code, name))};
  }
  if (standby.data() != nullptr) {
    variable.default_value = std::string(standby);
    variable.is_required = false;
  } else if (is_new) {
    variable.is_required = fails_without || IsNeeded(variable.name);
  }
}

void Scan::ReadVariables(const std::string& path, const std::string& code, const RE2& pattern,
                         bool fails_without) {
  re2::StringPiece rest(code);
  re2::StringPiece name;
  re2::StringPiece standby;
  const bool has_default = pattern.NumberOfCapturingGroups() > 1;
  while (has_default ? RE2::FindAndConsume(&rest, pattern, &name, &standby)
                     : RE2::FindAndConsume(&rest, pattern, &name)) {
    AddVariable(path, code, name, standby, fails_without);
    standby = re2::StringPiece();
  }
}

void Scan::ReadLists(const std::string& path, const std::string& code, const RE2& pattern) {
  static const RE2 kItem(
      R"re((?:^|,)\s*(\w+)\s*(?::\s*\w+\s*)?(?:=\s*['"`]?([^'"`,\n]*)['"`]?)?)re");
  re2::StringPiece rest(code);
  re2::StringPiece list;
  while (RE2::FindAndConsume(&rest, pattern, &list)) {
    re2::StringPiece name;
    re2::StringPiece standby;
    while (RE2::FindAndConsume(&list, kItem, &name, &standby)) {
      AddVariable(path, code, name, standby, false);
      standby = re2::StringPiece();
    }
  }
}

void Scan::ReadPorts(const std::string& path, const std::string& code, const RE2& pattern) {
  re2::StringPiece rest(code);
  re2::StringPiece digits;
  while (RE2::FindAndConsume(&rest, pattern, &digits)) {
    int port = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const std::string text = std::to_string(port);
    const bool is_known = std::any_of(facts_.ports.begin(), facts_.ports.end(),
                                      [&](const Finding& other) { return other.value == text; });
    if (port > 0 && port < kMaxPort && !is_known) {  // the last one is a limit, not a port
      facts_.ports.emplace_back(text, Source{path, LineOf(code, OffsetOf(code, digits))},
                                Confidence::kLikely);
    }
  }
}

// "app.listen(port)" after "const port = process.env.WEB_PORT || 8080".
void Scan::ReadNamedPorts(const std::string& path, const std::string& code, const RE2& pattern) {
  constexpr int kMaxNames = 8;
  re2::StringPiece rest(code);
  std::string name;
  for (int i = 0; i < kMaxNames && RE2::FindAndConsume(&rest, pattern, &name); ++i) {
    const RE2 given(
        "(?:^|[^\\w.])" + RE2::QuoteMeta(name) +
        R"re((?:\s*:\s*\w+)?\s*:?=(?:[^\n;=]{0,100}?(?:[|(,?]|\bor\b))?\s*['"]?(\d{2,5})\b)re");
    ReadPorts(path, code, given);
  }
}

std::size_t DepthOf(std::string_view path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

bool IsBesideDirectory(std::string_view rest) {
  // What follows are names of packages: com.example.
  if (const std::size_t at = rest.find("src/main/"); at != std::string_view::npos) {
    rest = rest.substr(0, at);
  }
  for (; !rest.empty(); rest = ParentOf(rest)) {
    if (Holds(kBeside, NameOf(rest))) {
      return true;
    }
  }
  return false;
}

bool IsTestName(std::string_view written) {
  const std::string name = Lower(written);
  return name.find(".test.") != std::string::npos || name.find(".spec.") != std::string::npos ||
         name.find("_test.") != std::string::npos || name.starts_with("test_") ||
         name.ends_with(".d.ts") || name.ends_with(".min.js") ||
         name.starts_with("playwright.config.") || name.starts_with("cypress.config.") ||
         name.starts_with("jest.config.") || name.starts_with("vitest.config.");
}

// At most kMaxFiles, and whether there are more.
std::vector<const std::string*> FilesToRead(const SourceTree& tree, const std::string& directory,
                                            const CodePatterns& patterns,
                                            std::span<const std::string> skip, bool& has_more) {
  struct Found {
    std::size_t depth;
    const std::string* path;
  };
  std::vector<Found> found;
  const std::size_t above = directory.empty() ? 0 : directory.size() + 1;
  // Files of one directory follow each other: it is judged once.
  std::string_view place = "/";
  bool is_beside = false;
  for (const std::string& path : tree.Below(directory)) {
    const bool is_code =
        std::any_of(patterns.suffixes.begin(), patterns.suffixes.end(),
                    [&](std::string_view suffix) { return path.ends_with(suffix); });
    if (!is_code) {
      continue;
    }
    const std::string_view inner = std::string_view(path).substr(above);
    if (ParentOf(inner) != place) {
      place = ParentOf(inner);
      is_beside = IsBesideDirectory(place) ||
                  std::any_of(skip.begin(), skip.end(),
                              [&](const std::string& other) { return IsBelow(path, other); });
    }
    if (!is_beside && !IsTestName(NameOf(inner))) {
      found.push_back({DepthOf(path), &path});
    }
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
    return a.depth != b.depth ? a.depth < b.depth : *a.path < *b.path;
  });
  has_more = found.size() > kMaxFiles;
  std::vector<const std::string*> files;
  for (const Found& each : found) {
    if (files.size() < kMaxFiles) {
      files.push_back(each.path);
    }
  }
  return files;
}

// `has_more`: than these, which are as many as are read.
CodeFacts ScanChosen(const SourceTree& tree, std::string_view place,
                     std::span<const std::string* const> files, bool has_more,
                     const CodePatterns& patterns) {
  Scan scan(patterns);
  std::size_t bytes = 0;
  for (const std::string* path : files) {
    const std::string* text = tree.Read(*path);
    if (text != nullptr && text->size() <= kMaxFileBytes) {
      bytes += text->size();
      scan.Read(*path, *text);
    }
    if (bytes > kMaxBytes) {
      has_more = true;
      break;
    }
  }
  if (has_more) {
    tree.Note("of " + (place.empty() ? std::string("the project") : std::string(place)) + ", " +
              std::to_string(kMaxFiles) + " files of code or " + std::to_string(kMaxBytes >> 20U) +
              " MiB were searched for variables, ports and endpoints, and no more");
  }
  return scan.Facts();
}

}  // namespace

bool IsBesideTheProject(std::string_view path) {
  return IsBesideDirectory(ParentOf(path)) || IsTestName(NameOf(path));
}

bool IsPortOfAnotherService(std::string_view port) {
  constexpr std::array<std::string_view, 22> kPorts = {
      "22",   "25",   "465",   "587",  "6831", "4318", "14268", "5432", "3306", "6379", "27017",
      "5672", "9092", "11211", "9200", "4222", "2181", "2379",  "1433", "9042", "1883", "4317"};
  return Holds(kPorts, port);
}

CodeFacts ScanFiles(const SourceTree& tree, std::span<const std::string> files,
                    const CodePatterns& patterns) {
  std::vector<const std::string*> chosen;
  for (const std::string& path : files.first(std::min(files.size(), kMaxFiles))) {
    chosen.push_back(&path);
  }
  const std::string_view place = files.empty() ? std::string_view() : ParentOf(files.front());
  return ScanChosen(tree, place, chosen, files.size() > kMaxFiles, patterns);
}

CodeFacts ScanCode(const SourceTree& tree, const std::string& directory,
                   const CodePatterns& patterns, std::span<const std::string> skip) {
  bool has_more = false;
  const auto files = FilesToRead(tree, directory, patterns, skip, has_more);
  return ScanChosen(tree, directory, files, has_more, patterns);
}

void AddCodeFacts(CodeFacts facts, App& app) {
  for (EnvironmentVariable& variable : facts.environment) {
    const bool is_known =
        std::any_of(app.environment.begin(), app.environment.end(),
                    [&](const EnvironmentVariable& other) { return other.name == variable.name; });
    if (!is_known) {
      app.environment.push_back(std::move(variable));
    }
  }
  std::sort(
      app.environment.begin(), app.environment.end(),
      [](const EnvironmentVariable& a, const EnvironmentVariable& b) { return a.name < b.name; });
  for (Finding& port : facts.ports) {
    const bool is_known =
        std::any_of(app.ports.begin(), app.ports.end(),
                    [&](const Finding& other) { return other.value == port.value; });
    if (!is_known) {
      app.ports.push_back(std::move(port));
    }
  }
  if (!app.health) {
    app.health = std::move(facts.health);
  }
}

void AddExampleEnvironment(const SourceTree& tree, const std::string& directory, App& app,
                           const std::set<std::string>& others) {
  for (const char* name : {".env.example", ".env.sample", ".env.template", ".env.dist",
                           "env.example", "example.env", ".env.local.example"}) {
    const std::string path = JoinPath(directory, name);
    const std::string* text = tree.Read(path);
    if (text == nullptr) {
      continue;
    }
    static const RE2 kAssignment(R"(^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$)");
    CodeFacts facts;
    std::size_t number = 0;
    for (const std::string& line : SplitLines(*text)) {
      ++number;
      std::string variable;
      std::string value;
      if (!RE2::FullMatch(line, kAssignment, &variable, &value) || Holds(kCommon, variable) ||
          others.contains(variable)) {
        continue;
      }
      const auto known = std::find_if(app.environment.begin(), app.environment.end(),
                                      [&](const auto& other) { return other.name == variable; });
      if (known == app.environment.end() && facts.environment.size() < kMaxVariables) {
        facts.environment.push_back(
            {variable, false, {}, {path, "line " + std::to_string(number)}});
      }
    }
    AddCodeFacts(std::move(facts), app);
  }
}

}  // namespace casemate::analysis
