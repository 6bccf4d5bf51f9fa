#include "tools/languages.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"
#include "tools/args.h"
#include "tools/javascript_loader.h"

namespace casemate::tools {

namespace {

constexpr std::string_view kCodeDirectory = "/run/casemate/";
constexpr std::array<std::string_view, 3> kDirectories = {"/usr/local/bin", "/usr/bin", "/bin"};

std::vector<Language> MakeTable() {
  std::vector<Language> table;
  // Unbuffered, so that output streams; without byte code, so that the workspace stays clean.
  table.push_back({.name = "python",
                   .program = "python3",
                   .package = "python3",
                   .file_name = "main.py",
                   .arguments = {"/run/casemate/main.py"},
                   .env = {{"PYTHONPATH", "/workspace"},
                           {"PYTHONUNBUFFERED", "1"},
                           {"PYTHONDONTWRITEBYTECODE", "1"}}});
  table.push_back({.name = "javascript",
                   .program = "node",
                   .package = "nodejs",
                   .file_name = "main.js",
                   .arguments = {"--experimental-vm-modules", "/run/casemate/loader.cjs"},
                   .support_file = "loader.cjs",
                   .support_content = JavascriptLoader()});
  table.push_back({.name = "bash",
                   .program = "bash",
                   .package = "bash",
                   .file_name = "main.sh",
                   .arguments = {"/run/casemate/main.sh"}});
  table.push_back({.name = "c",
                   .program = "gcc",
                   .package = "gcc libc6-dev",
                   .file_name = "main.c",
                   .arguments = {"\"$1\" -O1 -I/workspace -o /tmp/main /run/casemate/main.c -lm "
                                 "-pthread || exit $?; exec /tmp/main"},
                   .compiled = true});
  table.push_back({.name = "cpp",
                   .program = "g++",
                   .package = "g++",
                   .file_name = "main.cc",
                   .arguments = {"\"$1\" -O1 -std=gnu++20 -I/workspace -o /tmp/main "
                                 "/run/casemate/main.cc -pthread || exit $?; exec /tmp/main"},
                   .compiled = true});
  return table;
}

// Whether the program behind all links lies where the sandbox shows it.
bool VisibleInside(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), ::free);
  return real != nullptr && std::string_view(real.get()).starts_with("/usr/");
}

}  // namespace

std::span<const Language> Languages() {
  static const std::vector<Language> table = MakeTable();
  return table;
}

std::vector<std::string_view> LanguageNames() {
  std::vector<std::string_view> names;
  for (const Language& language : Languages()) {
    names.push_back(language.name);
  }
  return names;
}

const Language* FindLanguage(std::string_view name) {
  const auto table = Languages();
  const auto found = std::ranges::find(table, name, &Language::name);
  return found == table.end() ? nullptr : &*found;
}

std::span<const std::string_view> ToolchainDirectories() {
  return kDirectories;
}

Result<std::string> FindToolchain(const Language& language,
                                  std::span<const std::string_view> directories) {
  std::string hidden;
  for (const std::string_view directory : directories) {
    std::string path = std::string(directory) + "/" + std::string(language.program);
    if (::access(path.c_str(), X_OK) != 0) {
      continue;
    }
    if (VisibleInside(path)) {
      return path;
    }
    hidden = path;
  }
  const std::vector<std::string> places(directories.begin(), directories.end());
  Error error;
  error.code = ErrorCode::kUnavailable;
  error.field = "args.language";
  error.message = "language `" + std::string(language.name) + "` needs the program `" +
                  std::string(language.program) + "`, which is not in " + Join(places, ", ");
  if (!hidden.empty()) {
    error.message = "language `" + std::string(language.name) + "` needs `" + hidden +
                    "`, which links to a place outside /usr that the sandbox does not show";
  }
  error.remedy = "install it on the host: apt-get install " + std::string(language.package);
  return error;
}

std::vector<std::string> LanguageCommand(const Language& language, const std::string& program) {
  std::vector<std::string> command;
  if (language.compiled) {
    command = {"/bin/sh", "-c", language.arguments.front(), "sh", program};
    return command;
  }
  command.push_back(program);
  command.insert(command.end(), language.arguments.begin(), language.arguments.end());
  return command;
}

std::vector<sandbox::InjectedFile> LanguageFiles(const Language& language, std::string code) {
  std::vector<sandbox::InjectedFile> files;
  files.push_back({std::string(kCodeDirectory) + std::string(language.file_name), std::move(code)});
  if (!language.support_file.empty()) {
    files.push_back({std::string(kCodeDirectory) + std::string(language.support_file),
                     std::string(language.support_content)});
  }
  return files;
}

}  // namespace casemate::tools
