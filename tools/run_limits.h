// Limits of one run: the profile's, overridden by the caller's, and never above the grant's. A
// limit that the caller stated is kept or refused, never quietly lowered. Pure functions;
// thread-safe.
#pragma once

#include "base/result.h"
#include "policies/grant.h"
#include "tools/arguments/args.h"
#include "tools/run_args.h"

namespace casemate::tools {

// Reads args.timeout_ms and args.limits.
ExplicitLimits DecodeLimits(ArgReader& reader, ArgErrors& errors);

// `base` overridden by what is stated; a default disk_mb is cut to half of a lowered memory.
policies::Limits ApplyLimits(policies::Limits base, const ExplicitLimits& stated);

// What cannot hold on any grant: disk above memory, or disk_mb where a host workspace is mounted
// directly. Errors: kInvalidArgument.
Result<void> CheckLimits(const RunArgs& args);

// The limits in force. Errors: kInvalidArgument when a stated limit exceeds the grant's.
Result<policies::Limits> LimitsUnder(const policies::Limits& granted, const RunArgs& args);

}  // namespace casemate::tools
