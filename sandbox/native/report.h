// Turns the launcher's report into a SandboxOutcome: status, layers, remedies. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/native/launcher/wire.h"
#include "sandbox/native/outcome.h"

namespace casemate::sandbox {

struct ReportContext {
  StopReason stop = StopReason::kNone;
  std::string_view command;  // argv[0]
  std::size_t filter_instructions = 0;
  bool limits_io = false;  // the spec has a rate of disk I/O
};

// Sets everything but the captured output and the duration.
SandboxOutcome Interpret(const wire::LaunchReport& report, const ReportContext& context);
// The launcher ended, or spoke nonsense, before it reported: the command may have run by then.
SandboxOutcome LauncherLost();
// The command was started, and waiting for its end failed: it may run still.
SandboxOutcome EndNotSeen(const Error& why);
std::string ErrnoText(int err);
// "ABI 2; without rules for …": what the rules of an older Landlock cannot name.
std::string DescribeLandlock(int abi);
// What to do when the kernel answers `err` (errno) to the question which Landlock it has.
std::string LandlockRemedy(int err);
// What to do when it refuses a fresh /proc.
std::string ProcRemedy();
// "; or set sandbox.mode …": for whoever would rather do without `layer`.
std::string OrBestEffort(const char* layer);
// What to do when the kernel refuses to make namespaces with `err` (errno).
std::string NamespaceRemedy(int err);

}  // namespace casemate::sandbox
