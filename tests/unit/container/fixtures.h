// What the container tests share: grants, specifications, the engines of the machine. Test-only.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "policies/engine/policy_engine.h"
#include "sandbox/container/run/container_spec.h"

namespace casemate::container::test {

// Only a policy engine makes grants; this one exists to make them for tests.
class TestPolicy : public policies::PolicyEngine {
 public:
  static policies::Grant Everything() {
    policies::Rights rights;
    rights.limits = {.memory_mb = 128,
                     .cpu_millis = 500,
                     .pids = 32,
                     .wall_ms = 60'000,
                     .output_kb = 64,
                     .disk_mb = 16};
    rights.workspace = policies::WorkspaceAccess::kHostWrite;
    rights.containers = policies::ContainerRights::All();
    return Issue(rights, "test-decision", {.id = "tester"});
  }
};

// What engines a test may use: socket paths in the environment, as tests/engines sets them.
inline std::vector<std::string> Engines() {
  std::vector<std::string> sockets;
  for (const char* name : {"CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN"}) {
    if (const char* socket = std::getenv(name); socket != nullptr) {
      sockets.emplace_back(socket);
    }
  }
  return sockets;
}

inline std::string TestImage() {
  const char* image = std::getenv("CASEMATE_TEST_IMAGE");
  return image == nullptr ? "casemate-test/busybox:1" : image;
}

}  // namespace casemate::container::test
