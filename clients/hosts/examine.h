// What `casemate client doctor` finds out about one entry of one host: whether the host could start
// it. Blocks while it is tried. One thread.
#pragma once

#include <string>
#include <vector>

#include "clients/hosts/host.h"
#include "clients/hosts/probe.h"

namespace casemate::hosts {

enum class State {
  kWell,
  kNoEntry,  // the file, or the entry in it, is not there
  kWrong,
  kNotExamined,  // reached by URL, or not ours to start
};

struct Examination {
  State state = State::kNoEntry;
  std::string where;    // FILE:LINE:COLUMN of the entry, or the file
  std::string problem;  // kWrong; why it was kNotExamined
  std::string remedy;   // what to change, and where
  std::vector<std::string> command;
  Probe probe;  // if it could be started
};

// A command line in the environment that hosts give their servers: whose home it is, a PATH with
// the system's programs only, the root directory to begin in.
CommandLine AsHostStarts(std::string program, std::vector<std::string> args,
                         const std::string& home);

// `self`: path of this program. A project's file comes from whoever wrote the project, and hosts
// ask before they start what it names: only this program is started from there, with plain flags.
Examination Examine(const Host& host, const Target& target, const Surroundings& surroundings,
                    const std::string& self);

}  // namespace casemate::hosts
