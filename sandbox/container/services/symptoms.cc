#include "sandbox/container/services/symptoms.h"

#include <algorithm>
#include <array>

#include "sandbox/container/services/proc_entry.h"

namespace casemate::container {
namespace {

constexpr std::size_t kMaxLineBytes = 300;
constexpr std::size_t kMaxSearched = 4096;  // of one line
constexpr std::size_t kMaxLines = 50;       // what was said long before the end is not its cause

constexpr Symptom kPortTaken = {
    "port-conflict", "A port that it needs is taken.",
    "find what holds the port, stop it, or give this container another port"};
constexpr Symptom kFormat = {
    "exec-format", "Its program is for another kind of processor, or is a script without `#!`.",
    "use an image of this machine's architecture, or begin the script with its interpreter"};
constexpr Symptom kMissing = {
    "command-not-found", "The command that it should run does not exist in the image.",
    "correct the command or entry point, or install the program in the image; a script needs the "
    "interpreter of its first line, with Unix line ends"};
constexpr Symptom kReadOnly = {"read-only-filesystem",
                               "It writes to a file system that is read-only.",
                               "mount a volume or a tmpfs at the path it writes to"};
constexpr Symptom kDenied = {
    "permission-denied", "It may not do something that it needs.",
    "give its user the files it needs (owner and mode in the image or volume), or let it listen on "
    "a "
    "port above 1023; grant a capability only if the program cannot do without"};
constexpr Symptom kDiskFull = {"disk-full", "The disk that it writes to is full.",
                               "free space: remove unused images, volumes and large logs, or give "
                               "its volume more room"};
constexpr Symptom kNoMemory = {
    "out-of-memory", "Its program ran out of memory.",
    "raise the memory limit, or make the program use less (heap size, workers, caches)"};
constexpr Symptom kNoMount = {"mount-failed", "Something that should be mounted is not there.",
                              "create the path on the host or correct the mount"};
constexpr Symptom kNoName = {
    "name-resolution", "It cannot resolve a host name.",
    "put both containers on one user-defined network, check the name, or allow it a network"};
constexpr Symptom kNoConnection = {
    "dependency-unreachable", "Something that it connects to does not answer.",
    "check that the service it needs runs, listens on all addresses and is on the same network; "
    "`localhost` inside a container is the container itself"};
constexpr Symptom kNoFiles = {"too-many-files", "It opened as many files as it may.",
                              "raise its nofile limit, or find what it leaves open"};
constexpr Symptom kNoProcesses = {"process-limit", "It started as many processes as it may.",
                                  "raise its pids limit, or find what it starts and leaves"};
constexpr Symptom kClock = {"clock", "A certificate or a token is not valid at its time.",
                            "set the clock of the machine; containers use the same one"};
constexpr Symptom kNoDependency = {"missing-dependency",
                                   "A library or module that it needs is not in the image.",
                                   "install the dependency in the image and build it again"};

struct Sign {
  std::string_view words;  // in lower case
  const Symptom* symptom;
};

// What is more particular comes first.
constexpr auto kEngineSigns = std::to_array<Sign>({
    {"port is already allocated", &kPortTaken},
    {"address already in use", &kPortTaken},
    {"exec format error", &kFormat},
    {"executable file not found", &kMissing},
    {"no space left on device", &kDiskFull},
    {"disk quota exceeded", &kDiskFull},
    {"error mounting", &kNoMount},
    {"bind source path does not exist", &kNoMount},
    {"read-only file system", &kReadOnly},
    {"permission denied", &kDenied},
    {"operation not permitted", &kDenied},
    {"no such file or directory", &kMissing},
    {"cannot allocate memory", &kNoMemory},
});

constexpr auto kOutputSigns = std::to_array<Sign>({
    {"address already in use", &kPortTaken},
    {"address in use", &kPortTaken},
    {"exec format error", &kFormat},
    {"no space left on device", &kDiskFull},
    {"disk quota exceeded", &kDiskFull},
    {"read-only file system", &kReadOnly},
    {"java.lang.outofmemoryerror", &kNoMemory},
    {"heap out of memory", &kNoMemory},
    {"cannot allocate memory", &kNoMemory},
    {"memoryerror", &kNoMemory},
    {"std::bad_alloc", &kNoMemory},
    {"allowed memory size", &kNoMemory},
    {"too many open files", &kNoFiles},
    {"resource temporarily unavailable", &kNoProcesses},
    {"can't start new thread", &kNoProcesses},
    {"unable to create native thread", &kNoProcesses},
    {"certificate is not yet valid", &kClock},
    {"certificate not yet valid", &kClock},
    {"requesttimetooskewed", &kClock},
    {"clock skew", &kClock},
    {"temporary failure in name resolution", &kNoName},
    {"name or service not known", &kNoName},
    {"could not resolve host", &kNoName},
    {"no such host", &kNoName},
    {" enotfound", &kNoName},
    {"eai_again", &kNoName},
    {"connection refused", &kNoConnection},
    {"econnrefused", &kNoConnection},
    {"no route to host", &kNoConnection},
    {"network is unreachable", &kNoConnection},
    {"modulenotfounderror", &kNoDependency},
    {"cannot find module", &kNoDependency},
    {"error while loading shared libraries", &kNoDependency},
    {"permission denied", &kDenied},
    {"operation not permitted", &kDenied},
    {"command not found", &kMissing},
});

std::string LowerCase(std::string_view text) {
  std::string lower(text.substr(0, kMaxSearched));
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

template <std::size_t kCount>
std::optional<SymptomFound> FindIn(const std::array<Sign, kCount>& signs, std::string_view line) {
  const std::string lower = LowerCase(line);
  for (const Sign& sign : signs) {
    if (lower.find(sign.words) != std::string::npos) {
      return SymptomFound{.symptom = sign.symptom, .line = Shown(line, kMaxLineBytes)};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<SymptomFound> FindInEngineError(std::string_view error) {
  return FindIn(kEngineSigns, error);
}

std::optional<SymptomFound> FindInOutput(std::span<const std::string> lines) {
  for (std::size_t i = 0; i < std::min(lines.size(), kMaxLines); ++i) {
    if (auto found = FindIn(kOutputSigns, lines[lines.size() - 1 - i])) {
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace casemate::container
