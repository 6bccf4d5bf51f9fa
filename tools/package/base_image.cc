#include "tools/package/base_image.h"

#include <algorithm>

#include "sandbox/container/oci/image.h"
#include "sandbox/container/registry/image_name.h"
#include "sandbox/container/registry/registry.h"

namespace casemate::package {
namespace {

// Whether all of it is there and whole: layers of a base are not read again before they are part of
// an image.
bool IsThere(const std::string& digest, const std::string& architecture,
             const oci::BlobStore& store) {
  if (store.SizeOf(digest) < 0) {
    return false;
  }
  const auto manifest = oci::ManifestFor(digest, architecture, store);
  const auto image =
      manifest ? oci::ReadImage(manifest->digest, store) : Result<oci::Image>(manifest.error());
  return image && std::ranges::all_of(image->layers, [&](const oci::Descriptor& layer) {
           return store.Has(layer) && store.Check(layer.digest);
         });
}

std::string Megabytes(std::int64_t bytes) {
  return std::to_string((bytes + 500'000) / 1'000'000) + " MB";
}

}  // namespace

Result<void> FetchBase(const std::string& reference, const std::string& architecture,
                       const registry::RegistryOptions& options, oci::BlobStore& store,
                       const Reporter& report, const std::stop_token& stop) {
  const auto name = registry::ParseImageName(reference);
  if (!name) {
    return name.error();
  }
  if (IsThere(name->digest, architecture, store)) {
    return {};
  }
  if (report) {
    report("fetching the base " + registry::TextOf(*name));
  }
  auto registry = registry::Registry::Open(*name, options, stop);
  if (!registry) {
    return registry.error();
  }
  const auto told = [&](const registry::Progress& progress) {
    if (report && progress.kind == registry::Progress::Kind::kDone) {
      report("fetched " + Megabytes(progress.total) + " of the base");
    } else if (report && progress.kind == registry::Progress::Kind::kAgain) {
      report("the registry broke off: " + std::string(progress.words));
    }
  };
  const registry::Platform platform{.os = "linux", .architecture = architecture};
  auto pulled = (*registry)->Pull(name->digest, platform, store, told, stop);
  return pulled ? Result<void>() : Result<void>(pulled.error());
}

}  // namespace casemate::package
