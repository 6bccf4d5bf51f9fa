// What the analysis of a project of 50,000 files costs over listing them: `git ls-files` and
// `find`, in interleaved rounds.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/bench/child.h"
#include "tests/bench/stats.h"

namespace casemate::bench {

namespace {

constexpr int kDirectories = 2000;
constexpr int kFilesEach = 25;
constexpr int kMostRounds = 30;

// As most code is: files that import, compute, and now and then read a variable.
std::string Code(int directory, int file) {
  std::string text = "const x = require('./f" + std::to_string(file) + "');\n";
  for (int line = 0; line < 12; ++line) {
    text += "export function f" + std::to_string(line) + "(a) { return a + x.g" +
            std::to_string(directory) + "(process.env.NAME); }\n";
  }
  return text;
}

void WriteProject(const std::string& root) {
  std::ofstream(root + "/package.json")
      << R"({"name": "large", "scripts": {"start": "node server.js"}, "dependencies": {"express": "4"}})";
  for (int i = 0; i < kDirectories; ++i) {
    const std::string directory =
        root + "/src/m" + std::to_string(i / 50) + "/p" + std::to_string(i);
    std::filesystem::create_directories(directory);
    for (int j = 0; j < kFilesEach; ++j) {
      std::ofstream(directory + "/f" + std::to_string(j) + ".js") << Code(i, j);
    }
  }
  RunToEnd({"git", "-C", root, "init", "--quiet"});
  RunToEnd({"git", "-C", root, "add", "--all"});
}

}  // namespace

void BenchAnalysis(const Options& options) {
  const ScratchDirectory place;
  WriteProject(place.path());
  const auto medians = MediansMs({[&] { RunQuietly({options.casemate, "analyze", place.path()}); },
                                  [&] {
                                    RunQuietly({"git", "-C", place.path(), "ls-files"});
                                    RunQuietly({"find", place.path()});
                                  }},
                                 std::min(options.rounds, kMostRounds));
  Print("analysis of 50,000 files",
        {{"analyze_ms", "casemate analyze; peer: git ls-files and find", medians[0], "ms",
          medians[1], "<= 2 x"}},
        options);
}

}  // namespace casemate::bench
