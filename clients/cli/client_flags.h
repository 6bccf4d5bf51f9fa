// The flags of `casemate client`. Pure, like the rest of the command line.
#pragma once

#include <CLI/CLI.hpp>

#include "clients/cli/command_line.h"

namespace casemate::cli {

struct ClientFlags {
  ClientEntryArgs entry;
  ClientDoctorArgs doctor;
};

void AddClient(CLI::App& app, ClientFlags& flags);
// Which of its subcommands was given.
Command ClientCommand(const CLI::App& app, ClientFlags flags);

}  // namespace casemate::cli
