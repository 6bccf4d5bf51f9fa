// An analysis as JSON.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tools/analysis/analysis_json.h"

namespace casemate::analysis {

TEST_CASE("names of directories that are no UTF-8 make JSON all the same") {
  Analysis analysis;
  analysis.libraries = {"lib/\xff"};
  App app;
  app.directory = "\xfe";
  app.traits = {{"main", "\xff.js"}};
  analysis.apps.push_back(app);
  const nlohmann::json json = AnalysisJson(analysis);
  CHECK_NOTHROW(json.dump());
  CHECK(json["libraries"][0] == "lib/\xef\xbf\xbd");
}

}  // namespace casemate::analysis
