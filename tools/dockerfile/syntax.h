// The text of a Dockerfile as its instructions, by the rules of BuildKit's parser: parser
// directives, continuation lines, comments between them, here-documents, exec and shell form,
// flags. It reads what is well-formed and tells of the rest; what the words mean is for others.
// Pure; thread-safe. Source: https://docs.docker.com/reference/dockerfile/ and BuildKit's
// frontend/dockerfile/parser.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::dockerfile {

struct Flag {
  std::string name;   // "mount" of --mount=type=cache,target=/x
  std::string value;  // behind the first =; empty: there is none
};

struct HereDocument {
  std::string delimiter;
  std::string text;     // lines between, tabs stripped for <<-
  bool expands = true;  // the delimiter is not quoted
};

struct Instruction {
  std::string name;     // in upper case: "RUN"
  std::string written;  // as it stands: "run"
  std::vector<Flag> flags;
  std::string
      arguments;  // behind name and flags, continuation lines joined, comments between dropped
  std::optional<std::vector<std::string>> exec;  // the JSON array of an exec form
  std::vector<HereDocument> documents;
  int line = 0;         // of its first, from 1
  int last_line = 0;    // of its last, documents included
  std::string comment;  // the lines of comments directly above, without their signs

  // The value of a flag; nullopt: it is not there.
  [[nodiscard]] std::optional<std::string> FlagValue(std::string_view flag) const;
  // Arguments split at blanks as the shell-like words of COPY, EXPOSE or ARG: quotes and the escape
  // character keep blanks; quotes are dropped.
  [[nodiscard]] std::vector<std::string> Words(char escape = '\\') const;
};

struct Stage {
  std::string base;       // of its FROM, as written: "node:20", "build", "$BASE"
  std::string name;       // behind AS; empty: none
  std::string platform;   // of --platform
  std::size_t first = 0;  // its FROM, an index of `instructions`
  std::size_t end = 0;    // one behind its last instruction
};

struct Directive {
  std::string name;  // in lower case: "syntax", "escape", "check"
  std::string value;
  int line = 0;
};

struct Dockerfile {
  std::vector<Directive> directives;
  char escape = '\\';
  std::vector<Instruction> instructions;
  std::vector<Stage> stages;
  // ARG before the first FROM.
  std::vector<std::size_t> global_arguments;
};

constexpr std::size_t kMaxDockerfileBytes = std::size_t{1} << 20;

// Errors: kInvalidArgument for "dockerfile" that names the line: longer than kMaxDockerfileBytes,
// an instruction that does not exist or has no arguments, a here-document without end, something
// before the first FROM that cannot be there, no FROM at all.
Result<Dockerfile> ParseDockerfile(std::string_view text);

}  // namespace casemate::dockerfile
