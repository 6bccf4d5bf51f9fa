// What the server and the guard in a container tell each other over the container's stdin and
// stdout. Plain structs of one machine, as they lie in memory; the guard believes none of them.
//
//   guard → server   Hello
//   server → guard   Order, then `files` times FileHead + path + content; the rest is the stdin of
//                    the command
//   guard → server   what the command writes, and after all of it, when nothing is left that could
//                    write, End
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace casemate::container::guard {

inline constexpr std::uint64_t kHelloMagic = 0x31'44'52'41'55'47'4d'43;  // "CMGUARD1"
inline constexpr std::uint64_t kOrderMagic = 0x31'52'44'52'4f'47'4d'43;  // "CMGORDR1"

// Where both directions find it: mounted read-only.
inline constexpr const char* kDirectory = "/.casemate";
inline constexpr const char* kProgram = "/.casemate/guard";
inline constexpr const char* kFilter = "/.casemate/filter";  // array of struct sock_filter
inline constexpr const char* kCodeDirectory = "/run/casemate/";

using Nonce = std::array<std::uint8_t, 16>;

// The working directory, as the container sees it: the server compares it with what was judged.
struct Hello {
  std::uint64_t magic = kHelloMagic;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

struct Order {
  std::uint64_t magic = kOrderMagic;
  Nonce nonce{};
  std::uint32_t files = 0;
  std::uint32_t padding = 0;
};

struct FileHead {
  std::uint64_t size = 0;
  std::uint32_t path_size = 0;  // of a path below the working directory or kCodeDirectory
  std::uint32_t mode = 0;
};
inline constexpr std::uint32_t kMaxPath = 4096;

enum class EndKind : std::uint32_t {
  kExited = 1,      // `value`: exit code
  kSignaled = 2,    // `value`: signal
  kExecFailed = 3,  // `value`: errno
  kSetupFailed = 4  // `value`: errno; nothing ran
};

// Recognised by its nonce, which no command ever sees.
struct End {
  Nonce nonce{};
  EndKind kind = EndKind::kExited;
  std::int32_t value = 0;
  std::int64_t cpu_us = 0;
  std::int64_t max_memory_kb = 0;  // of the largest process
};

// What begins the one line on stderr of a command that joined and could not be started; then its
// secret and the errno.
inline constexpr const char* kCannotRun = "casemate: cannot run the program: ";
inline constexpr std::size_t kMaxSecret = 64;

// Exit codes of the guard itself, as shells use them.
inline constexpr int kExitSetup = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;
inline constexpr int kExitSignal = 128;  // plus the signal

}  // namespace casemate::container::guard
