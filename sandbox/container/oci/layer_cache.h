// LayerCache: layers that were written before, by the key of their plan (LayerPlan::Key), beside
// the blobs of a store. One that is damaged is forgotten and made again, never used. Thread-safe;
// several processes may share a directory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/layer.h"

namespace casemate::oci {

class LayerCache {
 public:
  // Makes `<store>/layers`. `store` is borrowed. Errors: of the kernel.
  static Result<std::unique_ptr<LayerCache>> Open(BlobStore& store);

  // The layer, whose blob was read and compared; nullopt: make it.
  [[nodiscard]] std::optional<Layer> Find(const std::string& key) const;
  Result<void> Put(const std::string& key, const Layer& layer);
  void Forget(const std::string& key) const;
  // Forgets layers whose blobs are gone, and removes what killed processes left and locks that
  // nobody holds; nothing that was made after `before_ms` (since 1970).
  void Sweep(std::int64_t before_ms) const;

  // Held by who makes the layer of that key; others wait for it, and then find it. Released with
  // the descriptor. Errors: of the kernel; kCancelled.
  [[nodiscard]] Result<UniqueFd> LockFor(const std::string& key, const std::stop_token& stop) const;

 private:
  LayerCache(BlobStore& store, std::string directory)
      : store_(store), directory_(std::move(directory)) {}
  [[nodiscard]] std::string PathOf(const std::string& key) const { return directory_ + "/" + key; }

  BlobStore& store_;
  const std::string directory_;
};

}  // namespace casemate::oci
