#include "tools/run_symptoms.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace casemate::tools {

namespace {

using sandbox::OutcomeStatus;
using sandbox::WorkspaceKind;

// An error is told at the end.
constexpr std::size_t kLastBytes = 4096;

// As the C library, and with it most programs, says it; curl and busybox in their own words.
constexpr std::array<std::string_view, 6> kNoNetwork = {
    "Network is unreachable", "Temporary failure in name resolution", "Name or service not known",
    "Could not resolve host", "No address associated with",           "bad address"};
constexpr std::array<std::string_view, 1> kNoSpace = {"No space left on device"};
constexpr std::array<std::string_view, 1> kReadOnly = {"Read-only file system"};

std::string LastWords(const sandbox::CapturedStream& stream) {
  const std::string words = stream.head + stream.tail;
  return words.size() > kLastBytes ? words.substr(words.size() - kLastBytes) : words;
}

template <std::size_t N>
bool Says(std::string_view words, const std::array<std::string_view, N>& phrases) {
  return std::ranges::any_of(phrases, [&](std::string_view phrase) {
    return words.find(phrase) != std::string_view::npos;
  });
}

std::string NoSpaceNote(const RunFacts& facts) {
  const std::string tmp = "/tmp takes at most 64 MiB and a quarter of limits.memory_mb = " +
                          std::to_string(facts.limits.memory_mb);
  if (facts.workspace == WorkspaceKind::kReadWrite) {
    return "a disk was full: " + tmp + ": write into the workspace";
  }
  return "a private directory was full at limits.disk_mb = " +
         std::to_string(facts.limits.disk_mb) + " (policy grants up to " +
         std::to_string(facts.granted.disk_mb) +
         ", at most limits.memory_mb): raise it, or write less; " + tmp;
}

std::string ReadOnlyNote(const RunFacts& facts) {
  return facts.workspace == WorkspaceKind::kReadOnly
             ? "the workspace is mounted read-only: use profile `scratch` to write to a copy that "
               "is dropped, `default` to write where policy allows it, or write to /tmp"
             : "only the workspace and /tmp can be written";
}

}  // namespace

std::vector<std::string> SymptomNotes(const sandbox::SandboxOutcome& outcome,
                                      const RunFacts& facts) {
  std::vector<std::string> notes;
  if (outcome.status != OutcomeStatus::kExited || outcome.exit_code == 0) {
    return notes;
  }
  const std::string words = LastWords(outcome.err) + "\n" + LastWords(outcome.out);
  if (Says(words, kNoNetwork)) {
    notes.emplace_back(
        "there is no network here, and no argument opens one: pass what it needs in `files`, "
        "`stdin` or a host `workspace`");
  }
  if (Says(words, kNoSpace)) {
    notes.push_back(NoSpaceNote(facts));
  }
  if (Says(words, kReadOnly)) {
    notes.push_back(ReadOnlyNote(facts));
  }
  return notes;
}

}  // namespace casemate::tools
