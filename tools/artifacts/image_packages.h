// What the package databases inside an image say is installed: of dpkg and apk, and which
// distribution it is. Pure; thread-safe.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "tools/artifacts/packages.h"

namespace casemate::artifacts {

struct Distribution {
  std::string id;       // "debian"; empty: not stated
  std::string version;  // "12"
  std::string name;     // "Debian GNU/Linux 12 (bookworm)"
  std::string source;   // the file that says so
};

// Of etc/os-release, else of usr/lib/os-release.
Distribution DistributionOf(const std::map<std::string, std::string>& files);
void ReadImagePackages(const std::map<std::string, std::string>& files,
                       const Distribution& distribution, PackageList& packages);

}  // namespace casemate::artifacts
