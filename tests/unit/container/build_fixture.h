// What tests of builds share: a context, what a build told, recorded answers. Test-only.
#pragma once

#include <fcntl.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "sandbox/container/build/build_client.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container::test {

inline void Put(const casemate::testing::TempDir& dir, std::string_view name,
                std::string_view content) {
  REQUIRE_FALSE(dir.Write(name, content).empty());
}

inline BuildContext ContextOf(const casemate::testing::TempDir& dir,
                              const ContextOptions& options = {}) {
  const UniqueFd fd(open(dir.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto context = BuildContext::Scan(fd.get(), options, {});
  if (!context) {
    FAIL(Describe(context.error()));
  }
  return *std::move(context);
}

// Each event as a line; logs are put together by step.
class Telling {
 public:
  [[nodiscard]] BuildSink sink() {
    return [this](const BuildEvent& event) { Take(event); };
  }
  [[nodiscard]] bool Has(const std::string& line) const {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
  [[nodiscard]] std::string All() const {
    std::string all;
    for (const std::string& line : lines) {
      all += line + "\n";
    }
    return all;
  }

  std::vector<std::string> lines;
  std::string out;
  std::string err;
  std::int64_t progress = 0;

 private:
  void Take(const BuildEvent& event) {
    const char* const names[] = {"begun", "cached", "progress", "log", "done", "failed", "note"};
    const std::string kind = names[static_cast<int>(event.kind)];
    if (event.kind == BuildEventKind::kStepLog) {
      (event.stream == StdStream::kStderr ? err : out) += event.text;
      return;
    }
    if (event.kind == BuildEventKind::kStepProgress) {
      ++progress;
      return;
    }
    if (event.step == nullptr) {
      lines.push_back(kind + ": " + std::string(event.text));
      return;
    }
    const BuildStep& step = *event.step;
    if (step.number > 0) {
      lines.push_back(kind + " " + (step.stage.empty() ? "" : step.stage + " ") +
                      std::to_string(step.number) + "/" + std::to_string(step.total) + " " +
                      step.name.substr(0, step.name.find(' ')));
    }
  }
};

inline std::string Recorded(const std::string& name) {
  std::ifstream file(std::string(CASEMATE_TEST_RECORDED) + "/" + name, std::ios::binary);
  REQUIRE(file.good());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace casemate::container::test
