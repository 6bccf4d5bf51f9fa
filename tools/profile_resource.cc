// casemate://profiles/{name}: the sandbox profiles that `run` accepts.
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "policies/profiles/profile.h"
#include "tools/documents.h"
#include "tools/named_resource.h"
#include "tools/profile_json.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "casemate://profiles/";
constexpr const char* kTemplate = "casemate://profiles/{name}";
constexpr const char* kMimeType = "application/json";

class ProfileResource : public ResourceProvider {
 public:
  [[nodiscard]] bool Owns(std::string_view uri) const override { return uri.starts_with(kPrefix); }

  [[nodiscard]] std::vector<ResourceSpec> List(
      const policies::Principal& /*principal*/) const override {
    std::vector<ResourceSpec> specs;
    for (const policies::Profile& profile : policies::ShippedProfiles()) {
      ResourceSpec spec;
      spec.uri = std::string(kPrefix) + profile.name;
      spec.name = "profiles/" + profile.name;
      spec.title = "Profile " + profile.name;
      spec.description = profile.description;
      spec.mime_type = kMimeType;
      specs.push_back(std::move(spec));
    }
    return specs;
  }

  [[nodiscard]] std::vector<ResourceTemplateSpec> Templates() const override {
    return {{kTemplate, "profiles", "Sandbox profile",
             "Limits of a profile, and how it mounts a workspace.", kMimeType}};
  }

  [[nodiscard]] json Facts(std::string_view /*uri*/,
                           const policies::Principal& /*principal*/) const override {
    return {{"kind", "profile"}};
  }

  [[nodiscard]] Result<ResourceContents> Read(
      std::string_view uri, const policies::Principal& /*principal*/) const override {
    const std::string_view name = NameInUri(uri, kPrefix);
    const auto profile = policies::FindProfile(name);
    if (!profile) {
      return NoSuchName("the name of a profile", name, ProfileNames());
    }
    return ResourceContents{std::string(uri), kMimeType, DumpJson(ProfileJson(*profile)), false};
  }

  [[nodiscard]] std::vector<std::string> Complete(
      std::string_view /*uri_template*/, std::string_view /*variable*/, std::string_view prefix,
      const policies::Principal& /*principal*/) const override {
    return NamesWithPrefix(ProfileNames(), prefix);
  }
};

}  // namespace

std::unique_ptr<ResourceProvider> MakeProfileResource() {
  return std::make_unique<ProfileResource>();
}

}  // namespace casemate::tools
