#include "tools/containerize/engine_digests.h"

#include <utility>

#include "sandbox/container/engine/names.h"

namespace casemate::containerize {

namespace {

constexpr std::int64_t kRegistryMs = 15'000;

// "docker.io/library/node" of a full reference with a tag.
std::string RepositoryOf(const std::string& reference) {
  const std::string full = FullReference(reference);
  const std::size_t slash = full.rfind('/');
  return full.substr(0, full.find_first_of(":@", slash == std::string::npos ? 0 : slash));
}

std::optional<std::string> LocalDigest(const container::Engine& engine,
                                       const std::string& reference, const std::stop_token& stop) {
  const auto image = engine.InspectImage(reference, {.stop = stop});
  if (!image) {
    return std::nullopt;
  }
  for (const std::string& known : image->digests) {
    const std::size_t at = known.find('@');
    if (at != std::string::npos && RepositoryOf(known.substr(0, at)) == RepositoryOf(reference) &&
        container::IsImageId(std::string_view(known).substr(at + 1))) {
      return known.substr(at + 1);
    }
  }
  return std::nullopt;
}

}  // namespace

DigestSource EngineDigests(std::shared_ptr<const container::Engine> engine, DigestScope scope,
                           std::stop_token stop) {
  return [engine = std::move(engine), scope,
          stop = std::move(stop)](const std::string& reference) -> std::optional<std::string> {
    if (auto digest = LocalDigest(*engine, reference, stop)) {
      return digest;
    }
    if (scope == DigestScope::kLocal) {
      return std::nullopt;
    }
    auto digest =
        engine->RegistryDigest(FullReference(reference), {.total_ms = kRegistryMs, .stop = stop});
    return digest ? std::optional(*std::move(digest)) : std::nullopt;
  };
}

}  // namespace casemate::containerize
