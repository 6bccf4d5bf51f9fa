// ContainerSpec: everything that a new container is made from. Only ContainerSpecBuilder makes one,
// and it needs a Grant: closed by default, and each opening is a right of the grant
// (policies/container_rights.h). There is no field for what nobody may have: privileged mode, the
// host's namespaces, devices, an engine's socket. Plain value otherwise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "policies/grant.h"
#include "sandbox/container/engine/types.h"

namespace casemate::container {

// A directory of the host, by the path under which the engine reaches it.
struct BindMount {
  std::string source;
  std::string destination;
  bool writable = false;
};

// In memory; counts as memory of the container.
struct TmpfsMount {
  std::string destination;
  std::int64_t size_bytes = 0;
  std::uint32_t mode = 01777;
};

struct PublishedPort {
  int port = 0;  // in the container
  std::string protocol = "tcp";
  std::string host_address = "127.0.0.1";
  int host_port = 0;  // 0: any that is free
};

class ContainerSpec {
 public:
  std::string name;                      // empty: the engine's choice
  std::string image_id;                  // "sha256:…": what was judged is what runs
  std::vector<std::string> entry_point;  // empty: the image's
  std::vector<std::string> command;      // empty: the image's
  std::vector<std::string> environment;  // "NAME=value", added to the image's
  std::string working_directory;         // empty: the image's
  std::string user;                      // "uid:gid", in digits
  Labels labels;
  policies::Limits limits;
  std::string network = "none";
  bool read_only_root = true;
  // As the engine runs it (types.h); its command is one of the guard's. No test: none, whatever the
  // image says.
  HealthCheck health_check;
  bool open_stdin = false;
  bool keeps_log = true;                  // the engine records what it writes, within bounds
  bool keep_user = false;                 // rootless Podman: the user in it is the one outside
  std::vector<std::string> capabilities;  // added to none, without CAP_
  std::vector<BindMount> binds;
  std::vector<TmpfsMount> tmpfs;
  std::vector<PublishedPort> ports;
  std::string restart_policy = "no";

 private:
  friend class ContainerSpecBuilder;
  ContainerSpec() = default;
};

// An image as it was resolved before policy judged it.
struct JudgedImage {
  std::string id;
  bool is_pinned = false;  // the configuration names it by digest
};

class ContainerSpecBuilder {
 public:
  // `engine` is where it is made: what that does not hold is no limit.
  ContainerSpecBuilder(const policies::Grant& grant, const JudgedImage& image,
                       const EngineInfo& engine);

  // For all that is not checked against the grant: names, labels, command, environment.
  [[nodiscard]] ContainerSpec& spec() { return spec_; }
  // Requested limits; the result is their intersection with the grant's.
  ContainerSpecBuilder& Limits(const policies::Limits& requested);
  // `canonical_path` lies below an allowed root and was judged by policy.
  ContainerSpecBuilder& HostWorkspace(std::string canonical_path, std::string destination,
                                      bool writable);
  // Where the image has volumes, something of bounded size: else engines make them on their disk,
  // to be written to without a bound. Call when all else is mounted.
  ContainerSpecBuilder& CoverVolumes(const std::vector<std::string>& volumes,
                                     std::int64_t size_bytes);
  // What only Casemate itself mounts: read-only, and no matter of policy.
  ContainerSpecBuilder& OwnFiles(std::string path, std::string destination);

  // Errors: kPermissionDenied naming the right that the grant lacks; kInvalidArgument for what no
  // right opens.
  Result<ContainerSpec> Build() &&;

 private:
  ContainerSpec spec_;
  policies::Limits ceiling_;
  policies::WorkspaceAccess access_;
  policies::ContainerRights rights_;
  bool is_pinned_;
  std::vector<std::string> unheld_;  // limits that the engine does not hold
  std::vector<BindMount> own_;
};

// Whether a right can grant it at all.
bool IsGrantable(std::string_view capability);
inline constexpr std::string_view kGrantableNames =
    "some of CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, NET_BIND_SERVICE, "
    "SYS_CHROOT, AUDIT_WRITE";
// "uid" or "uid:gid", in digits.
bool IsNumericUser(std::string_view user);

// Errors: kPermissionDenied: "policy does not grant the right `use` …". `what` says for what.
Result<void> Demand(const policies::ContainerRights& rights, policies::ContainerRight right,
                    const std::string& what, const std::string& field);

}  // namespace casemate::container
