// The kinds of error that a call's result can name (`error.kind`), and the next step for an error
// that names none of its own. The table in docs/tools.md lists the same. Pure; thread-safe.
#pragma once

#include <string_view>

#include "base/result.h"
#include "sandbox/native/outcome.h"

namespace casemate::tools {

enum class ErrorKind {
  kInvalidArguments,
  kNotFound,
  kPermissionDenied,
  kUnavailable,
  kResourceExhausted,
  kCancelled,
  kInputRequired,
  kUnsupportedByClient,
  kDataLoss,
  kInternalError,
  kRefused,             // by policy
  kApprovalRequired,    // policy says `ask`, and nobody has approved it yet
  kApprovalDenied,      // likewise, and somebody said no
  kAuditUnavailable,    // not run, because it could not be recorded
  kOutcomeNotRecorded,  // run, but the trail does not say how it ended
  kTimedOut,
  kOomKilled,
  kSeccompKilled,
  kSetupFailed,
  kExecFailed,
  kLost,  // the last: tests count up to it
};

std::string_view ToString(ErrorKind kind);  // "invalid_arguments", …
// What to do about it, as a sentence without its full stop.
std::string_view NextStep(ErrorKind kind);
ErrorKind KindOf(ErrorCode code);
// Of an outcome that is an error.
ErrorKind KindOf(sandbox::OutcomeStatus status);

}  // namespace casemate::tools
