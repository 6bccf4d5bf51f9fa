#include "sandbox/native/machine.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "sandbox/native/report.h"

namespace casemate::sandbox {
namespace {

constexpr auto kTried = std::to_array<Combination>({
    {"6.18", 7, 1, true},
    {"6.18", 7, 0, false},
    {"6.1", 2, 2, true},
    {"6.1", 2, 2, false},
});

// The first line; empty when there is no such file.
std::string LineOf(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The marks alone say little: a virtual machine may have been made from a container's image.
std::string ContainerBelow(const std::string& root) {
  constexpr std::string_view kFirstPidNamespace = "pid:[4026531836]";  // PROC_PID_INIT_INO
  std::error_code failed;
  const auto own = std::filesystem::read_symlink(root + "/proc/self/ns/pid", failed);
  if (failed || own == kFirstPidNamespace) {
    return {};
  }
  for (const auto& [mark, name] :
       {std::pair("/.dockerenv", "docker"), std::pair("/run/.containerenv", "podman")}) {
    if (std::filesystem::exists(root + mark)) {
      return name;
    }
  }
  const std::string name = LineOf(root + "/run/systemd/container");
  return name.empty() ? "unknown" : name;
}

std::string ContainerRemedy(const std::string& container) {
  std::string remedy = "this is a container (" + container + "): ";
  if (container == "docker") {
    return remedy +
           "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
           "--security-opt systempaths=unconfined";
  }
  if (container == "podman") {
    return remedy + "podman run --security-opt seccomp=unconfined --security-opt unmask=ALL";
  }
  return remedy + "let it unshare, mount and see an unmasked /proc";
}

std::string DescribeCombination(std::string_view kernel, int landlock_abi, int cgroup_version,
                                bool is_root) {
  std::string text = "Linux ";
  text += kernel;
  text += landlock_abi > 0 ? ", Landlock ABI " + std::to_string(landlock_abi) : ", no Landlock";
  text += cgroup_version > 0 ? ", control groups v" + std::to_string(cgroup_version)
                             : ", no control groups";
  return text + (is_root ? ", root" : ", ordinary user");
}

// "6.1" of "6.1.0-18-cloud-amd64".
std::string_view MajorMinor(std::string_view release) {
  const std::size_t first = release.find('.');
  const std::size_t end =
      first == std::string_view::npos ? first : release.find_first_not_of("0123456789", first + 1);
  return release.substr(0, end);
}

}  // namespace

Machine LookAtMachine(const std::string& root) {
  Machine machine;
  const std::string kernel = root + "/proc/sys/kernel/";
  machine.kernel = LineOf(kernel + "osrelease");
  machine.container = ContainerBelow(root);
  machine.apparmor_restricts = LineOf(kernel + "apparmor_restrict_unprivileged_userns") == "1";
  machine.clone_is_off = LineOf(kernel + "unprivileged_userns_clone") == "0";
  machine.none_allowed = LineOf(root + "/proc/sys/user/max_user_namespaces") == "0";
  return machine;
}

std::string UserNamespaceRemedy(const Machine& machine, int err, const std::string& load_profile) {
  std::vector<std::string> remedies;
  if (machine.apparmor_restricts) {
    remedies.push_back(
        "AppArmor grants them to programs with a profile only "
        "(kernel.apparmor_restrict_unprivileged_userns=1): " +
        load_profile);
  }
  if (machine.clone_is_off) {
    remedies.emplace_back("sudo sysctl -w kernel.unprivileged_userns_clone=1");
  }
  if (machine.none_allowed) {
    remedies.emplace_back("sudo sysctl -w user.max_user_namespaces=16384");
  }
  if (!machine.container.empty()) {
    remedies.push_back(ContainerRemedy(machine.container));
  }
  return remedies.empty() ? NamespaceRemedy(err) : Join(remedies, "; ");
}

std::string Describe(const Machine& machine) {
  return DescribeCombination(machine.kernel, machine.landlock_abi, machine.cgroup_version,
                             machine.is_root) +
         (machine.container.empty() ? "" : ", in a container (" + machine.container + ")");
}

std::span<const Combination> TriedCombinations() {
  return kTried;
}

std::string Describe(const Combination& combination) {
  return DescribeCombination(combination.kernel, combination.landlock_abi,
                             combination.cgroup_version, combination.is_root);
}

bool IsTried(const Machine& machine) {
  return machine.container.empty() &&
         std::ranges::any_of(kTried, [&machine](const Combination& tried) {
           return tried.kernel == MajorMinor(machine.kernel) &&
                  tried.landlock_abi == machine.landlock_abi &&
                  tried.cgroup_version == machine.cgroup_version &&
                  tried.is_root == machine.is_root;
         });
}

}  // namespace casemate::sandbox
