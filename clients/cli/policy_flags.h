// The flags of `casemate policy`. Pure, like the rest of the command line.
#pragma once

#include <CLI/CLI.hpp>

#include "clients/cli/policy_args.h"

namespace casemate::cli {

struct PolicyFlags {
  PolicyLintArgs lint;
  PolicyTestArgs test;
  PolicyExplainArgs explain;
  PolicyDiffArgs diff;
  PolicySimulateArgs simulate;
};

void AddPolicy(CLI::App& app, PolicyFlags& flags);
// Which of its subcommands was given.
PolicyArgs PolicyWork(const CLI::App& app, PolicyFlags flags);

}  // namespace casemate::cli
