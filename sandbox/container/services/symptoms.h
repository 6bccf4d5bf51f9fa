// Symptoms: what the error text of an engine or the last lines of a program's output say, by words
// that its runtime or the C library uses. Pure; thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace casemate::container {

struct Symptom {
  std::string_view code;  // of a Diagnosis
  std::string_view summary;
  std::string_view next_step;
};

struct SymptomFound {
  const Symptom* symptom = nullptr;
  std::string line;  // cut and made visible
};

// In the text of the engine's error: why it could not be created or started.
std::optional<SymptomFound> FindInEngineError(std::string_view error);
// In the last 50 of the lines: the last that tells something counts.
std::optional<SymptomFound> FindInOutput(std::span<const std::string> lines);

}  // namespace casemate::container
