// Diagnosis: what is wrong with a container, from what its engine says, one reading of its use and
// its last lines of output, with the next step to take. Pure; thread-safe. Output and error texts
// are a stranger's words: they are quoted in `evidence` only, cut and made visible, and never
// decide alone that something is wrong with a container that runs well.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/container/engine/types.h"

namespace casemate::container {

enum class Severity { kInfo, kWarning, kError };

std::string_view SeverityName(Severity severity);  // "info", "warning", "error"

struct Diagnosis {
  Severity severity = Severity::kWarning;
  std::string code;     // "oom-killed", "crash-loop", …: the same for the same trouble
  std::string summary;  // one sentence
  std::vector<std::string> evidence;
  std::string next_step;
};

struct DiagnosisInput {
  const ContainerDetails* details = nullptr;  // never null
  std::optional<Usage> usage;                 // of one that runs
  std::span<const std::string> log_lines;     // the last of its output, oldest first
  int zombies = 0;
  std::int64_t now_ms = 0;            // Unix time
  std::int64_t disk_free_bytes = -1;  // where the engine keeps its data; -1: not known
  std::int64_t disk_total_bytes = -1;
};

// The most severe first; among equals the likeliest cause first. Empty: nothing is wrong.
std::vector<Diagnosis> Diagnose(const DiagnosisInput& input);

// One paragraph for people: the first finding with its evidence and next step, the others in a word
// each. Empty when there are none.
std::string InOneParagraph(std::span<const Diagnosis> findings);

// What an exit code means by the conventions of engines and shells; empty for those without one.
std::string_view ExitCodeMeaning(int exit_code);

}  // namespace casemate::container
