#include "tools/artifacts/sbom.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/json.h"
#include "sandbox/container/oci/descriptor.h"
#include "tools/artifacts/image_packages.h"
#include "tools/artifacts/lock_files.h"
#include "tools/artifacts/packages.h"
#include "tools/artifacts/purl.h"

namespace casemate::artifacts {
namespace {

using nlohmann::json;

constexpr const char* kNoteName = "casemate:note";
constexpr const char* kSourceName = "casemate:source";

json Property(const char* name, std::string_view value) {
  return {{"name", name}, {"value", value}};
}

void ReadSources(const analysis::SourceTree& tree, PackageList& packages) {
  for (const std::string& path : tree.files()) {
    const LockReader read = ReaderOf(analysis::NameOf(path));
    if (read == nullptr) {
      continue;
    }
    read(tree, path, packages);
    // The tree's notes on other files depend on who else read it.
    for (const std::string& note : tree.notes()) {
      if (note.find(path) != std::string::npos) {
        packages.Note(note);
      }
    }
  }
}

json HashesJson(const std::set<PackageHash>& hashes) {
  json list = json::array();
  for (const PackageHash& hash : hashes) {
    list.push_back({{"alg", hash.algorithm}, {"content", hash.hex}});
  }
  return list;
}

json ComponentJson(const std::string& purl, const PackageList::Entry& entry) {
  const PackageUrl& url = entry.package.url;
  json component = {
      {"type", "library"}, {"bom-ref", purl},
      {"name", url.name},  {"version", url.version},
      {"purl", purl},      {"scope", entry.package.is_for_development ? "excluded" : "required"}};
  // The "namespace" of Debian and Alpine is the distribution, no part of a name.
  if (!url.name_space.empty() && url.type != "deb" && url.type != "apk") {
    component["group"] = url.name_space;
  }
  if (!entry.hashes.empty()) {
    component["hashes"] = HashesJson(entry.hashes);
  }
  json properties = json::array();
  for (const std::string& source : entry.sources) {
    properties.push_back(Property(kSourceName, source));
  }
  component["properties"] = std::move(properties);
  return component;
}

json DistributionJson(const Distribution& distribution) {
  json component = {{"type", "operating-system"},
                    {"bom-ref", "os:" + distribution.id + "-" + distribution.version},
                    {"name", distribution.id},
                    {"properties", json::array({Property(kSourceName, distribution.source)})}};
  if (!distribution.version.empty()) {
    component["version"] = distribution.version;
  }
  if (!distribution.name.empty()) {
    component["description"] = distribution.name;
  }
  return component;
}

json ImageJson(const SbomInput& input) {
  json image = {{"type", "container"}, {"bom-ref", "image"}, {"name", input.name}};
  if (!input.version.empty()) {
    image["version"] = input.version;
  }
  if (oci::IsDigest(input.image_digest)) {
    image["purl"] = ImagePurl(input.version.empty() ? input.name : input.name + ":" + input.version,
                              input.image_digest);
    image["hashes"] = HashesJson({{"SHA-256", std::string(oci::HexOf(input.image_digest))}});
  }
  return image;
}

json MetadataJson(const SbomInput& input, const PackageList& packages) {
  json tool = {{"type", "application"}, {"name", "casemate"}};
  if (!input.tool_version.empty()) {
    tool["version"] = input.tool_version;
  }
  json metadata = {{"tools", {{"components", json::array({std::move(tool)})}}},
                   {"component", ImageJson(input)}};
  if (!input.timestamp.empty()) {
    metadata["timestamp"] = input.timestamp;
  }
  json properties = json::array();
  for (const std::string& note : packages.notes()) {
    properties.push_back(Property(kNoteName, note));
  }
  if (!properties.empty()) {
    metadata["properties"] = std::move(properties);
  }
  return metadata;
}

// A UUID that follows from the content, as those of version 5 do.
std::string SerialNumber(std::string_view content) {
  constexpr std::string_view kVariants = "89ab";
  constexpr std::size_t kVersionAt = 12;
  constexpr std::size_t kVariantAt = 16;
  std::string hex = Sha256Hex(content);
  const char digit = hex[kVariantAt];
  const auto value = static_cast<unsigned>(digit <= '9' ? digit - '0' : digit - 'a' + 10);
  hex[kVersionAt] = '5';
  hex[kVariantAt] = kVariants[value & 3U];
  return "urn:uuid:" + hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20, 12);
}

}  // namespace

Result<std::string> MakeSbom(const SbomInput& input) {
  PackageList packages;
  if (input.sources != nullptr) {
    ReadSources(*input.sources, packages);
  }
  const Distribution distribution = DistributionOf(input.image_files);
  ReadImagePackages(input.image_files, distribution, packages);

  json components = json::array();
  if (!distribution.id.empty()) {
    components.push_back(DistributionJson(distribution));
  }
  for (const auto& [purl, entry] : packages.entries()) {
    components.push_back(ComponentJson(purl, entry));
  }
  json bom = {{"$schema", "http://cyclonedx.org/schema/bom-1.5.schema.json"},
              {"bomFormat", "CycloneDX"},
              {"specVersion", "1.5"},
              {"version", 1},
              {"metadata", MetadataJson(input, packages)},
              {"components", std::move(components)}};
  bom["serialNumber"] = SerialNumber(DumpJson(bom));
  std::string text = DumpJson(bom);
  if (text.size() > kMaxSbomBytes) {
    return Error{ErrorCode::kResourceExhausted,
                 "the bill of materials is longer than " + std::to_string(kMaxSbomBytes) + " bytes",
                 {},
                 {},
                 0};
  }
  return text;
}

}  // namespace casemate::artifacts
