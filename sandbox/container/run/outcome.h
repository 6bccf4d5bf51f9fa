// How a command's end in a container becomes a SandboxOutcome, and which layers held it. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sandbox/container/engine/types.h"
#include "sandbox/container/guard/protocol.h"
#include "sandbox/container/run/container_spec.h"
#include "sandbox/native/outcome.h"

namespace casemate::container {

struct EndFacts {
  sandbox::StopReason reason = sandbox::StopReason::kNone;
  std::optional<guard::End> end;  // none: the guard did not come to it, or there was none
  int exit_code = 0;              // as the engine tells it: 128 plus a signal
  bool oom_killed = false;
  std::string engine_error;
  std::string program;  // argv[0]
};

void SetEnd(const EndFacts& facts, sandbox::SandboxOutcome& outcome);
// Nothing of the command ran, because of `err` (errno).
void SetNotExecutable(const std::string& program, int err, sandbox::SandboxOutcome& outcome);

// Of a container that was made from `spec`.
std::vector<sandbox::Layer> LayersOf(const EngineInfo& engine, const ContainerSpec& spec);
// Of a command that joined one; `has_guard`: the guard started it there.
std::vector<sandbox::Layer> LayersOf(const EngineInfo& engine, const ContainerDetails& container,
                                     bool has_guard);

}  // namespace casemate::container
