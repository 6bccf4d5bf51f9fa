// The single probes behind ProbeLayers: each tries one kernel feature in a forked child that ends
// with the probe, so nothing is changed in this process. Single-threaded callers only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/native/doctor.h"

namespace casemate::sandbox {

// What to do when namespaces fail with an errno.
using RemedyFor = std::function<std::string(int err)>;

// In the order in which the launcher applies the layers; no probe of a whole run.
// `seccomp_filter` is the real filter, or empty when it could not be built.
std::vector<Probe> ProbeKernelFeatures(std::string_view seccomp_filter, Mode mode,
                                       const RemedyFor& namespace_remedy);

// 0: none, with errno set.
int LandlockAbi();

}  // namespace casemate::sandbox
