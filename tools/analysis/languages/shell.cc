// Shell: a start script with its interpreter, and what its commands need.
// Traits: "shell.interpreter" ("bash", "sh", …).
#include <re2/re2.h>

#include <array>
#include <utility>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/languages/findings.h"
#include "tools/analysis/languages/languages.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

constexpr std::array<std::string_view, 9> kNames = {"start.sh", "run.sh",    "main.sh",
                                                    "serve.sh", "server.sh", "entrypoint.sh",
                                                    "app.sh",   "start",     "run"};

// Commands that a minimal Debian lacks, and the packages that bring them.
constexpr auto kCommands = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"curl", "curl"},
    {"wget", "wget"},
    {"jq", "jq"},
    {"git", "git"},
    {"psql", "postgresql-client"},
    {"pg_dump", "postgresql-client"},
    {"mysql", "default-mysql-client"},
    {"mysqldump", "default-mysql-client"},
    {"redis-cli", "redis-tools"},
    {"sqlite3", "sqlite3"},
    {"rsync", "rsync"},
    {"ssh", "openssh-client"},
    {"socat", "socat"},
    {"nc", "netcat-openbsd"},
    {"ncat", "ncat"},
    {"python3", "python3"},
    {"unzip", "unzip"},
    {"zip", "zip"},
    {"xz", "xz-utils"},
    {"bc", "bc"},
    {"dig", "dnsutils"},
    {"inotifywait", "inotify-tools"},
    {"ffmpeg", "ffmpeg"},
    {"convert", "imagemagick"},
    {"openssl", "openssl"},
    {"envsubst", "gettext-base"},
    {"ip", "iproute2"},
    {"ping", "iputils-ping"},
    {"ps", "procps"},
    {"crontab", "cron"},
});

CodePatterns Patterns() {
  CodePatterns patterns;
  patterns.suffixes = {".sh", "/start", "/run"};
  patterns.environment = {
      {R"re(\$\{([A-Z][A-Z0-9_]*):?\?)re", true},
      {R"re(\$\{([A-Z][A-Z0-9_]*):?[-=]"?([^}"]*))re"},
  };
  patterns.ports = {
      R"re(\b(?:nc|ncat)\b[^\n|]*?\s-(?:[a-z]*l[a-z]*)\s+(?:-p\s*)?(\d{2,5}))re",
      R"re(\$\{PORT:?[-=](\d{2,5})\})re", R"re((?i)(?:TCP-LISTEN|TCP4-LISTEN):(\d{2,5}))re",
      R"re((?m)^\s*(?:export\s+)?PORT=(\d{2,5}))re", R"re(http\.server\s+(\d{2,5}))re"};
  patterns.comments = {"#"};
  return patterns;
}

std::string InterpreterOf(const std::string& text) {
  return FirstMatch(text, R"(\A#!\s*(?:/usr/bin/env\s+(?:-S\s+)?)?(?:[\w/.-]*/)?(\w+))");
}

// Without a first line that names one: the kernel leaves such scripts to the shell that is asked to
// run them, which is Bash where its words are used.
std::string InterpreterOr(const std::string& text, std::string_view name) {
  std::string stated = InterpreterOf(text);
  if (stated.empty() && name.ends_with(".sh") && !text.starts_with("#!")) {
    static const RE2 kBash(R"((?m)\[\[ |^\s*(?:function|declare|source|shopt)\s|\w=\(|\$\{\w+\[)");
    stated = RE2::PartialMatch(text, kBash) ? "bash" : "sh";
  }
  return stated;
}

bool IsShell(std::string_view interpreter) {
  return interpreter == "sh" || interpreter == "bash" || interpreter == "zsh" ||
         interpreter == "dash" || interpreter == "ksh" || interpreter == "fish";
}

// Whether a build or a package manager has a say at the root.
bool HasManifest(const SourceTree& tree) {
  for (const char* name : {"Makefile", "CMakeLists.txt", "configure.ac", "meson.build",
                           "package.json", "pyproject.toml", "setup.py", "Cargo.toml", "go.mod",
                           "composer.json", "Gemfile", "mix.exs", "pom.xml", "build.gradle"}) {
    if (tree.Has(name)) {
      return true;
    }
  }
  return false;
}

bool IsForDevelopers(std::string_view directory) {
  const std::string_view name = NameOf(directory);
  return name == "scripts" || name == "script" || name == "bin" || name == "tools" ||
         name == "hack" || name == "ci" || name.starts_with('.');
}

std::string ScriptIn(const SourceTree& tree, const std::string& directory) {
  for (const std::string_view name : kNames) {
    if (tree.Has(JoinPath(directory, name)) &&
        IsShell(InterpreterOr(TextOfFile(tree, JoinPath(directory, name)), name))) {
      return std::string(name);
    }
  }
  // Elsewhere scripts serve those who develop.
  std::string only;
  if (!directory.empty() || HasManifest(tree)) {
    return only;
  }
  for (const std::string& name : tree.In(directory)) {
    if (name.ends_with(".sh") && name != "install.sh" && name != "setup.sh" && name != "build.sh" &&
        name != "deploy.sh" && name != "test.sh" &&
        IsShell(InterpreterOf(TextOfFile(tree, JoinPath(directory, name))))) {
      if (!only.empty()) {
        return {};
      }
      only = name;
    }
  }
  return only;
}

}  // namespace

LanguageFindings AnalyseShell(const SourceTree& tree, const std::string& directory) {
  const std::string script = IsForDevelopers(directory) ? std::string() : ScriptIn(tree, directory);
  if (script.empty()) {
    return {};
  }
  const std::string path = JoinPath(directory, script);
  const std::string text = TextOfFile(tree, path);
  const std::string interpreter = InterpreterOr(text, script);
  const std::string code = TextOfFile(tree, path, "#");
  Claimed claimed;
  App& app = claimed.app;
  app = BeginApp(directory, "shell", path);
  app.traits["shell.interpreter"] = interpreter;
  app.run = Certain(interpreter + " " + script, path, "line 1");
  AddCodeFacts(ScanCode(tree, directory, Patterns()), app);
  app.kind = app.ports.empty() ? AppKind::kProgram : AppKind::kService;
  if (interpreter == "zsh" || interpreter == "ksh" || interpreter == "fish") {
    app.system_packages.push_back({Certain(interpreter, path, "line 1"), false});
  }
  for (const auto& [command, package] : kCommands) {
    if (RE2::PartialMatch(code,
                          R"((?m)(?:^|[|;&(`]|\$\(|\b(?:then|do|else|exec|if|while|!)\s)\s*)" +
                              RE2::QuoteMeta(std::string(command)) + R"((?:\s|$))")) {
      const bool is_known =
          !app.system_packages.empty() && app.system_packages.back().package.value == package;
      if (!is_known) {
        app.system_packages.push_back({Likely(std::string(package), path), false});
      }
    }
  }
  claimed.claim = Claim::kSource;
  LanguageFindings findings;
  findings.apps.push_back(std::move(claimed));
  return findings;
}

}  // namespace casemate::analysis
