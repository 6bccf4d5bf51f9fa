// Machine: what of this machine decides which layers of the sandbox can be had, and what to do
// about those that cannot. Values as they were when it was looked at; thread-safe.
#pragma once

#include <span>
#include <string>

namespace casemate::sandbox {

struct Machine {
  std::string kernel;     // release, "6.1.0-18-cloud-amd64"
  std::string container;  // "docker", "podman", …, "unknown"; empty: none
  // Switches against user namespaces of ordinary users.
  bool apparmor_restricts = false;  // kernel.apparmor_restrict_unprivileged_userns=1 (Ubuntu)
  bool clone_is_off = false;        // kernel.unprivileged_userns_clone=0 (Debian, formerly)
  bool none_allowed = false;        // user.max_user_namespaces=0
  // Known only once they were tried.
  int landlock_abi = 0;    // 0: none
  int cgroup_version = 0;  // of the groups that the sandbox may use; 0: none
  bool is_root = false;
};

// Reads /proc and the marks of containers below `root`; "" is the machine's own "/".
Machine LookAtMachine(const std::string& root);

// What to do when user namespaces, or what is made inside them, fail with `err`: the switches that
// are set on this machine, else all known ones. `load_profile`: the commands for AppArmor.
std::string UserNamespaceRemedy(const Machine& machine, int err, const std::string& load_profile);

// "Linux 6.1.0, Landlock ABI 2, control groups v2, ordinary user"
std::string Describe(const Machine& machine);

// A kind of machine on which all attacks of tests/escape were run, and what came out is as
// documented. docs/sandbox.md lists the same.
struct Combination {
  const char* kernel;  // major.minor
  int landlock_abi;
  int cgroup_version;
  bool is_root;
};
std::span<const Combination> TriedCombinations();
std::string Describe(const Combination& combination);
// Inside containers none was tried.
bool IsTried(const Machine& machine);

}  // namespace casemate::sandbox
