#include "tools/languages.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/text.h"
#include "tools/arguments/args.h"
#include "tools/javascript_loader.h"

namespace casemate::tools {

namespace {

constexpr std::array<std::string_view, 3> kDirectories = {"/usr/local/bin", "/usr/bin", "/bin"};

Language Row(std::string_view name, std::string_view program, std::string_view package,
             std::string_view file_name, std::vector<std::string> arguments) {
  Language language;
  language.name = name;
  language.program = program;
  language.package = package;
  language.file_name = file_name;
  language.arguments = std::move(arguments);
  return language;
}

// `compile` is a shell script that gets the compiler as $1 and makes {scratch}main.
Language CompiledRow(std::string_view name, std::string_view program, std::string_view package,
                     std::string_view file_name, const std::string& compile) {
  Language language =
      Row(name, program, package, file_name, {compile + " || exit $?; exec {scratch}main"});
  language.compiled = true;
  return language;
}

std::vector<Language> MakeTable() {
  // Unbuffered, so that output streams; without byte code, so that the workspace stays clean.
  Language python = Row("python", "python3", "python3", "main.py", {"{code}main.py"});
  python.env = {
      {"PYTHONPATH", "/workspace"}, {"PYTHONUNBUFFERED", "1"}, {"PYTHONDONTWRITEBYTECODE", "1"}};
  python.inline_flag = "-c";
  Language javascript = Row("javascript", "node", "nodejs", "main.js",
                            {"--experimental-vm-modules", "{code}loader.cjs"});
  javascript.support_file = "loader.cjs";
  javascript.support_content = JavascriptLoader();
  javascript.inline_flag = "-e";
  Language bash = Row("bash", "bash", "bash", "main.sh", {"{code}main.sh"});
  bash.inline_flag = "-c";
  return {std::move(python), std::move(javascript), std::move(bash),
          CompiledRow("c", "gcc", "gcc libc6-dev", "main.c",
                      "\"$1\" -O1 -I{workspace} -o {scratch}main {code}main.c -lm -pthread"),
          CompiledRow("cpp", "g++", "g++", "main.cc",
                      "\"$1\" -O1 -std=gnu++20 -I{workspace} -o {scratch}main {code}main.cc "
                      "-pthread")};
}

std::string Filled(std::string text, const CodePlaces& places) {
  for (const auto& [name, place] :
       {std::pair("{code}", places.code), std::pair("{workspace}", places.workspace),
        std::pair("{scratch}", places.scratch)}) {
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name)) {
      text.replace(at, std::string_view(name).size(), place);
    }
  }
  return text;
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
  error.remedy = "use another language; your user can install it on the host: apt-get install " +
                 std::string(language.package);
  return error;
}

std::vector<std::string> LanguageCommand(const Language& language, const std::string& program,
                                         const CodePlaces& places) {
  if (language.compiled) {
    return {"/bin/sh", "-c", Filled(language.arguments.front(), places), "sh", program};
  }
  std::vector<std::string> command = {program};
  for (const std::string& argument : language.arguments) {
    command.push_back(Filled(argument, places));
  }
  return command;
}

std::vector<std::string> InlineCommand(const Language& language, std::string code) {
  return {std::string(language.program), std::string(language.inline_flag), std::move(code)};
}

std::vector<sandbox::InjectedFile> LanguageFiles(const Language& language, std::string code,
                                                 const CodePlaces& places) {
  std::vector<sandbox::InjectedFile> files;
  files.push_back({std::string(places.code) + std::string(language.file_name), std::move(code)});
  if (!language.support_file.empty()) {
    files.push_back({std::string(places.code) + std::string(language.support_file),
                     std::string(language.support_content)});
  }
  return files;
}

}  // namespace casemate::tools
