#include "tools/package/manifest.h"

#include <algorithm>

namespace casemate::package {

const Application* Manifest::FindApplication(std::string_view application) const {
  const auto found = std::ranges::find(applications, application, &Application::name);
  return found == applications.end() ? nullptr : &*found;
}

const Container* Manifest::FindContainer(std::string_view container) const {
  const auto found = std::ranges::find(containers, container, &Container::name);
  return found == containers.end() ? nullptr : &*found;
}

std::string_view ToString(BuilderKind builder) {
  switch (builder) {
    case BuilderKind::kAuto:
      return "auto";
    case BuilderKind::kOci:
      return "oci";
    case BuilderKind::kEngine:
      return "engine";
    case BuilderKind::kBuildah:
      return "buildah";
  }
  return "";
}

std::string_view ToString(Tagging tagging) {
  switch (tagging) {
    case Tagging::kHash:
      return "hash";
    case Tagging::kVersion:
      return "version";
    case Tagging::kGitSha:
      return "git-sha";
  }
  return "";
}

}  // namespace casemate::package
