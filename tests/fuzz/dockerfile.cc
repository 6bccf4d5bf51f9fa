// Fuzz target: a Dockerfile of a stranger. It is read or refused in one line of text; its stages
// lie in it; and the ends of its lines make no difference.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"
#include "tests/fuzz/found.h"
#include "tools/dockerfile/lint.h"
#include "tools/dockerfile/lint_output.h"
#include "tools/dockerfile/syntax.h"

namespace {

using namespace casemate;              // NOLINT(google-build-using-namespace)
using namespace casemate::dockerfile;  // NOLINT(google-build-using-namespace)

void OneLine(const Error& error) {
  const std::string why = Describe(error);
  if (why.empty() || !IsValidUtf8(why) || why.find('\n') != std::string::npos) {
    fuzz::Found("a refusal that is not one line of text: " + why);
  }
}

void InOrder(const Dockerfile& file) {
  int line = 0;
  for (const Instruction& instruction : file.instructions) {
    if (instruction.line <= line || instruction.last_line < instruction.line) {
      fuzz::Found("an instruction that begins before the one above ends");
    }
    line = instruction.last_line;
    static_cast<void>(instruction.Words(file.escape));
    static_cast<void>(instruction.Pairs(file.escape));
  }
  std::size_t at = file.global_arguments.size();
  for (const Stage& stage : file.stages) {
    if (stage.first != at || stage.end <= stage.first || stage.base.empty()) {
      fuzz::Found("stages that do not follow one another");
    }
    at = stage.end;
  }
  if (at != file.instructions.size()) {
    fuzz::Found("instructions that are in no stage");
  }
}

std::string WithCarriageReturns(std::string_view text) {
  std::string converted;
  for (const char c : text) {
    converted += c == '\n' ? "\r\n" : std::string(1, c);
  }
  return converted;
}

void SameWithCarriageReturns(std::string_view text, const Dockerfile& file) {
  const auto other = ParseDockerfile(WithCarriageReturns(text));
  if (!other || other->instructions.size() != file.instructions.size()) {
    fuzz::Found("carriage returns change the instructions");
  }
  for (std::size_t i = 0; i < file.instructions.size(); ++i) {
    if (other->instructions[i].arguments != file.instructions[i].arguments ||
        other->instructions[i].last_line != file.instructions[i].last_line) {
      fuzz::Found("carriage returns change an instruction");
    }
  }
}

void OneLineEach(std::string_view text, const Dockerfile& file) {
  LintOptions options;
  options.allowed_registries = {"docker.io"};
  options.ignore_file = std::string(text);
  options.enable = {"DL1001", "DL3057"};
  const auto findings = Lint(file, options);
  const std::string lines = LintText(findings, "Dockerfile");
  if (!IsValidUtf8(lines) ||
      std::ranges::count(lines, '\n') != static_cast<std::ptrdiff_t>(findings.size())) {
    fuzz::Found("findings that are not a line of text each");
  }
  for (const LintFinding& finding : findings) {
    if (finding.line < 1 || finding.what.empty() || finding.fix.empty()) {
      fuzz::Found("a finding that says too little");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = ParseDockerfile(text);
  if (!file) {
    OneLine(file.error());
    return 0;
  }
  InOrder(*file);
  SameWithCarriageReturns(text, *file);
  OneLineEach(text, *file);
  return 0;
}
