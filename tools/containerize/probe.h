// HEALTHCHECK commands that need nothing in the image beyond what runs the application. Pure;
// thread-safe.
#pragma once

#include <string>

namespace casemate::containerize {

// What the last stage has to ask with.
enum class ProbeTool { kNone, kNode, kBun, kDeno, kPython, kRuby, kPhp, kBash, kBusybox };

struct Probe {
  ProbeTool tool = ProbeTool::kNone;
  std::string port;
  bool reads_port = false;  // the image sets PORT, and whoever starts it may set another
  std::string path;  // an answer below 400 is good; empty: that the port takes connections is
};

// The JSON array after HEALTHCHECK … CMD; empty when there is no tool.
std::string ProbeCommand(const Probe& probe);

}  // namespace casemate::containerize
