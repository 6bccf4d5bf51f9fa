// What makes a container as good as root on the host: to run a command in it, or to change its
// state, takes the right `privileged_targets`. Pure.
#pragma once

#include <string>
#include <vector>

#include "sandbox/container/engine/types.h"

namespace casemate::container {

// In words of a closed set with details: "privileged", "host_network", "host_pid", "host_ipc",
// "capability:SYS_ADMIN", "device:/dev/sda", "device_rule:a *:* rwm", "engine_socket",
// "host_mount:/etc", "unconfined:seccomp", "unconfined:paths". Empty: none was found.
std::vector<std::string> DangersOf(const ContainerDetails& container);

}  // namespace casemate::container
