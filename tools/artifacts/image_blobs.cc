#include "tools/artifacts/image_blobs.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace casemate::artifacts {
namespace {

using nlohmann::json;

Error NoManifest(std::string_view digest, const std::string& why) {
  return InvalidArgument({}, std::string(digest) + " is no manifest of an image: " + why);
}

Result<json> ReadManifest(const oci::BlobStore& blobs, std::string_view digest) {
  auto text = blobs.Read(digest, oci::kMaxManifestBytes);
  if (!text) {
    return text.error();
  }
  auto root = ParseJson(*text, {.max_bytes = oci::kMaxManifestBytes, .max_depth = 32});
  if (!root) {
    return NoManifest(digest, root.error().message);
  }
  if (!root->is_object()) {
    return NoManifest(digest, "expected an object");
  }
  return root;
}

oci::Descriptor DescriptorOf(const oci::BlobStore& blobs, std::string_view digest, const json& root,
                             std::string_view standby) {
  const auto type = root.find("mediaType");
  return {type != root.end() && type->is_string() ? type->get<std::string>() : std::string(standby),
          std::string(digest), blobs.SizeOf(digest)};
}

Result<ImageManifest> ManifestFrom(oci::Descriptor descriptor, const json& root) {
  const auto config = root.find("config");
  const auto layers = root.find("layers");
  if (config == root.end() || layers == root.end() || !layers->is_array() ||
      layers->size() > kMaxImageLayers) {
    return NoManifest(descriptor.digest, "expected a config and at most 1024 layers");
  }
  auto config_descriptor = oci::DescriptorFrom(*config, "config");
  if (!config_descriptor) {
    return config_descriptor.error();
  }
  ImageManifest manifest{std::move(descriptor), *std::move(config_descriptor), {}};
  for (const json& layer : *layers) {
    auto layer_descriptor = oci::DescriptorFrom(layer, "layers");
    if (!layer_descriptor) {
      return layer_descriptor.error();
    }
    manifest.layers.push_back(*std::move(layer_descriptor));
  }
  return manifest;
}

Result<void> FollowIndex(const oci::BlobStore& blobs, const json& list, ImageBlobs& image) {
  if (!list.is_array() || list.empty() || list.size() > kMaxImageManifests) {
    return NoManifest(image.root.digest, "expected 1 to 64 manifests");
  }
  for (const json& item : list) {
    auto named = oci::DescriptorFrom(item, "manifests");
    if (!named) {
      return named.error();
    }
    auto root = ReadManifest(blobs, named->digest);
    if (!root) {
      return root.error();
    }
    auto manifest = ManifestFrom(*std::move(named), *root);
    if (!manifest) {
      return manifest.error();
    }
    image.manifests.push_back(*std::move(manifest));
  }
  return {};
}

}  // namespace

Result<ImageBlobs> FollowImage(const oci::BlobStore& blobs, std::string_view digest) {
  auto root = ReadManifest(blobs, digest);
  if (!root) {
    return root.error();
  }
  ImageBlobs image;
  const auto list = root->find("manifests");
  image.is_index = list != root->end();
  image.root =
      DescriptorOf(blobs, digest, *root, image.is_index ? oci::kIndexType : oci::kManifestType);
  if (image.is_index) {
    auto followed = FollowIndex(blobs, *list, image);
    return followed ? Result(std::move(image)) : Result<ImageBlobs>(followed.error());
  }
  auto manifest = ManifestFrom(image.root, *root);
  if (!manifest) {
    return manifest.error();
  }
  image.manifests.push_back(*std::move(manifest));
  return image;
}

}  // namespace casemate::artifacts
