// Puts our entry into a host's file, takes it out, and looks it up. A file that changes is backed
// up first and replaced at once; one that cannot be understood is left alone.
#pragma once

#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "clients/hosts/config_file.h"
#include "clients/hosts/host.h"

namespace casemate::hosts {

struct Outcome {
  std::string path;  // of the file that was or would be changed
  bool changed = false;
  std::optional<std::string> before;  // nothing: there was no file
  std::optional<std::string> after;   // nothing: there is none now
  std::string backup;                 // its path, or empty
};

// Errors have "FILE:LINE:COLUMN" as field. `dry_run`: says what would be done and does nothing.
Result<Outcome> Install(const Target& target, const nlohmann::ordered_json& entry, bool dry_run);
Result<Outcome> Remove(const Target& target, bool dry_run);

struct InstalledEntry {
  std::string json;
  std::string where;  // FILE:LINE:COLUMN
};
Result<std::optional<InstalledEntry>> LookUp(const Target& target);

}  // namespace casemate::hosts
