// The arguments of the tool `run`, decoded strictly, and their normalised form for policy and
// trail. Plain values; owned by one call. docs/tools.md describes each argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "policies/profiles/profile.h"
#include "tools/languages.h"
#include "tools/run_target.h"

namespace casemate::tools {

// Closed ranges of the numeric arguments; the input schema states the same ones.
template <typename T>
struct Range {
  T min;
  T max;
};
inline constexpr Range<std::int64_t> kTimeoutMs{1, 86'400'000};
inline constexpr Range<std::int64_t> kMemoryMb{16, 1'048'576};
inline constexpr Range<double> kCpus{0.05, 256};
inline constexpr Range<std::int64_t> kPids{1, 32'768};
inline constexpr Range<std::int64_t> kOutputKb{1, 1024};
inline constexpr Range<std::int64_t> kDiskMb{1, 1'048'576};
inline constexpr Range<std::int64_t> kIoMbS{1, 1'048'576};

inline constexpr std::size_t kMaxInputBytes = std::size_t{16} << 20;  // stdin, files and code
inline constexpr std::size_t kMaxArgumentBytes = 131'071;  // Linux MAX_ARG_STRLEN, without the NUL
inline constexpr std::size_t kMaxCommandBytes = std::size_t{1} << 20;  // command and env together
inline constexpr std::size_t kMaxArguments = 4096;
inline constexpr std::size_t kMaxEnv = 1024;
inline constexpr std::size_t kMaxFiles = 1024;
inline constexpr std::size_t kMaxPathBytes = 1024;

// Limits that the caller stated itself, as opposed to those of the profile.
struct ExplicitLimits {
  std::optional<std::int64_t> memory_mb;
  std::optional<std::int64_t> cpu_millis;
  std::optional<std::int64_t> pids;
  std::optional<std::int64_t> wall_ms;
  std::optional<std::int64_t> output_kb;
  std::optional<std::int64_t> disk_mb;
  std::optional<std::int64_t> io_mb_s;
};

struct RunFile {
  std::string path;  // relative to the working directory; plain names, no ".."
  std::string content;
};

struct RunArgs {
  std::vector<std::string> command;    // empty exactly when `language` is set
  const Language* language = nullptr;  // row of the static table
  std::string code;
  std::optional<std::string> stdin_data;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<RunFile> files;
  std::string workspace;            // absolute host path as given; empty: a private one
  std::optional<RunTarget> target;  // none: the native sandbox
  bool background = false;
  policies::Profile profile;
  ExplicitLimits explicit_limits;
  policies::Limits limits;  // the profile's, overridden by the explicit ones
};

// `has_containers`: `target` may be given. Errors: kInvalidArgument naming the field, what was
// expected and what was got.
Result<RunArgs> DecodeRunArgs(const nlohmann::json& args, const std::string& default_profile,
                              bool has_containers = false);

// What policy judges and the trail keeps: the command (long elements cut, with digest), names of
// variables, digests and sizes of contents; never the value of a variable nor the input itself.
// `workspace` is the path that policy is to judge; empty: none.
nlohmann::json NormaliseRunArgs(const RunArgs& args, const std::string& workspace);

// {memory_mb, cpus, pids, output_kb, disk_mb}, and io_mb_s where there is such a limit
nlohmann::json LimitsJson(const policies::Limits& limits);

}  // namespace casemate::tools
