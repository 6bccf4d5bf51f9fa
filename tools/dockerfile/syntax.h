// The text of a Dockerfile as its instructions, by the rules of BuildKit's parser: parser
// directives, continuation lines, comments between them, here-documents, exec and shell form,
// flags. It reads what is well-formed and tells of the rest; what the words mean is for others.
// Pure; thread-safe. Source: https://docs.docker.com/reference/dockerfile/ and BuildKit's
// frontend/dockerfile/parser and frontend/dockerfile/instructions.
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

// One name of ARG, ENV or LABEL.
struct KeyValue {
  std::string key;
  std::string value;    // without quotes; variables are not expanded
  std::string written;  // the value with its quotes
  bool has_value = false;
  bool legacy = false;  // "ENV name value"
};

struct Instruction {
  std::string name;     // in upper case: "RUN"
  std::string written;  // as it stands: "run"
  std::vector<Flag> flags;
  // Behind name and flags, continuation lines joined, comments between dropped. The type of
  // HEALTHCHECK and the instruction behind ONBUILD are in it.
  std::string arguments;
  // The JSON array of an exec form, of HEALTHCHECK CMD, or of COPY, ADD, VOLUME and SHELL.
  std::optional<std::vector<std::string>> exec;
  std::vector<HereDocument> documents;
  std::vector<Instruction> trigger;  // of ONBUILD: the instruction in it, with `documents` too
  int line = 0;                      // of its first, from 1
  int last_line = 0;                 // of its last, documents included
  bool empty_continuation = false;   // an empty line stands between its lines
  // The lines of comments since the instruction before, without their signs. As in BuildKit blank
  // lines change nothing and a comment without text drops those above it.
  std::string comment;

  // The value of a flag; nullopt: it is not there.
  [[nodiscard]] std::optional<std::string> FlagValue(std::string_view flag) const;
  // What BuildKit makes of the arguments: the exec form if there is one; for ARG, ENV and LABEL
  // words in which quotes and the escape character keep blanks; for all others what stands between
  // blanks, quoted or not. Quotes are dropped.
  [[nodiscard]] std::vector<std::string> Words(char escape = '\\') const;
  // Of ARG, ENV and LABEL; empty for others.
  [[nodiscard]] std::vector<KeyValue> Pairs(char escape = '\\') const;
};

struct Stage {
  std::string base;       // of its FROM, as written: "node:20", "build", "$BASE"
  std::string name;       // behind AS, in lower case as BuildKit has it; empty: none
  std::string platform;   // of --platform
  std::size_t first = 0;  // its FROM, an index of `instructions`
  std::size_t end = 0;    // one behind its last instruction
};

struct Directive {
  std::string name;  // in lower case: "syntax", "escape", "check"
  std::string value;
  int line = 0;
};

struct Comment {
  std::string text;  // trimmed, without its sign
  int line = 0;
};

struct Dockerfile {
  std::vector<Directive> directives;
  char escape = '\\';
  std::vector<Instruction> instructions;
  std::vector<Stage> stages;
  // ARG before the first FROM.
  std::vector<std::size_t> global_arguments;
  // All but directives, those between continuation lines too.
  std::vector<Comment> comments;

  [[nodiscard]] const Directive* FindDirective(std::string_view name) const;
};

constexpr std::size_t kMaxDockerfileBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxDockerfileLineBytes = 64 * 1024 - 1;  // what BuildKit reads at most

// Errors: kInvalidArgument for "dockerfile" that names the line: what BuildKit refuses, which is a
// file or line that is too long, an instruction that does not exist, lacks arguments (RUN, CMD and
// ENTRYPOINT may) or has an unknown flag (when no `# syntax=` line asks for another parser), a
// here-document without end, something else than ARG before the first FROM, no FROM at all.
Result<Dockerfile> ParseDockerfile(std::string_view text);

}  // namespace casemate::dockerfile
