// The facts that plans of container_optimize are made from, and that tell before an action is
// executed whether they still hold. Only looks: nothing is changed. Gathering blocks; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/container/containers.h"
#include "tools/container_meter.h"
#include "tools/container_optimize_plan.h"
#include "tools/tool.h"

namespace casemate::tools {

// Borrows all.
struct OptimizeSource {
  const container::Engine& engine;
  container::Containers& containers;
  ContainerMeter& meter;
  CallContext& context;  // the caller, whose containers are `own`; stop token and progress
};

struct OptimizeFacts {
  EngineFacts engine;
  std::vector<ContainerFacts> containers;
  std::vector<std::string> blind_spots;  // what could not be seen, and why
};

// Of all containers, with what they reach by detours, and the engine's disk. Errors: those of
// Engine::List; kUnavailable; kCancelled.
Result<OptimizeFacts> GatherAll(const OptimizeSource& source);
// Of one that was found just now (Containers::Find); of the disk only if it is stopped.
OptimizeFacts GatherOne(const OptimizeSource& source, container::ContainerDetails details);
// The same without the disk.
ContainerFacts LookAt(const OptimizeSource& source, container::ContainerDetails details);
EngineFacts LookAtEngine(const OptimizeSource& source);

}  // namespace casemate::tools
