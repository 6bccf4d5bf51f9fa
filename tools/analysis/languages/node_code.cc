#include "tools/analysis/languages/node_code.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace casemate::analysis {

const CodePatterns& NodeCode() {
  static const CodePatterns kPatterns = {
      {".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx", ".vue", ".svelte", ".astro"},
      {{R"re((?:process\.env|import\.meta\.env|Bun\.env)\.([A-Za-z_]\w*)\s*(?:\|\||\?\?)\s*['"`]([^'"`\n]*)['"`])re"},
       {R"re((?:process\.env|import\.meta\.env|Bun\.env)\.([A-Za-z_]\w*)\s*(?:\|\||\?\?)\s*(\d+))re"},
       {R"re(process\.env\[['"]([A-Za-z_]\w*)['"]\]\s*(?:\|\||\?\?)\s*['"`]([^'"`\n]*)['"`])re"},
       {R"re(\b([A-Z][A-Z0-9_]{2,}):\s*z\.[^\n]*\.default\(\s*['"]?([^'")\n]*))re"},
       {R"re(!\s*process\.env\.([A-Za-z_]\w*)\s*\)\s*\{?\s*(?:throw|process\.exit|console\.error))re",
        true},
       {R"re(process\.env\.([A-Za-z_]\w*)!)re", true},
       {R"re(\b([A-Z][A-Z0-9_]{2,}):\s*z\.(?:string|coerce|url|number|enum)[^\n]*)re", true},
       {R"re(process\.env\[['"]([A-Za-z_]\w*)['"]\])re"},
       {R"re((?:process\.env|import\.meta\.env|Bun\.env)\.([A-Za-z_]\w*))re"},
       {R"re(configService\.getOrThrow(?:<[^>]*>)?\(\s*['"]([A-Z][A-Z0-9_]*)['"])re", true},
       {R"re(configService\.get(?:<[^>]*>)?\(\s*['"]([A-Z][A-Z0-9_]*)['"])re"}},
      {R"re(\.listen\(\s*(?:['"]?)(\d{2,5})\b)re",
       R"re(\.listen\(\s*\{[^}]{0,200}?port:\s*(?:[^,}\n]{0,80}?(?:\|\||\?\?)\s*)?['"]?(\d{2,5})\b)re",
       R"re(\bserve\(\s*\{[^{}]{0,200}?\bport:\s*(?:[^,}\n]{0,80}?(?:\|\||\?\?|,)\s*)?['"]?(\d{2,5})\b)re",
       R"re(export\s+default\s*\{[^{}]{0,200}?\bport:\s*(?:[^,}\n]{0,80}?(?:\|\||\?\?)\s*)?['"]?(\d{2,5})\b)re",
       R"re(Bun\.serve\(\s*\{[^}]{0,200}?port:\s*(\d{2,5})\b)re",
       R"re(\bPORT\b['"\]]*\)?\s*(?:\|\||\?\?)\s*['"]?(\d{2,5})\b)re",
       R"re((?:const|let|var)\s+(?:port|PORT)\s*(?::\s*\w+\s*)?=\s*(?:Number\(|parseInt\(|\+)?\s*['"]?(\d{2,5})\b)re"},
      {"//", "*", "/*"},
      {R"re(\{([^{}]*)\}\s*=\s*(?:process\.env|import\.meta\.env|Bun\.env)\b)re",
       R"re(import\s*\{([^{}]*)\}\s*from\s*['"]\$env/static/(?:private|public)['"])re"},
      {R"re(\.listen\(\s*(?:\{\s*port:\s*)?([A-Za-z_$][\w$]*)\s*[,)}])re"}};
  return kPatterns;
}

bool IsSetByNodeTools(std::string_view name) {
  constexpr std::array<std::string_view, 7> kNames = {"NODE_ENV", "DEV",    "PROD",   "SSR",
                                                      "MODE",     "VITEST", "EXPO_OS"};
  return name.starts_with("npm_") || std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

std::set<std::string, std::less<>> NodeImports(const SourceTree& tree,
                                               const std::string& directory) {
  constexpr std::size_t kMaxFiles = 500;
  static const RE2 kImport(
      R"re((?:\bfrom|\bimport|\bimport\(|\brequire\()\s*['"]([^'"\n]+)['"])re");
  std::set<std::string, std::less<>> imports;
  std::size_t files = 0;
  for (const std::string& path : tree.Below(directory)) {
    const bool is_code =
        std::any_of(NodeCode().suffixes.begin(), NodeCode().suffixes.end(),
                    [&](std::string_view suffix) { return path.ends_with(suffix); });
    if (!is_code || ++files > kMaxFiles || path.find(".spec.") != std::string::npos ||
        path.find(".test.") != std::string::npos) {
      continue;
    }
    const std::string* text = tree.Read(path);
    re2::StringPiece rest(text == nullptr ? std::string_view() : std::string_view(*text));
    std::string name;
    while (RE2::FindAndConsume(&rest, kImport, &name)) {
      imports.insert(name);
    }
  }
  return imports;
}

}  // namespace casemate::analysis
