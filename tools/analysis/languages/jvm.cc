// The languages of the JVM: Java, Kotlin, Scala, Clojure, Groovy, by their build tools.
#include "tools/analysis/languages/jvm.h"

#include "tools/analysis/languages/languages.h"

namespace casemate::analysis {

LanguageFindings AnalyseJvm(const SourceTree& tree, const std::string& directory) {
  // Of several build tools in one directory the first is what is meant: others are left over.
  for (const auto analyse : {AnalyseMaven, AnalyseGradle, AnalyseSbt, AnalyseClojure}) {
    LanguageFindings findings = analyse(tree, directory);
    if (!findings.apps.empty() || findings.monorepo) {
      return findings;
    }
  }
  return {};
}

}  // namespace casemate::analysis
