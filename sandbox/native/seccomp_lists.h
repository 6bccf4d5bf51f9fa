// The lists behind the system-call filter. A name that a machine's architecture does not have
// (open on arm64) is passed over there. Constants; thread-safe.
#pragma once

#include <span>

#include "sandbox/native/argument_gate.h"

namespace casemate::sandbox {

// Pass with any arguments, except for what the gates refuse.
std::span<const char* const> AllowedSyscalls();
// Answer EPERM, the errno that programs expect of a missing privilege.
std::span<const char* const> RefusedSyscalls();
// Checks of single arguments, before all else.
std::span<const ArgumentGate> ArgumentGates();

}  // namespace casemate::sandbox
