// Where commands join: a container that runs. Plain value; `engine` outlives it.
#pragma once

#include <string>

#include "sandbox/container/engine/engine.h"

namespace casemate::container {

struct ExecPlace {
  const Engine& engine;
  std::string container;   // its id
  bool has_guard = false;  // Casemate made it: its guard's program is mounted there
};

}  // namespace casemate::container
