// The analysers of languages, a file each (language.h says what they do). Stateless; thread-safe.
#pragma once

#include <string>

#include "tools/analysis/language.h"

namespace casemate::analysis {

// Also Bun, and what browsers run: package.json.
LanguageFindings AnalyseNode(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalysePython(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseGo(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseRust(const SourceTree& tree, const std::string& directory);
// Java, Kotlin, Scala, Clojure: Maven, Gradle, sbt, Leiningen, tools.deps.
LanguageFindings AnalyseJvm(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseDotnet(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalysePhp(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseRuby(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseElixir(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseDeno(const SourceTree& tree, const std::string& directory);
// C and C++: CMake, Meson, Make.
LanguageFindings AnalyseNativeCode(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseDart(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseSwift(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseHaskell(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseZig(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseCrystal(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseGleam(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseStaticSite(const SourceTree& tree, const std::string& directory);
LanguageFindings AnalyseShell(const SourceTree& tree, const std::string& directory);

}  // namespace casemate::analysis
