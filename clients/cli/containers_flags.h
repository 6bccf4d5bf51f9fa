// The flags of `casemate containers`. Pure, like the rest of the command line, but for complaints.
#pragma once

#include <CLI/CLI.hpp>

#include <optional>
#include <string>
#include <vector>

#include "clients/cli/containers_args.h"

namespace casemate::cli {

struct ContainersFlags {
  ContainersListArgs list;
  ContainersStatusArgs status;
  ContainersLogsArgs logs;
  ContainersExecArgs exec;
  ContainersOptimizeArgs optimize;
};

void AddContainers(CLI::App& app, ContainersFlags& flags);
// Which of its subcommands was given; `command` is what followed --. nullopt, after a complaint:
// it cannot be meant so.
std::optional<ContainersArgs> ContainersWork(const CLI::App& app, ContainersFlags flags,
                                             std::vector<std::string> command);

}  // namespace casemate::cli
