#include <algorithm>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/decode.h"
#include "sandbox/container/engine/names.h"

namespace casemate::container {
namespace {

using nlohmann::json;

// Podman leaves the algorithm out.
std::string IdOf(const json& image) {
  std::string id = TextOf(image, "Id");
  return id.find(':') == std::string::npos ? "sha256:" + id : id;
}

// -1 and the like mean: not known.
std::int64_t BytesOf(const json& from, const char* name) {
  return std::max<std::int64_t>(0, NumberOf(from, name));
}

std::int64_t Sum(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? a : sum;
}

void DecodeImages(const json& images, const std::set<std::string>& nameless, DiskUsage& into) {
  std::int64_t unshared = 0;
  for (const json& image : images) {
    const std::int64_t size = BytesOf(image, "Size");
    const std::int64_t own = size - std::min(size, BytesOf(image, "SharedSize"));
    unshared = Sum(unshared, own);
    const std::string id = IdOf(image);
    if (NumberOf(image, "Containers") == 0 && nameless.contains(id) && IsImageId(id)) {
      into.dangling.push_back({id, own});
    }
  }
  // Podman 4 counts no layers.
  into.image_bytes = into.image_bytes > 0 ? into.image_bytes : unshared;
}

void DecodeCache(const json& entries, DiskUsage& into) {
  for (const json& entry : entries) {
    // What an image has, too, frees nothing.
    if (!FlagOf(entry, "InUse") && !FlagOf(entry, "Shared")) {
      into.idle_cache_bytes = Sum(into.idle_cache_bytes, BytesOf(entry, "Size"));
      ++into.idle_cache_entries;
    }
  }
}

const json& ListOf(const json& from, const char* name) {
  static const json kEmpty = json::array();
  const json& list = MemberOf(from, name);
  return list.is_array() ? list : kEmpty;
}

}  // namespace

DiskUsage DecodeDiskUsage(const json& usage, const json& dangling) {
  DiskUsage disk;
  std::set<std::string> nameless;
  if (dangling.is_array()) {
    for (const json& image : dangling) {
      nameless.insert(IdOf(image));
    }
  }
  disk.image_bytes = BytesOf(usage, "LayersSize");
  DecodeImages(ListOf(usage, "Images"), nameless, disk);
  for (const json& volume : ListOf(usage, "Volumes")) {
    const json& use = MemberOf(volume, "UsageData");
    // A volume of which nobody says whether it is used counts as used.
    const bool used = !MemberOf(use, "RefCount").is_number() || NumberOf(use, "RefCount") != 0;
    disk.volumes.push_back({TextOf(volume, "Name"), BytesOf(use, "Size"), used});
  }
  for (const json& container : ListOf(usage, "Containers")) {
    disk.written.emplace_back(TextOf(container, "Id"), BytesOf(container, "SizeRw"));
  }
  DecodeCache(ListOf(usage, "BuildCache"), disk);
  return disk;
}

}  // namespace casemate::container
