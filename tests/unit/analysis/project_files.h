// A project of a few files, and what the analysis says of it. Test-only.
#pragma once

#include <fcntl.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "tests/unit/temp_dir.h"
#include "tools/analysis/analyse.h"
#include "tools/analysis/language.h"
#include "tools/analysis/source_tree.h"

namespace casemate::analysis::test {

class ProjectFiles {
 public:
  ProjectFiles(std::initializer_list<std::pair<std::string, std::string>> files) {
    for (const auto& [path, text] : files) {
      Put(path, text);
    }
  }
  void Put(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(dir_ / path).parent_path());
    std::ofstream(dir_ / path, std::ios::binary) << text;
  }
  [[nodiscard]] SourceTree Tree(const TreeLimits& limits = {}) const {
    const UniqueFd fd(open(dir_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto tree = SourceTree::Scan(fd.get(), limits, {});
    REQUIRE(tree);
    return *std::move(tree);
  }
  [[nodiscard]] Analysis Analyse() const {
    const UniqueFd fd(open(dir_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto analysis = AnalyseProject(fd.get(), {}, {});
    REQUIRE(analysis);
    return *std::move(analysis);
  }
  // The only application of it.
  [[nodiscard]] App OneApp() const {
    Analysis analysis = Analyse();
    REQUIRE(analysis.apps.size() == 1);
    return std::move(analysis.apps.front());
  }
  [[nodiscard]] std::string path() const { return dir_.path(); }

 private:
  casemate::testing::TempDir dir_;
};

inline std::string ValueOf(const std::optional<Finding>& finding) {
  return finding ? finding->value : std::string("(none)");
}

}  // namespace casemate::analysis::test
