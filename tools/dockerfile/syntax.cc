#include "tools/dockerfile/syntax.h"

namespace casemate::dockerfile {

std::optional<std::string> Instruction::FlagValue(std::string_view flag) const {
  for (const Flag& candidate : flags) {
    if (candidate.name == flag) {
      return candidate.value;
    }
  }
  return std::nullopt;
}

}  // namespace casemate::dockerfile
