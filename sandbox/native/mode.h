// Mode: what happens when this machine cannot enforce a layer of the sandbox. One mode holds for
// all that a launcher runs. Pure functions, shared by the server and the launcher.
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string_view>

namespace casemate::sandbox {

enum class Mode : std::uint8_t {
  kStrict,      // nothing runs
  kBestEffort,  // Landlock and /proc may be missing, limits not held; the result says so
};

constexpr const char* NameOf(Mode mode) {
  return mode == Mode::kStrict ? "strict" : "best_effort";
}

constexpr std::optional<Mode> ModeNamed(std::string_view name) {
  for (const Mode mode : {Mode::kStrict, Mode::kBestEffort}) {
    if (name == NameOf(mode)) {
      return mode;
    }
  }
  return std::nullopt;
}

// The kernel offers no Landlock at all. One that offers it and then fails is never excused.
constexpr bool MayLackLandlock(Mode mode) {
  return mode == Mode::kBestEffort;
}

// Mounting /proc failed with `err`: may the sandbox have none? Only where the kernel refused it, as
// it does in a container with a masked /proc; other errors are a broken machine.
constexpr bool MayLackProc(Mode mode, int err) {
  return mode == Mode::kBestEffort && (err == EPERM || err == EACCES);
}

// Of the limits `stated` by the caller (any bits), those that must be held and are not. Limits of a
// profile are not among them: what holds those, if anything, is in the result.
constexpr std::uint32_t MissingLimits(Mode mode, std::uint32_t stated, std::uint32_t held) {
  return mode == Mode::kStrict ? stated & ~held : 0;
}

}  // namespace casemate::sandbox
