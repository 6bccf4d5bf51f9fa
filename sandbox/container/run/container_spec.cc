#include "sandbox/container/run/container_spec.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace casemate::container {
namespace {

using policies::ContainerRight;

// What engines give by default, less what lets a process change what it is (SETPCAP, SETFCAP),
// make devices (MKNOD) or forge packets (NET_RAW).
constexpr std::array<std::string_view, 10> kGrantable = {
    "CHOWN",  "DAC_OVERRIDE", "FOWNER",           "FSETID",     "KILL",
    "SETGID", "SETUID",       "NET_BIND_SERVICE", "SYS_CHROOT", "AUDIT_WRITE"};
constexpr std::array<std::string_view, 4> kRestartPolicies = {"no", "always", "on-failure",
                                                              "unless-stopped"};

bool Holds(const std::vector<std::string>& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

bool IsLoopback(std::string_view address) {
  return address == "127.0.0.1" || address == "::1";
}

// "0", "0:0", "0:5": all of them are root.
bool IsRoot(std::string_view user) {
  const std::string_view uid = user.substr(0, user.find(':'));
  return uid.empty() || std::ranges::all_of(uid, [](char c) { return c == '0'; });
}

// Shares a namespace of the host or of another container.
bool IsShared(std::string_view network) {
  return network == "host" || network.starts_with("container:") || network.starts_with("ns:");
}

Result<void> CheckNetwork(const ContainerSpec& spec, const policies::ContainerRights& rights) {
  if (IsShared(spec.network)) {
    return InvalidArgument(
        "args.network",
        "expected `none` or a network of the engine's own, got " + Quoted(spec.network));
  }
  if (spec.network != "none") {
    if (auto may = Demand(rights, ContainerRight::kNetwork, "a network", "args.network"); !may) {
      return may;
    }
  }
  if (spec.ports.empty()) {
    return {};
  }
  if (spec.network == "none") {
    return InvalidArgument("args.ports", "expected a network other than `none` for ports");
  }
  for (const PublishedPort& port : spec.ports) {
    if (!IsLoopback(port.host_address)) {
      return InvalidArgument(
          "args.ports", "expected 127.0.0.1 or ::1 as address, got " + Quoted(port.host_address));
    }
  }
  return Demand(rights, ContainerRight::kPorts, "publishing ports", "args.ports");
}

Result<void> CheckPrivileges(const ContainerSpec& spec, const policies::ContainerRights& rights) {
  if (!IsNumericUser(spec.user)) {
    return InvalidArgument("args.user", "expected uid:gid in digits, got " + Quoted(spec.user));
  }
  if (IsRoot(spec.user)) {
    if (auto may = Demand(rights, ContainerRight::kRoot, "user 0", "args.user"); !may) {
      return may;
    }
  }
  if (!spec.read_only_root) {
    auto may = Demand(rights, ContainerRight::kWritableRoot, "a writable root file system",
                      "args.writable_root");
    if (!may) {
      return may;
    }
  }
  for (const std::string& name : spec.capabilities) {
    if (!IsGrantable(name)) {
      return InvalidArgument("args.capabilities",
                             "expected " + std::string(kGrantableNames) + "; got " + Quoted(name));
    }
  }
  if (!spec.capabilities.empty()) {
    return Demand(rights, ContainerRight::kCapabilities, "capabilities", "args.capabilities");
  }
  return {};
}

Result<void> CheckBinds(const ContainerSpec& spec, policies::WorkspaceAccess access) {
  for (const BindMount& bind : spec.binds) {
    const bool covered = access == policies::WorkspaceAccess::kHostWrite ||
                         (access == policies::WorkspaceAccess::kHostRead && !bind.writable);
    if (!covered) {
      return Error{ErrorCode::kPermissionDenied,
                   bind.writable ? "policy granted no write access to a host workspace"
                                 : "policy granted no access to a host workspace",
                   "args.workspace",
                   "leave the workspace out to get a private one, or change the policy", 0};
    }
    // What separates the parts of a mount for engines.
    if (!bind.source.starts_with('/') ||
        bind.source.find_first_of(std::string_view("\0\n", 2)) != std::string::npos) {
      return InvalidArgument("args.workspace", "expected an absolute path of one line");
    }
  }
  return {};
}

}  // namespace

bool IsGrantable(std::string_view capability) {
  return std::ranges::find(kGrantable, capability) != kGrantable.end();
}

bool IsNumericUser(std::string_view user) {
  return !user.empty() && user.find_first_not_of("0123456789:") == std::string_view::npos &&
         std::ranges::count(user, ':') <= 1 && user.front() != ':' && user.back() != ':';
}

Result<void> Demand(const policies::ContainerRights& rights, ContainerRight right,
                    const std::string& what, const std::string& field) {
  if (rights.Has(right)) {
    return {};
  }
  const std::string name(policies::ToString(right));
  return Error{ErrorCode::kPermissionDenied,
               "policy does not grant `" + name + "`, which " + what + " needs", field,
               "ask your user for a rule with `containers: [" + name + "]`, or do without", 0};
}

ContainerSpecBuilder::ContainerSpecBuilder(const policies::Grant& grant, const JudgedImage& image,
                                           const EngineInfo& engine)
    : ceiling_(grant.limits()),
      access_(grant.workspace_access()),
      rights_(grant.containers()),
      is_pinned_(image.is_pinned) {
  spec_.image_id = image.id;
  spec_.limits = ceiling_;
  spec_.keep_user = engine.kind == EngineKind::kPodman && engine.rootless;
  for (const auto& [holds, name] :
       {std::pair(engine.holds_memory, "memory_mb"), std::pair(engine.holds_cpu, "cpus"),
        std::pair(engine.holds_pids, "pids")}) {
    if (!holds) {
      unheld_.emplace_back(name);
    }
  }
}

ContainerSpecBuilder& ContainerSpecBuilder::Limits(const policies::Limits& requested) {
  spec_.limits = policies::Intersect(ceiling_, requested);
  return *this;
}

ContainerSpecBuilder& ContainerSpecBuilder::HostWorkspace(std::string canonical_path,
                                                          std::string destination, bool writable) {
  spec_.binds.push_back({std::move(canonical_path), std::move(destination), writable});
  return *this;
}

ContainerSpecBuilder& ContainerSpecBuilder::OwnFiles(std::string path, std::string destination) {
  own_.push_back({std::move(path), std::move(destination), false});
  return *this;
}

ContainerSpecBuilder& ContainerSpecBuilder::CoverVolumes(const std::vector<std::string>& volumes,
                                                         std::int64_t size_bytes) {
  for (const std::string& volume : volumes) {
    const auto is_there = [&volume](const auto& mount) { return mount.destination == volume; };
    if (volume.size() > 1 && volume.front() == '/' && !std::ranges::any_of(spec_.tmpfs, is_there) &&
        !std::ranges::any_of(spec_.binds, is_there)) {
      spec_.tmpfs.push_back({volume, size_bytes, 01777});
    }
  }
  return *this;
}

Result<ContainerSpec> ContainerSpecBuilder::Build() && {
  if (auto may = Demand(rights_, ContainerRight::kCreate, "a new container", "args.target"); !may) {
    return std::move(may).error();
  }
  if (!is_pinned_) {
    auto may =
        Demand(rights_, ContainerRight::kUnpinned, "an image without a digest", "args.target");
    if (!may) {
      return std::move(may).error();
    }
  }
  if (!unheld_.empty()) {
    auto may = Demand(rights_, ContainerRight::kUnlimited,
                      "an engine that does not hold " + Join(unheld_, ", "), "args.target");
    if (!may) {
      return std::move(may).error();
    }
  }
  if (!spec_.image_id.starts_with("sha256:")) {
    return InvalidArgument("args.target", "expected an image that was resolved to its id");
  }
  if (std::ranges::find(kRestartPolicies, spec_.restart_policy) == kRestartPolicies.end()) {
    return InvalidArgument(
        "args.restart",
        "expected no, always, on-failure or unless-stopped, got " + Quoted(spec_.restart_policy));
  }
  if (auto checked = CheckNetwork(spec_, rights_); !checked) {
    return std::move(checked).error();
  }
  if (auto checked = CheckPrivileges(spec_, rights_); !checked) {
    return std::move(checked).error();
  }
  if (auto checked = CheckBinds(spec_, access_); !checked) {
    return std::move(checked).error();
  }
  // Who may change its user must be able to signal what it became, the guard above all.
  if (Holds(spec_.capabilities, "SETUID") && !Holds(spec_.capabilities, "KILL")) {
    spec_.capabilities.emplace_back("KILL");
  }
  // Whatever was written there after Limits().
  spec_.limits = policies::Intersect(ceiling_, spec_.limits);
  spec_.binds.insert(spec_.binds.end(), own_.begin(), own_.end());
  return std::move(spec_);
}

}  // namespace casemate::container
