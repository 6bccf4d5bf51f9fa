#include "clients/cli/analyze_command.h"

#include <CLI/CLI.hpp>
#include <fcntl.h>

#include <cerrno>
#include <iostream>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/unique_fd.h"
#include "clients/cli/command_line.h"
#include "tools/analysis/analyse.h"
#include "tools/analysis/analysis_json.h"

namespace casemate::cli {

void AddAnalyze(CLI::App& app, AnalyzeArgs& args) {
  app.add_option("directory", args.directory, "The project; default: this directory");
  app.add_flag("--json", args.json, "Print JSON");
}

int AnalyzeCommand(const AnalyzeArgs& args) {
  const UniqueFd directory(open(args.directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) {
    std::cerr << "casemate: "
              << Describe(ErrnoError("cannot open the directory " + Quoted(args.directory), errno))
              << '\n';
    return kExitUsage;
  }
  const auto analysis = analysis::AnalyseProject(directory.get(), {}, {});
  if (!analysis) {
    std::cerr << "casemate: " << Describe(analysis.error()) << '\n';
    return kExitUsage;
  }
  std::cout << (args.json ? analysis::AnalysisJson(*analysis).dump(2) + "\n"
                          : analysis::AnalysisText(*analysis))
            << std::flush;
  return analysis->apps.empty() ? kExitFailure : kExitOk;
}

}  // namespace casemate::cli
