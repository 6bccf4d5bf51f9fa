#include "policies/profiles/profile.h"

#include <array>
#include <vector>

#include "base/text.h"

namespace casemate::policies {

namespace {

constexpr Limits kEveryday = {.memory_mb = 512,
                              .cpu_millis = 1000,
                              .pids = 128,
                              .wall_ms = 60'000,
                              .output_kb = 64,
                              .disk_mb = 256};
constexpr Limits kSmall = {.memory_mb = 128,
                           .cpu_millis = 500,
                           .pids = 32,
                           .wall_ms = 10'000,
                           .output_kb = 64,
                           .disk_mb = 32};
constexpr Limits kBuild = {.memory_mb = 4096,
                           .cpu_millis = 4000,
                           .pids = 512,
                           .wall_ms = 600'000,
                           .output_kb = 256,
                           .disk_mb = 2048};

}  // namespace

std::span<const Profile> ShippedProfiles() {
  static const std::array<Profile, 5> profiles = {{
      {"default", "Everyday commands and snippets; a host workspace is mounted read-write.",
       kEveryday, WorkspaceMode::kReadWrite},
      {"small", "Short, untrusted snippets on a tight budget of memory, time and processes.",
       kSmall, WorkspaceMode::kReadWrite},
      {"build", "Compilers and test suites: more memory, more processes, ten minutes.", kBuild,
       WorkspaceMode::kReadWrite},
      {"inspect", "Looking only: a host workspace is mounted read-only.", kEveryday,
       WorkspaceMode::kReadOnly},
      {"scratch",
       "Trial runs: changes to a host workspace live in memory and are dropped at the end.",
       kEveryday, WorkspaceMode::kOverlay},
  }};
  return profiles;
}

Result<Profile> FindProfile(std::string_view name) {
  std::vector<std::string_view> names;
  std::vector<std::string> texts;
  for (const Profile& profile : ShippedProfiles()) {
    if (profile.name == name) {
      return profile;
    }
    names.push_back(profile.name);
    texts.push_back(profile.name);
  }
  // Bounded and escaped: the name comes from the caller and is shown to people.
  std::string message = "expected a profile name, got `" +
                        EscapeControls(ToValidUtf8(name.substr(0, 64)), false) + "`";
  if (const auto nearest = NearestName(name.substr(0, 64), names)) {
    message += "; did you mean `" + *nearest + "`?";
  }
  Error error = InvalidArgument("args.profile", std::move(message));
  error.remedy = "use one of: " + Join(texts, ", ");
  return error;
}

std::string_view ToString(WorkspaceMode mode) {
  switch (mode) {
    case WorkspaceMode::kReadWrite:
      return "read_write";
    case WorkspaceMode::kReadOnly:
      return "read_only";
    case WorkspaceMode::kOverlay:
      return "overlay";
  }
  return "read_only";
}

}  // namespace casemate::policies
