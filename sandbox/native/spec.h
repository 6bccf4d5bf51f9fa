// SandboxSpec: everything one confined command needs, closed by default. Only SandboxSpecBuilder
// makes one, and only from a Grant. Move-only value; owned by one call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "policies/grant.h"

namespace casemate::sandbox {

// How the working directory, always /workspace inside, is made.
enum class WorkspaceKind : std::uint32_t {
  kPrivate = 0,    // an empty size-limited tmpfs
  kReadWrite = 1,  // the host directory
  kReadOnly = 2,   // the host directory, read-only
  kOverlay = 3,    // copy-on-write over the host directory; changes are dropped
};

// A file written before the command starts. Relative paths are below /workspace; absolute ones must
// be below /run/casemate (a private tmpfs for generated code).
struct InjectedFile {
  std::string path;
  std::string content;
  std::uint32_t mode = 0644;
};

class SandboxSpec {
 public:
  std::vector<std::string> argv;  // argv[0] without a slash: in /usr/local/bin, /usr/bin or /bin
  std::vector<std::string> env;   // "NAME=value"; complete, nothing is inherited
  std::string stdin_data;
  std::vector<InjectedFile> files;
  WorkspaceKind workspace = WorkspaceKind::kPrivate;
  UniqueFd workspace_fd;       // O_PATH directory, for the host kinds
  std::string workspace_path;  // its canonical host path
  policies::Limits limits;
  bool must_hold_cpus = false;  // a strict launcher refuses to run this where nothing holds them
  bool must_be_strict = false;  // by policy: only a strict launcher runs this

 private:
  friend class SandboxSpecBuilder;
  SandboxSpec() = default;
};

class SandboxSpecBuilder {
 public:
  explicit SandboxSpecBuilder(const policies::Grant& grant);
  SandboxSpecBuilder& Command(std::vector<std::string> argv);
  // Adds or replaces a variable. PATH, HOME, LANG, TMPDIR, USER and PWD have defaults.
  SandboxSpecBuilder& Env(std::string name, std::string value);
  SandboxSpecBuilder& Stdin(std::string data);
  SandboxSpecBuilder& File(InjectedFile file);
  // `dir` is an O_PATH descriptor that the caller opened and policy judged by `canonical_path`.
  SandboxSpecBuilder& HostWorkspace(UniqueFd dir, std::string canonical_path, WorkspaceKind kind);
  // Requested limits; the result is their intersection with the grant's.
  SandboxSpecBuilder& Limits(const policies::Limits& requested);
  // The caller stated the limit on CPU time, the one limit that nothing holds without a cgroup.
  SandboxSpecBuilder& MustHoldCpus();
  // Errors: kInvalidArgument (empty argv, NUL bytes, paths that climb out, disk above memory),
  // kPermissionDenied (a host workspace that the grant does not cover).
  Result<SandboxSpec> Build() &&;

 private:
  SandboxSpec spec_;
  policies::Limits ceiling_;
  policies::WorkspaceAccess access_;
  std::vector<std::pair<std::string, std::string>> env_;
};

}  // namespace casemate::sandbox
