// What the Engine API says about containers, images and the engine itself, decoded into plain
// values. Nothing in them is trusted: names, labels and commands are a container's own words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace casemate::container {

enum class EngineKind { kDocker, kPodman };

using Labels = std::vector<std::pair<std::string, std::string>>;  // sorted by name

// Names of labels on everything that Casemate makes.
inline constexpr const char* kLabelIncarnation = "io.casemate.incarnation";
inline constexpr const char* kLabelPrincipal = "io.casemate.principal";
inline constexpr const char* kLabelTenant = "io.casemate.tenant";    // of the principal
inline constexpr const char* kLabelPurpose = "io.casemate.purpose";  // "run", "service"

// GET /info and /version.
struct EngineInfo {
  EngineKind kind = EngineKind::kDocker;
  std::string version;         // "20.10.24+dfsg1"
  std::string api_version;     // "1.41"
  std::string storage_driver;  // "overlay2", "vfs"
  std::string cgroup_driver;   // "cgroupfs", "systemd"
  int cgroup_version = 0;      // 1 or 2
  bool rootless = false;
  bool has_seccomp = false;
  // Which bounds it holds; a rootless engine on control groups v1 holds none, and says nothing.
  bool holds_memory = false;
  bool holds_cpu = false;
  bool holds_pids = false;
  std::string log_driver;  // what containers get that name none; Podman does not tell
  std::string runtime;     // the default OCI runtime: "runc"
  std::string root_directory;
  std::int64_t cpus = 0;
  std::int64_t memory_bytes = 0;
  std::vector<std::string> warnings;
};

struct Port {
  std::string address;  // of the host; empty: not published
  int host_port = 0;    // 0: not published
  int port = 0;         // in the container
  std::string protocol = "tcp";
};

struct Mount {
  std::string kind;         // "bind", "volume", "tmpfs"
  std::string source;       // path on the host, or the volume's name
  std::string destination;  // path in the container
  bool writable = false;
  // Where links in `source` lead, when that is another path. The initialiser lets g++ 12 accept
  // initialisers without it.
  std::string leads_to{};  // NOLINT(readability-redundant-member-init)
};

struct HealthCheckRun {
  std::int64_t ended_ms = 0;  // Unix time
  int exit_code = 0;
  std::string output;
};

struct Health {
  std::string status;  // "starting", "healthy", "unhealthy"; empty: it has no health check
  int failing_streak = 0;
  std::vector<HealthCheckRun> log;  // oldest first
};

// All bounds are what the engine holds; 0: none.
struct ContainerLimits {
  std::int64_t memory_bytes = 0;
  std::int64_t cpu_millis = 0;  // thousandths of one processor
  std::int64_t pids = 0;
};

// One row of GET /containers/json.
struct ContainerSummary {
  std::string id;  // 64 hex digits
  std::string name;
  std::string image;  // as it was named at creation
  std::string image_id;
  std::string state;   // "created", "running", "paused", "restarting", "exited", "dead"
  std::string status;  // for people: "Up 3 hours (healthy)"
  std::int64_t created_ms = 0;
  Labels labels;
  std::vector<Port> ports;
};

// GET /containers/{id}/json.
struct ContainerDetails {
  ContainerSummary summary;
  int pid = 0;  // of its first process, in the engine's PID namespace; 0: not running
  int exit_code = 0;
  bool oom_killed = false;
  std::string error;             // why the engine could not start it
  std::int64_t started_ms = 0;   // 0: never
  std::int64_t finished_ms = 0;  // 0: never
  int restart_count = 0;
  std::string restart_policy;  // "no", "always", "on-failure", "unless-stopped"
  Health health;
  ContainerLimits limits;
  std::int64_t memory_swap = 0;  // bound of memory and swap together; -1: none, 0: not stated
  std::vector<Mount> mounts;
  std::vector<std::string> networks;
  std::vector<std::string> command;  // entry point and arguments
  std::string user;                  // as configured; empty: root
  std::string working_directory;
  bool tty = false;
  bool read_only_root = false;
  // What makes it as good as root on the host.
  bool privileged = false;
  std::string network_mode;  // "none", "bridge", "host", "container:…"
  std::string pid_mode;      // "host", "container:…" or empty
  std::string ipc_mode;
  std::vector<std::string> added_capabilities;
  std::vector<std::string> devices;
  std::vector<std::string> device_rules;  // "a *:* rwm": what may be made and used besides
  std::vector<std::string> security_options;
  bool unmasked = false;      // sees all of /proc and /sys and may write there
  std::string engine_socket;  // where the engine listens
  std::string log_driver;
  std::string log_path;
  std::int64_t log_bytes = 0;      // size of log_path where we may see it, else 0
  bool log_unseen = false;         // there is a log_path, and we may not see what lies there
  std::int64_t log_max_bytes = 0;  // what bounds it; 0: none, -1: its engine does not tell
};

// GET /containers/{id}/stats, one reading.
struct Usage {
  std::int64_t read_ms = 0;        // Unix time
  std::int64_t cpu_ns = 0;         // since the start
  std::int64_t system_cpu_ns = 0;  // of the whole machine, where the engine tells it
  std::int64_t memory_bytes = 0;   // without the page cache that can be dropped
  std::int64_t memory_limit = 0;   // 0: none
  std::int64_t cache_bytes = 0;    // page cache that can be dropped
  std::int64_t pids = 0;
  std::int64_t network_received = 0;  // bytes since the start, all interfaces
  std::int64_t network_sent = 0;
  std::int64_t disk_read = 0;  // bytes since the start
  std::int64_t disk_written = 0;
};

// How often an engine looks whether a container is well; 0: as it does usually.
struct HealthCheck {
  std::vector<std::string> test;  // "CMD" or "CMD-SHELL" and arguments; empty: none
  std::int64_t interval_ns = 0;
  std::int64_t timeout_ns = 0;
  std::int64_t start_period_ns = 0;
  std::int64_t retries = 0;
};

struct ImageDetails {
  std::string id;                    // "sha256:…" of its configuration
  std::vector<std::string> tags;     // "debian:bookworm"
  std::vector<std::string> digests;  // "debian@sha256:…"
  std::string user;                  // empty: root
  std::vector<std::string> entry_point;
  std::vector<std::string> command;
  std::vector<std::string> environment;  // "NAME=value"
  std::string working_directory;
  std::vector<std::string> volumes;  // paths
  HealthCheck health_check;
  std::string architecture;
  std::int64_t size_bytes = 0;
};

// An image without a name, which no container uses: the remains of builds.
struct DanglingImage {
  std::string id;               // "sha256:…"
  std::int64_t size_bytes = 0;  // of what it shares with no other image
};

struct VolumeUse {
  std::string name;
  std::int64_t size_bytes = 0;  // 0: not known, too
  bool used = false;            // by a container, be it stopped
};

// GET /system/df: what lies on the engine's disk.
struct DiskUsage {
  std::vector<DanglingImage> dangling;
  std::vector<VolumeUse> volumes;
  // By container's id, what it wrote into its own layer; those that wrote nothing may be missing.
  std::vector<std::pair<std::string, std::int64_t>> written;
  std::int64_t image_bytes = 0;       // of all images, what they share counted once
  std::int64_t idle_cache_bytes = 0;  // build cache that nothing uses; 0 where there is none
  std::int64_t idle_cache_entries = 0;
};

// One line of GET /events.
struct EngineEvent {
  std::int64_t time_ns = 0;  // Unix time
  std::string type;          // "container", "image", "network", …
  std::string action;        // "start", "die", "health_status: unhealthy"
  std::string id;
  Labels attributes;
};

}  // namespace casemate::container
