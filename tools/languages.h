// The languages that `run` takes as `code`: one table row each. To add a language, add a row in
// languages.cc. Immutable; thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sandbox/native/spec.h"

namespace casemate::tools {

struct Language {
  std::string_view name;       // value of args.language
  std::string_view program;    // executable that must exist on the host
  std::string_view package;    // Debian package that brings it
  std::string_view file_name;  // of the code, in CodePlaces::code
  // Arguments after the program, or, for `compiled`, the shell script that gets it as $1; with
  // the names of CodePlaces in braces.
  std::vector<std::string> arguments;
  bool compiled = false;
  std::vector<std::pair<std::string_view, std::string_view>> env;  // unless the caller sets it
  // With which `program` takes the code itself as an argument; empty: it needs a file.
  std::string_view inline_flag;
  std::string_view support_file;  // further file beside the code, or empty
  std::string_view support_content;
};

// Where a language's files lie. `code` and `scratch` end with a slash.
struct CodePlaces {
  std::string_view code;
  std::string_view workspace;
  std::string_view scratch;  // what is compiled
};
// The sandbox and new containers: outside of the workspace, which stays clean.
inline constexpr CodePlaces kOwnPlaces = {"/run/casemate/", "/workspace", "/tmp/"};
// A container that exists has none for us: in the directory where the command runs.
inline constexpr CodePlaces kPlacesBeside = {"./.casemate/", ".", "./.casemate/"};

std::span<const Language> Languages();
std::vector<std::string_view> LanguageNames();
// Null: no such language.
const Language* FindLanguage(std::string_view name);

// Where the sandbox looks for programs; it sees the host's /usr read-only.
std::span<const std::string_view> ToolchainDirectories();
// Full path of the language's program. Errors: kUnavailable for "args.language" with the package to
// install, also when the program is a link to somewhere that the sandbox does not show.
Result<std::string> FindToolchain(const Language& language,
                                  std::span<const std::string_view> directories);

// The command that runs the code file with `program`.
std::vector<std::string> LanguageCommand(const Language& language, const std::string& program,
                                         const CodePlaces& places);
// The command that needs no file. Precondition: inline_flag.
std::vector<std::string> InlineCommand(const Language& language, std::string code);
// The code and what it needs, as files in `places.code`.
std::vector<sandbox::InjectedFile> LanguageFiles(const Language& language, std::string code,
                                                 const CodePlaces& places);

}  // namespace casemate::tools
