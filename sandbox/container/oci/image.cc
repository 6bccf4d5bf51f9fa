#include "sandbox/container/oci/image.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/canonical_json.h"
#include "base/json.h"
#include "base/text.h"

namespace casemate::oci {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxLayers = 500;
constexpr std::int64_t kNsPerS = 1'000'000'000;

Error Wrong(const std::string& digest, const std::string& what) {
  return InvalidArgument("base", digest + ": expected " + what);
}

Result<json> ReadJson(const std::string& digest, std::size_t max_bytes, const BlobStore& store) {
  const auto text = store.Read(digest, max_bytes);
  if (!text) {
    return text.error();
  }
  JsonLimits limits;
  limits.max_bytes = max_bytes;
  auto parsed = ParseJson(*text, limits);
  if (parsed && !parsed->is_object()) {
    return Wrong(digest, "an object");
  }
  return parsed;
}

// Layers have the same bytes by either name; the two kinds of names are not mixed in one manifest.
Result<std::string> LayerTypeFor(const std::string& type, ImageFormat format) {
  struct Names {
    std::string_view oci;
    std::string_view docker;
  };
  constexpr auto kNames = std::to_array<Names>({
      {kLayerType, kDockerLayerType},
      {"application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar"},
      {"application/vnd.oci.image.layer.v1.tar+zstd",
       "application/vnd.docker.image.rootfs.diff.tar.zstd"},
  });
  for (const Names& names : kNames) {
    if (type == names.oci || type == names.docker) {
      return std::string(format == ImageFormat::kOci ? names.oci : names.docker);
    }
  }
  return InvalidArgument("base", "expected layers as tar, gzip or zstd, got " + Quoted(type));
}

struct Base {
  json config = json::object();
  std::vector<Descriptor> layers;
};

Result<Base> ReadBase(const std::string& digest, const ImageSettings& settings, ImageFormat format,
                      const BlobStore& store) {
  Base base;
  if (digest.empty()) {
    return base;
  }
  const auto manifest = ManifestFor(digest, settings.architecture, store);
  if (!manifest) {
    return manifest.error();
  }
  auto image = ReadImage(manifest->digest, store);
  if (!image) {
    return image.error();
  }
  auto config = ReadJson(image->config.digest, kMaxConfigBytes, store);
  if (!config) {
    return config.error();
  }
  const auto architecture = config->find("architecture");
  if (architecture != config->end() && *architecture != settings.architecture) {
    return InvalidArgument("base", "expected a base for " + settings.architecture +
                                       ", got one for " + Quoted(DumpJson(*architecture)));
  }
  base.config = *std::move(config);
  for (Descriptor& layer : image->layers) {
    auto type = LayerTypeFor(layer.media_type, format);
    if (!type) {
      return type.error();
    }
    if (!store.Has(layer)) {
      return Error{ErrorCode::kNotFound, "the base's layer " + layer.digest + " is missing", "base",
                   "fetch the base again", 0};
    }
    layer.media_type = *std::move(type);
  }
  base.layers = std::move(image->layers);
  return base;
}

json Object(const json& holder, const char* name) {
  const auto found = holder.find(name);
  return found != holder.end() && found->is_object() ? *found : json::object();
}

std::string Assignment(std::string_view name, std::string_view value) {
  return std::string(name).append("=").append(value);
}

// "NAME=value", the base's first, each name once and where it was.
json Environment(const json& base, const std::map<std::string, std::string>& added) {
  json all = json::array();
  std::map<std::string, std::string> left = added;
  for (const json& entry : base.is_array() ? base : json::array()) {
    const std::string text = entry.is_string() ? entry.get<std::string>() : std::string();
    const auto own = left.find(text.substr(0, text.find('=')));
    if (own == left.end()) {
      all.push_back(text);
      continue;
    }
    all.push_back(Assignment(own->first, own->second));
    left.erase(own);
  }
  for (const auto& [name, value] : left) {
    all.push_back(Assignment(name, value));
  }
  return all;
}

json HealthCheckJson(const ImageHealthCheck& check) {
  json test = json::array({"CMD"});
  for (const std::string& word : check.command) {
    test.push_back(word);
  }
  return {{"Test", test},
          {"Interval", check.interval_s * kNsPerS},
          {"Timeout", check.timeout_s * kNsPerS},
          {"StartPeriod", check.start_period_s * kNsPerS},
          {"Retries", check.retries}};
}

json RunConfig(const json& base, const ImageSettings& settings) {
  json run = base;
  const auto set = [&run](const char* name, const auto& value) {
    if (!value.empty()) {
      run[name] = value;
    }
  };
  set("User", settings.user);
  set("WorkingDir", settings.working_directory);
  set("StopSignal", settings.stop_signal);
  if (!settings.entrypoint.empty() || settings.has_command) {
    run.erase("Entrypoint");
    run.erase("Cmd");
  }
  set("Entrypoint", settings.entrypoint);
  set("Cmd", settings.command);
  json environment = Environment(run.value("Env", json::array()), settings.environment);
  set("Env", environment);
  json ports = Object(run, "ExposedPorts");
  for (const int port : settings.ports) {
    ports[std::to_string(port) + "/tcp"] = json::object();
  }
  set("ExposedPorts", ports);
  json volumes = Object(run, "Volumes");
  for (const std::string& volume : settings.volumes) {
    volumes[volume] = json::object();
  }
  set("Volumes", volumes);
  json labels = Object(run, "Labels");
  for (const auto& [name, value] : settings.labels) {
    labels[name] = value;
  }
  set("Labels", labels);
  if (settings.health_check) {
    run["Healthcheck"] = HealthCheckJson(*settings.health_check);
  }
  return run;
}

Result<json> ConfigJson(const json& base, const std::vector<NamedLayer>& layers,
                        const ImageSettings& settings) {
  json config = {{"architecture", settings.architecture},
                 {"os", "linux"},
                 {"created", Rfc3339(settings.created_s)},
                 {"config", RunConfig(Object(base, "config"), settings)}};
  if (!settings.variant.empty()) {
    config["variant"] = settings.variant;
  } else if (base.contains("variant")) {
    config["variant"] = base["variant"];
  }
  json diff_ids = Object(base, "rootfs").value("diff_ids", json::array());
  json history = base.value("history", json::array());
  if (!diff_ids.is_array() || !history.is_array()) {
    return InvalidArgument("base", "expected rootfs.diff_ids and history to be arrays");
  }
  for (const NamedLayer& layer : layers) {
    diff_ids.push_back(layer.layer.diff_id);
    history.push_back({{"created", Rfc3339(settings.created_s)}, {"created_by", layer.made_by}});
  }
  config["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}};
  config["history"] = std::move(history);
  return config;
}

}  // namespace

std::string Rfc3339(std::int64_t unix_s) {
  const std::time_t time = unix_s;
  std::tm parts{};
  static_cast<void>(gmtime_r(&time, &parts));  // no year that fits an int64 of a manifest fails
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

Result<Descriptor> ManifestFor(const std::string& digest, const std::string& architecture,
                               const BlobStore& store) {
  const auto document = ReadJson(digest, kMaxManifestBytes, store);
  if (!document) {
    return document.error();
  }
  const auto entries = document->find("manifests");
  if (entries == document->end()) {
    return Descriptor{document->value("mediaType", json(kManifestType)).is_string()
                          ? document->value("mediaType", std::string(kManifestType))
                          : std::string(kManifestType),
                      digest, store.SizeOf(digest)};
  }
  if (!entries->is_array()) {
    return Wrong(digest, "an array `manifests`");
  }
  for (const json& entry : *entries) {
    const json platform = entry.is_object() ? Object(entry, "platform") : json::object();
    if (platform.value("os", json()) == "linux" &&
        platform.value("architecture", json()) == architecture) {
      return DescriptorFrom(entry, "base.manifests[]");
    }
  }
  return InvalidArgument("base",
                         digest + " is an index without an image for linux/" + architecture);
}

Result<Image> ReadImage(const std::string& manifest, const BlobStore& store) {
  const auto document = ReadJson(manifest, kMaxManifestBytes, store);
  if (!document) {
    return document.error();
  }
  Image image;
  const auto type = document->find("mediaType");
  image.manifest = {type != document->end() && type->is_string() ? type->get<std::string>()
                                                                 : std::string(kManifestType),
                    manifest, store.SizeOf(manifest)};
  auto config = DescriptorFrom(document->value("config", json()), "manifest.config");
  if (!config) {
    return config.error();
  }
  image.config = *std::move(config);
  const auto layers = document->find("layers");
  if (layers == document->end() || !layers->is_array() || layers->size() > kMaxLayers) {
    return Wrong(manifest, "an array `layers` of at most " + std::to_string(kMaxLayers));
  }
  image.bytes = image.manifest.size + image.config.size;
  for (const json& each : *layers) {
    auto layer = DescriptorFrom(each, "manifest.layers[]");
    if (!layer) {
      return layer.error();
    }
    image.bytes += layer->size;
    image.layers.push_back(*std::move(layer));
  }
  const auto details = ReadJson(image.config.digest, kMaxConfigBytes, store);
  if (!details) {
    return details.error();
  }
  const json ids = Object(*details, "rootfs").value("diff_ids", json());
  for (const json& id : ids.is_array() ? ids : json::array()) {
    if (!id.is_string() || !IsDigest(id.get_ref<const std::string&>())) {
      return Wrong(image.config.digest, "digests in rootfs.diff_ids");
    }
    image.diff_ids.push_back(id.get<std::string>());
  }
  if (image.diff_ids.size() != image.layers.size()) {
    return Wrong(image.config.digest, "a diff_id for each of " +
                                          std::to_string(image.layers.size()) + " layers, got " +
                                          std::to_string(image.diff_ids.size()));
  }
  return image;
}

Result<Image> WriteImage(const std::string& base, const std::vector<NamedLayer>& layers,
                         const ImageSettings& settings, ImageFormat format, BlobStore& store) {
  const auto below = ReadBase(base, settings, format, store);
  if (!below) {
    return below.error();
  }
  const auto config = ConfigJson(below->config, layers, settings);
  if (!config) {
    return config.error();
  }
  const bool is_oci = format == ImageFormat::kOci;
  const auto config_text = CanonicalJson(*config);
  if (!config_text) {
    return config_text.error();
  }
  const auto config_blob = store.Put(is_oci ? kConfigType : kDockerConfigType, *config_text);
  if (!config_blob) {
    return config_blob.error();
  }
  json manifest = {{"schemaVersion", 2},
                   {"mediaType", is_oci ? kManifestType : kDockerManifestType},
                   {"config", ToJson(*config_blob)},
                   {"layers", json::array()}};
  for (const Descriptor& layer : below->layers) {
    manifest["layers"].push_back(ToJson(layer));
  }
  for (const NamedLayer& layer : layers) {
    Descriptor blob = layer.layer.blob;
    blob.media_type = is_oci ? kLayerType : kDockerLayerType;
    manifest["layers"].push_back(ToJson(blob));
  }
  const auto manifest_text = CanonicalJson(manifest);
  if (!manifest_text) {
    return manifest_text.error();
  }
  const auto written = store.Put(is_oci ? kManifestType : kDockerManifestType, *manifest_text);
  return written ? ReadImage(written->digest, store) : Result<Image>(written.error());
}

}  // namespace casemate::oci
