#include "tools/error_kind.h"

namespace casemate::tools {

std::string_view ToString(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArguments:
      return "invalid_arguments";
    case ErrorKind::kNotFound:
      return "not_found";
    case ErrorKind::kPermissionDenied:
      return "permission_denied";
    case ErrorKind::kUnavailable:
      return "unavailable";
    case ErrorKind::kResourceExhausted:
      return "resource_exhausted";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kInputRequired:
      return "input_required";
    case ErrorKind::kUnsupportedByClient:
      return "unsupported_by_client";
    case ErrorKind::kDataLoss:
      return "data_loss";
    case ErrorKind::kInternalError:
      return "internal_error";
    case ErrorKind::kRefused:
      return "refused";
    case ErrorKind::kApprovalRequired:
      return "approval_required";
    case ErrorKind::kApprovalDenied:
      return "approval_denied";
    case ErrorKind::kAuditUnavailable:
      return "audit_unavailable";
    case ErrorKind::kOutcomeNotRecorded:
      return "outcome_not_recorded";
    case ErrorKind::kTimedOut:
      return "timed_out";
    case ErrorKind::kOomKilled:
      return "oom_killed";
    case ErrorKind::kSeccompKilled:
      return "seccomp_killed";
    case ErrorKind::kSetupFailed:
      return "setup_failed";
    case ErrorKind::kExecFailed:
      return "exec_failed";
    case ErrorKind::kLost:
      return "lost";
  }
  return "internal_error";
}

std::string_view NextStep(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArguments:
      return "correct the argument as the message says, then call again";
    case ErrorKind::kNotFound:
      return "check the name or id; what was kept for a while may be gone: run it again";
    case ErrorKind::kPermissionDenied:
      return "go another way: the same call fails again";
    case ErrorKind::kUnavailable:
      return "call again in a while; if it fails again, tell your user";
    case ErrorKind::kResourceExhausted:
      return "ask for less, or wait until running calls have ended, then call again";
    case ErrorKind::kCancelled:
      return "call again if this was not intended";
    case ErrorKind::kInputRequired:
      return "answer the questions and make the same call again";
    case ErrorKind::kUnsupportedByClient:
      return "go another way: this client cannot do what the call needs";
    case ErrorKind::kDataLoss:
      return "make the call again: what was stored of it cannot be read";
    case ErrorKind::kInternalError:
      return "tell your user that this is a defect of Casemate; it may have run: look before you "
             "repeat it";
    case ErrorKind::kRefused:
      return "go another way, or ask your user to change the policy: the same call is refused "
             "again";
    case ErrorKind::kApprovalRequired:
      return "ask your user to approve it as the message says, then make the same call again";
    case ErrorKind::kApprovalDenied:
      return "go another way, or ask your user what to do instead";
    case ErrorKind::kAuditUnavailable:
      return "nothing was run: tell your user that the audit trail cannot be written, and call "
             "again when it can";
    case ErrorKind::kOutcomeNotRecorded:
      return "use the result, do not repeat the call, and tell your user that the audit trail "
             "cannot be written";
    case ErrorKind::kTimedOut:
      return "raise timeout_ms, or do the work in smaller steps";
    case ErrorKind::kOomKilled:
      return "raise limits.memory_mb, or process the data in smaller pieces";
    case ErrorKind::kSeccompKilled:
      return "use a program built for this machine's own 64-bit architecture";
    case ErrorKind::kSetupFailed:
      return "tell your user to run `casemate doctor` on the host: it says what is missing";
    case ErrorKind::kExecFailed:
      return "start another program, or a script through its interpreter";
    case ErrorKind::kLost:
      return "it may have run, wholly or in part: look at what it changed before you repeat it";
  }
  return "tell your user that this is a defect of Casemate";
}

ErrorKind KindOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return ErrorKind::kInvalidArguments;
    case ErrorCode::kNotFound:
      return ErrorKind::kNotFound;
    case ErrorCode::kPermissionDenied:
      return ErrorKind::kPermissionDenied;
    case ErrorCode::kUnavailable:
      return ErrorKind::kUnavailable;
    case ErrorCode::kResourceExhausted:
      return ErrorKind::kResourceExhausted;
    case ErrorCode::kCancelled:
      return ErrorKind::kCancelled;
    case ErrorCode::kInputRequired:
      return ErrorKind::kInputRequired;
    case ErrorCode::kUnsupportedByClient:
      return ErrorKind::kUnsupportedByClient;
    case ErrorCode::kDataLoss:
      return ErrorKind::kDataLoss;
    case ErrorCode::kInternal:
      return ErrorKind::kInternalError;
  }
  return ErrorKind::kInternalError;
}

ErrorKind KindOf(sandbox::OutcomeStatus status) {
  using sandbox::OutcomeStatus;
  switch (status) {
    case OutcomeStatus::kTimedOut:
      return ErrorKind::kTimedOut;
    case OutcomeStatus::kOomKilled:
      return ErrorKind::kOomKilled;
    case OutcomeStatus::kSeccompKilled:
      return ErrorKind::kSeccompKilled;
    case OutcomeStatus::kCancelled:
      return ErrorKind::kCancelled;
    case OutcomeStatus::kSetupFailed:
      return ErrorKind::kSetupFailed;
    case OutcomeStatus::kExecFailed:
      return ErrorKind::kExecFailed;
    case OutcomeStatus::kLost:
      return ErrorKind::kLost;
    case OutcomeStatus::kExited:
    case OutcomeStatus::kSignaled:
      break;
  }
  return ErrorKind::kInternalError;
}

}  // namespace casemate::tools
