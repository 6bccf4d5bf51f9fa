#include "sandbox/container/registry/manifest.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace casemate::registry {
namespace {

constexpr std::size_t kMostEntries = 1000;
constexpr std::size_t kMostShown = 12;

Error Wrong(std::string_view where, const std::string& what) {
  return Error{ErrorCode::kDataLoss,
               std::string(where) + ": " + what,
               {},
               "push the image anew, or take another",
               0};
}

std::string TextAt(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool IsIndexType(std::string_view type) {
  return type == oci::kIndexType || type == oci::kDockerIndexType;
}

bool IsManifestType(std::string_view type) {
  return type == oci::kManifestType || type == oci::kDockerManifestType;
}

Result<std::vector<oci::Descriptor>> DescriptorsAt(const nlohmann::json& document, const char* name,
                                                   std::string_view where) {
  const auto list = document.find(name);
  if (list == document.end() || !list->is_array() || list->size() > kMostEntries) {
    return Wrong(where, std::string("expected at most 1000 `") + name + "` in a list");
  }
  std::vector<oci::Descriptor> descriptors;
  for (const auto& each : *list) {
    auto read = oci::DescriptorFrom(each, name);
    if (!read) {
      return Wrong(where, Describe(read.error()));
    }
    descriptors.push_back(std::move(read).value());
  }
  return descriptors;
}

Result<void> ReadIndex(const nlohmann::json& json, std::string_view where, Document& document) {
  auto manifests = DescriptorsAt(json, "manifests", where);
  if (!manifests) {
    return std::move(manifests).error();
  }
  for (std::size_t i = 0; i < manifests->size(); ++i) {
    IndexEntry entry{std::move((*manifests)[i]), {"", "", ""}};
    const auto& each = json["manifests"][i];
    if (const auto platform = each.find("platform");
        platform != each.end() && platform->is_object()) {
      entry.platform = {TextAt(*platform, "os"), TextAt(*platform, "architecture"),
                        TextAt(*platform, "variant")};
    }
    document.entries.push_back(std::move(entry));
  }
  return {};
}

Result<void> ReadManifest(const nlohmann::json& json, std::string_view where, Document& document) {
  auto layers = DescriptorsAt(json, "layers", where);
  if (!layers) {
    return std::move(layers).error();
  }
  const auto config = json.find("config");
  if (config == json.end()) {
    return Wrong(where, "expected a `config`");
  }
  auto read = oci::DescriptorFrom(*config, "config");
  if (!read) {
    return Wrong(where, Describe(read.error()));
  }
  document.config = std::move(read).value();
  document.layers = std::move(layers).value();
  return {};
}

// arm64 is v8 whether it says so or not.
std::string VariantOf(const Platform& platform) {
  return platform.architecture == "arm64" && platform.variant == "v8" ? "" : platform.variant;
}

bool Fits(const Platform& offered, const Platform& wanted) {
  return offered.os == wanted.os && offered.architecture == wanted.architecture &&
         (wanted.variant.empty() || VariantOf(offered) == VariantOf(wanted));
}

std::string NameOf(const Platform& platform) {
  return platform.os + "/" + platform.architecture +
         (platform.variant.empty() ? "" : "/" + platform.variant);
}

Error NotThere(const Platform& wanted, const std::string& there) {
  return Error{ErrorCode::kNotFound,
               "the image is not for " + NameOf(wanted) + ", but for " + there,
               {},
               "name another image or platform",
               0};
}

}  // namespace

Result<Document> ParseDocument(std::string_view body, std::string_view said_type,
                               std::string_view where) {
  const auto json = ParseJson(body, {.max_bytes = oci::kMaxManifestBytes, .max_depth = 32});
  if (!json || !json->is_object()) {
    return Wrong(where, "expected a manifest in JSON, got something else");
  }
  Document document;
  document.media_type = TextAt(*json, "mediaType");
  const std::string said(said_type.substr(0, said_type.find_first_of("; \t")));
  const bool says = IsIndexType(said) || IsManifestType(said);
  if (says && !document.media_type.empty() && document.media_type != said) {
    return Wrong(where, "expected the type " + Quoted(said) + ", but it calls itself " +
                            Quoted(document.media_type));
  }
  if (document.media_type.empty()) {
    document.media_type = said;
  }
  if (json->contains("layers") && json->contains("manifests")) {
    return Wrong(where, "it is a manifest and an index at once");
  }
  document.is_index = IsIndexType(document.media_type);
  if (!document.is_index && !IsManifestType(document.media_type)) {
    return Wrong(where, "expected a manifest or an index of OCI or of Docker's schema 2, got " +
                            Quoted(document.media_type));
  }
  auto read =
      document.is_index ? ReadIndex(*json, where, document) : ReadManifest(*json, where, document);
  if (!read) {
    return std::move(read).error();
  }
  return document;
}

Result<oci::Descriptor> Choose(const Document& index, const Platform& platform) {
  std::vector<std::string> there;
  for (const IndexEntry& entry : index.entries) {
    if (Fits(entry.platform, platform)) {
      return entry.manifest;
    }
    if (there.size() < kMostShown && entry.platform.os != "unknown") {
      there.push_back(Quoted(NameOf(entry.platform)));
    }
  }
  return NotThere(platform, there.empty() ? "nothing that it names" : Join(there, ", "));
}

Result<void> CheckPlatform(std::string_view config, const Platform& platform) {
  const auto json = ParseJson(config, {.max_bytes = oci::kMaxConfigBytes, .max_depth = 64});
  if (!json || !json->is_object()) {
    return Wrong("the image's config", "expected JSON, got something else");
  }
  const Platform offered{TextAt(*json, "os"), TextAt(*json, "architecture"),
                         TextAt(*json, "variant")};
  // A config often leaves out the variant that the index names.
  const bool fits =
      Fits(offered, platform) || (offered.variant.empty() && offered.os == platform.os &&
                                  offered.architecture == platform.architecture);
  if (!fits) {
    return NotThere(platform, Quoted(NameOf(offered)));
  }
  return {};
}

}  // namespace casemate::registry
