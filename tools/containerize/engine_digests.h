// Digests of base images as an engine knows them: of what it has, and if wanted of what their
// registry has now. Thread-safe.
#pragma once

#include <memory>
#include <stop_token>

#include "sandbox/container/engine/engine.h"
#include "tools/containerize/base_images.h"

namespace casemate::containerize {

enum class DigestScope {
  kLocal,     // of images that the engine has
  kRegistry,  // else it asks their registries, within 15 seconds each
};

DigestSource EngineDigests(std::shared_ptr<const container::Engine> engine, DigestScope scope,
                           std::stop_token stop = {});

}  // namespace casemate::containerize
