// What a dependency brings with it: services that it talks to, Debian packages that it needs,
// machine code. One table for all package managers, which users of the analysis can read. Pure;
// thread-safe.
#pragma once

#include <span>
#include <string_view>

#include "tools/analysis/project.h"

namespace casemate::analysis {

enum class Ecosystem {
  kNpm,
  kPyPi,
  kGo,
  kCargo,
  kMaven,
  kNuGet,
  kPackagist,
  kRubyGems,
  kHex,
  kOther
};

struct Need {
  Ecosystem ecosystem;
  std::string_view dependency;    // "psycopg2"; a trailing * matches any rest: "github.com/lib/pq*"
  std::string_view service;       // "postgres"; empty: none
  std::string_view run_packages;  // of Debian bookworm, by space: "libpq5"; empty: none
  std::string_view build_packages;  // "libpq-dev"
  bool is_native = false;           // compiled when it is installed, or brings machine code
};

std::span<const Need> Needs();

// Fills services, system_packages and native_modules of `app` from its dependencies.
void AddNeeds(Ecosystem ecosystem, App& app);

}  // namespace casemate::analysis
