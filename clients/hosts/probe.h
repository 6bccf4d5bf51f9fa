// Starts a server as a host would, speaks to it, and says how it went. Blocks for some seconds at
// most; what it started has ended when it returns. One thread.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "clients/hosts/child.h"

namespace casemate::hosts {

struct ProbeLimits {
  std::chrono::milliseconds answer{10'000};  // for each request
  std::chrono::milliseconds end{3'000};      // after its input was closed
};

struct Probe {
  std::string server;                 // name and version
  std::vector<std::string> editions;  // that it answered in
  std::size_t tools = 0;
  double first_reply_ms = 0;  // since the start of the process
  double tools_ms = 0;        // until the whole list was there
  std::string problem;        // what was wrong first, or empty
  std::string complaints;     // the end of its standard error, if there was a problem
};

// The error: it could not be started at all.
Result<Probe> ProbeServer(const CommandLine& line, const ProbeLimits& limits = {});

}  // namespace casemate::hosts
