// What BuildKit demands of each instruction: that it exists, its flags, the number and form of its
// arguments. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/dockerfile/syntax.h"

namespace casemate::dockerfile {

// Whether the text of an exec form was one.
struct ExecForm {
  std::optional<std::vector<std::string>> words;
  bool holds_other_values = false;  // an array, but not of strings only: BuildKit refuses it
};
ExecForm ReadExecForm(std::string_view arguments);

// Which instructions read JSON arrays; HEALTHCHECK does so behind its type.
bool ReadsExecForm(std::string_view name);

// Why BuildKit refuses the instruction; nullopt: it does not. `any_flag`: another parser may know
// more flags than we.
std::optional<std::string> WhyRefused(const Instruction& instruction, char escape, bool any_flag);

}  // namespace casemate::dockerfile
