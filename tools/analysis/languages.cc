#include "tools/analysis/languages/languages.h"

#include <array>

#include "tools/analysis/language.h"

namespace casemate::analysis {

std::span<const Language> Languages() {
  static constexpr auto kLanguages = std::to_array<Language>({
      {"php", AnalysePhp},         {"ruby", AnalyseRuby},       {"elixir", AnalyseElixir},
      {"python", AnalysePython},   {"java", AnalyseJvm},        {"dotnet", AnalyseDotnet},
      {"go", AnalyseGo},           {"rust", AnalyseRust},       {"deno", AnalyseDeno},
      {"node", AnalyseNode},       {"c", AnalyseNativeCode},    {"dart", AnalyseDart},
      {"swift", AnalyseSwift},     {"haskell", AnalyseHaskell}, {"zig", AnalyseZig},
      {"crystal", AnalyseCrystal}, {"gleam", AnalyseGleam},     {"static", AnalyseStaticSite},
      {"shell", AnalyseShell},
  });
  return kLanguages;
}

}  // namespace casemate::analysis
