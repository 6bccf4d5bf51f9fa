#include "tools/analysis/languages/languages.h"

#include <array>

#include "tools/analysis/language.h"

namespace casemate::analysis {

std::span<const Language> Languages() {
  static constexpr auto kLanguages = std::to_array<Language>({

      {"python",
       "*.py pyproject.toml Pipfile environment.yml environment.yaml requirements* setup.cfg",
       AnalysePython},

      {"node", "package.json package.json5", AnalyseNode},

  });
  return kLanguages;
}

}  // namespace casemate::analysis
