#include "sandbox/container/run/dangers.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "sandbox/container/guard/protocol.h"
#include "sandbox/container/run/guard_files.h"

namespace casemate::container {
namespace {

// Each of them, alone, leads out of a container or into other users' data.
constexpr std::array<std::string_view, 16> kHarmful = {
    "ALL",      "SYS_ADMIN", "SYS_MODULE",         "SYS_PTRACE", "SYS_RAWIO",    "SYS_BOOT",
    "SYS_TIME", "NET_ADMIN", "DAC_READ_SEARCH",    "MAC_ADMIN",  "MAC_OVERRIDE", "SYSLOG",
    "BPF",      "PERFMON",   "CHECKPOINT_RESTORE", "MKNOD"};
// Directories of the host from which it can be taken over, when they can be written to; and those
// that must not even be read.
constexpr std::array<std::string_view, 12> kSystem = {"/",     "/bin",  "/boot",  "/dev",
                                                      "/etc",  "/lib",  "/lib64", "/opt",
                                                      "/root", "/sbin", "/usr",   "/var"};
constexpr std::array<std::string_view, 7> kNever = {
    "/", "/dev", "/proc", "/root", "/sys", "/var/lib/containers", "/var/lib/docker"};
// By these, too, whoever may write takes over the host: the service managers' sockets start
// programs.
constexpr std::array<std::string_view, 9> kSockets = {
    "docker.sock",     "podman.sock",    "containerd.sock", "crio.sock",        "docker-raw.sock",
    "dockershim.sock", "buildkitd.sock", "systemd/private", "system_bus_socket"};
constexpr std::array<std::string_view, 9> kSocketHolders = {
    "", "/docker", "/podman", "/containerd", "/crio", "/buildkit", "/systemd", "/dbus", "/user"};

// A leading CAP_ is one way to write it.
std::string_view WithoutPrefix(std::string_view name) {
  return name.starts_with("CAP_") ? name.substr(4) : name;
}

// `path` is `parent` or lies below it.
bool IsBelow(std::string_view path, std::string_view parent) {
  return path == parent || (parent != "/" && path.starts_with(parent) &&
                            path.size() > parent.size() && path[parent.size()] == '/');
}

bool IsEngineSocket(std::string_view source, std::string_view socket) {
  const auto is_socket = [&](std::string_view name) {
    return source.size() > name.size() && source.ends_with(name) &&
           source[source.size() - name.size() - 1] == '/';
  };
  // The directories that hold them, too: all of them lie directly in one of /run's.
  const auto is_holder = [&](std::string_view run) {
    return std::ranges::any_of(kSocketHolders, [&](std::string_view holder) {
      return source.starts_with(run) && source.substr(run.size()) == holder;
    });
  };
  return std::ranges::any_of(kSockets, is_socket) || IsBelow(socket, source) || is_holder("/run") ||
         is_holder("/var/run");
}

// By a namespace of the host or, by its path, of any process.
bool IsHosts(std::string_view mode) {
  return mode == "host" || mode.starts_with("ns:");
}

// A filter of one's own, as JSON, that lets pass what it does not name.
bool AllowsAll(std::string_view option) {
  constexpr std::string_view kDefault = "\"defaultAction\"";
  const auto at = option.find(kDefault);
  if (!option.starts_with("seccomp") || at == std::string_view::npos) {
    return false;
  }
  const auto begin = option.find('"', at + kDefault.size());
  const std::string_view action = begin == std::string_view::npos ? "" : option.substr(begin + 1);
  return action.starts_with("SCMP_ACT_ALLOW") || action.starts_with("SCMP_ACT_LOG");
}

void AddMount(const std::string& source, bool writable, std::string_view socket,
              std::vector<std::string>& found) {
  if (IsEngineSocket(source, socket)) {
    found.emplace_back("engine_socket");
    return;
  }
  const auto below = [&](std::string_view parent) { return IsBelow(source, parent); };
  const auto holds = [&](std::string_view child) { return IsBelow(child, source); };
  if (std::ranges::any_of(kNever, below) || std::ranges::any_of(kNever, holds) ||
      (writable && std::ranges::any_of(kSystem, below))) {
    found.push_back("host_mount:" + source);
  }
}

// What Casemate mounts into each container that it makes: its guard, in a directory named by a
// digest (guard_files.h). The directory above may be one of root's.
bool IsGuard(const Mount& mount) {
  const auto is_digest = [](std::string_view path) {
    const std::string_view name = path.substr(path.rfind('/') + 1);
    return name.size() == kGuardDigits &&
           name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  };
  return mount.destination == guard::kDirectory && !mount.writable && is_digest(mount.source) &&
         (mount.leads_to.empty() || is_digest(mount.leads_to));
}

void AddMounts(const ContainerDetails& container, std::vector<std::string>& found) {
  for (const Mount& mount : container.mounts) {
    if (mount.kind != "bind" || IsGuard(mount)) {
      continue;
    }
    for (const std::string& path : {mount.source, mount.leads_to}) {
      if (!path.empty()) {
        AddMount(path, mount.writable, container.engine_socket, found);
      }
    }
  }
}

}  // namespace

std::vector<std::string> DangersOf(const ContainerDetails& container) {
  std::vector<std::string> found;
  if (container.privileged) {
    found.emplace_back("privileged");
  }
  if (IsHosts(container.network_mode)) {
    found.emplace_back("host_network");
  }
  if (IsHosts(container.pid_mode)) {
    found.emplace_back("host_pid");
  }
  if (IsHosts(container.ipc_mode)) {
    found.emplace_back("host_ipc");
  }
  for (const std::string& name : container.added_capabilities) {
    if (std::ranges::find(kHarmful, WithoutPrefix(name)) != kHarmful.end()) {
      found.push_back("capability:" + std::string(WithoutPrefix(name)));
    }
  }
  for (const std::string& device : container.devices) {
    found.push_back("device:" + device);
  }
  for (const std::string& rule : container.device_rules) {
    found.push_back("device_rule:" + rule);
  }
  for (const std::string& option : container.security_options) {
    if (option.ends_with("unconfined") || option.ends_with("disable") || AllowsAll(option)) {
      found.push_back("unconfined:" + option.substr(0, option.find_first_of("=:")));
    }
  }
  if (container.unmasked) {
    found.emplace_back("unconfined:paths");
  }
  AddMounts(container, found);
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace casemate::container
