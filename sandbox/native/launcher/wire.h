// What server and launcher say to each other. Plain structs of fixed layout: no JSON, no
// allocation, no exceptions on the launcher's side. Both ends are built together from this file;
// `kWireVersion` guards against mixing builds.
//
// Control socket (SOCK_SEQPACKET): ControlMessage, with descriptors for kLaunch by SCM_RIGHTS:
//   [0] spec: memfd sealed with F_SEAL_SHRINK|GROW|WRITE|SEAL, starting with LaunchSpec
//   [1] stdin (read end)  [2] stdout (write end)  [3] stderr (write end)
//   [4] run socket (the launcher's end, SOCK_SEQPACKET)
//   [5] workspace directory (O_PATH), only when LaunchSpec.workspace != kPrivate; or, when
//       LaunchSpec.hold is set, a socket: the command starts when a byte comes, and not if EOF
//       comes
// kRoots takes one socket (SOCK_SEQPACKET) on which the server sends one RootEntry for each root,
// and then closes it. Once, before the first launch; without it no host directory can be a
// workspace. kOpen takes one such socket too: server → launcher OpenRequest; launcher → server
// OpenReply, with the open directory (O_PATH) when it lies below a root. EOF instead: it could not
// be tried.
// The launcher answers kReap, and only that, with a ReapAnswer.
// Run socket: server → launcher RunCommand; launcher → server exactly one LaunchReport, then EOF.
// EOF from the server on either socket means: kill it.
#pragma once

#include <cstdint>

// Where a program without a slash is looked up, and what PATH is unless the caller sets it.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): joined with other literals
#define CASEMATE_PROGRAM_PATH "/usr/local/bin:/usr/bin:/bin"

namespace casemate::sandbox::wire {

inline constexpr std::uint32_t kMagic = 0x434d4c31;  // "CML1"
inline constexpr std::uint32_t kWireVersion = 3;
inline constexpr std::uint32_t kMaxSpecBytes = 256U << 20;

inline constexpr std::uint32_t kMaxRoots = 256;
inline constexpr std::uint32_t kPathBytes = 4096;  // as PATH_MAX, with the NUL

enum class ControlKind : std::uint32_t { kLaunch = 1, kReap = 2, kRoots = 3, kOpen = 4 };
struct ControlMessage {
  std::uint32_t magic = kMagic;
  std::uint32_t version = kWireVersion;
  ControlKind kind = ControlKind::kLaunch;
  char incarnation[64] = {};  // kReap: whose cgroups
};

// A directory below which workspaces may lie.
struct RootEntry {
  std::uint32_t writable = 0;
  char path[kPathBytes] = {};  // canonical
};
struct OpenRequest {
  char path[kPathBytes] = {};  // absolute
  char tidy[kPathBytes] = {};  // the same without empty, "." and ".." components
};
struct OpenReply {
  // Why there is no directory at `tidy`, which is named below a root; otherwise 0.
  std::int32_t reason = 0;
  char path[kPathBytes] = {};  // canonical, when a directory comes with this
};

enum class RunCommand : std::uint32_t {
  kTerminate = 1,  // SIGTERM to every process inside
  kKill = 2,       // SIGKILL to the whole sandbox
};

struct ReapAnswer {
  std::uint32_t magic = kMagic;
  std::uint32_t all_gone = 0;  // 0: something is still there
  char incarnation[64] = {};   // as asked
};

// Text or bytes at `offset` from the start of the spec; a NUL follows that `length` does not count.
struct StringRef {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};
// `count` elements at `offset`, which is a multiple of 8.
struct ListRef {
  std::uint32_t offset = 0;
  std::uint32_t count = 0;
};

struct FileEntry {
  StringRef path;  // absolute inside the sandbox: below /workspace or /run/casemate
  StringRef content;
  std::uint32_t mode = 0644;
};

struct LaunchSpec {
  std::uint32_t magic = kMagic;
  std::uint32_t version = kWireVersion;
  std::uint32_t total_bytes = 0;
  std::uint32_t workspace = 0;  // WorkspaceKind
  std::uint32_t hold = 0;       // 1: see [5]; only with a private workspace
  // LayerBit of limits that were stated: a strict launcher runs nothing without them.
  std::uint32_t must_hold = 0;
  ListRef argv;              // StringRef
  ListRef env;               // StringRef
  ListRef files;             // FileEntry
  StringRef workspace_path;  // canonical host path; its identity must be the two below
  std::uint64_t workspace_dev = 0;
  std::uint64_t workspace_ino = 0;
  StringRef seccomp;             // struct sock_filter[]
  std::uint64_t disk_bytes = 0;  // private workspace or overlay
  std::uint64_t disk_inodes = 0;
  std::uint64_t tmp_bytes = 0;  // /tmp
  std::uint64_t tmp_inodes = 0;
  std::uint64_t shm_bytes = 0;     // /dev/shm
  std::uint64_t memory_bytes = 0;  // cgroup, or RLIMIT_DATA where there is none
  std::uint64_t cpu_millis = 0;
  std::uint64_t io_bytes_s = 0;  // read from, and written to, each disk; 0: any rate
  std::uint64_t pids = 0;        // cgroup and RLIMIT_NPROC
  std::uint64_t file_bytes = 0;  // RLIMIT_FSIZE
  std::uint64_t open_files = 0;  // RLIMIT_NOFILE
};

// The set-up steps in their order. The name table is in stages.h.
enum class Stage : std::uint32_t {
  kNone = 0,
  kRequest,       // malformed or unsealed spec
  kLimits,        // a limit that must hold, and that nothing holds
  kCgroup,        // make the cgroup and its limits
  kClone,         // clone3 with the namespaces
  kIdMap,         // uid_map, gid_map, setgroups
  kCgroupAttach,  // the child enters its cgroup
  kPropagation,   // make / private
  kRootTmpfs,     // the new root
  kSystemMounts,  // /usr and its links
  kEtc,           // the generated /etc
  kDev,
  kProc,
  kProcMasks,
  kTmp,  // /tmp, /dev/shm, /run/casemate
  kWorkspace,
  kFiles,  // write the injected files
  kPivotRoot,
  kLoopback,
  kHostname,
  kAwaitRequest,  // a sandbox made ahead waits for its call
  kLockRoot,      // the root becomes read-only
  kRlimits,
  kCapabilities,
  kLandlock,
  kSeccomp,
  kAwaitRelease,  // all stands; the server has not yet said that the command may start
  kFork,          // init starts the command
  kExec,
  kRunning,
};

// Layers that were put in force, as bits of LaunchReport.layers.
enum LayerBit : std::uint32_t {
  kLayerNamespaces = 1U << 0,  // user, mount, pid, net, ipc, uts, cgroup
  kLayerRoot = 1U << 1,        // private root by pivot_root, read-only system
  kLayerProc = 1U << 2,        // a fresh /proc, masked
  kLayerNoCapabilities = 1U << 3,
  kLayerNoNewPrivs = 1U << 4,
  kLayerSeccomp = 1U << 5,
  kLayerLandlock = 1U << 6,
  kLayerRlimits = 1U << 7,
  kLayerCgroupMemory = 1U << 8,
  kLayerCgroupPids = 1U << 9,
  kLayerCgroupCpu = 1U << 10,
  kLayerIdMappedWorkspace = 1U << 11,
  kLayerCgroupIo = 1U << 12,  // of a report: can be; is, when the spec has a rate
};

struct LaunchReport {
  std::uint32_t magic = kMagic;
  Stage stage = Stage::kNone;  // kRunning: the command ran; otherwise where set-up failed
  std::int32_t sys_errno = 0;
  std::int32_t wait_status = 0;     // of the command, as from waitpid(2), when init reported it
  std::uint32_t command_ended = 0;  // 1: wait_status holds; 0: init died first (killed, OOM)
  std::uint32_t layers = 0;         // LayerBit
  std::uint32_t missing = 0;        // stage kLimits: LayerBit of what must hold and does not
  std::uint32_t landlock_abi = 0;
  std::int32_t landlock_errno = 0;   // why there is none
  std::int32_t proc_errno = 0;       // why there is no /proc
  std::uint32_t cgroup_version = 0;  // 0 none, 1, 2
  std::int32_t cgroup_errno = 0;     // why there is none
  std::uint64_t cpu_us = 0;          // user + system, all processes
  std::uint64_t throttled_us = 0;    // held back at the CPU limit, all processors together
  std::uint64_t max_memory_kb = 0;   // cgroup peak, or largest process
  std::uint64_t oom_kills = 0;
  std::uint64_t pids_denied = 0;  // forks refused at the pids limit
  std::uint32_t made_ahead = 0;   // 1: the sandbox stood half-way when its call came
};

}  // namespace casemate::sandbox::wire
