// BlobStore: content below one directory, named by its digest, as an OCI image layout keeps it
// (blobs/sha256/HEX). What has a name is whole: it is written beside, checked, and then named. What
// is read is checked again; what turns out to be damaged is set aside and never served.
// Thread-safe; several processes may share a directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/container/oci/descriptor.h"

namespace casemate::oci {

// A blob that is being written; dropped unless it is committed. One thread at a time.
class BlobWriter {
 public:
  BlobWriter(BlobWriter&& other) noexcept = default;
  BlobWriter& operator=(BlobWriter&& other) = delete;
  ~BlobWriter();
  // Errors: kResourceExhausted when the disk is full; of the kernel.
  Result<void> Write(std::string_view bytes);
  // Bytes so far.
  [[nodiscard]] std::int64_t size() const { return size_; }
  // Names it by its digest; one that is there already stays. `expected`: a digest that it must
  // have; empty: any. Errors: kDataLoss when the digest is another one.
  Result<Descriptor> Commit(std::string_view media_type, std::string_view expected = {});

 private:
  friend class BlobStore;
  BlobWriter(int blobs, std::string name, UniqueFd file);

  int blobs_;         // directory of the store, which outlives this
  std::string name_;  // until it is committed; empty: it has been
  UniqueFd file_;
  Sha256 hash_;
  std::int64_t size_ = 0;
};

class BlobStore {
 public:
  // Makes what is missing, for this user only. Errors: of the kernel.
  static Result<std::unique_ptr<BlobStore>> Open(const std::string& directory);
  BlobStore(const BlobStore&) = delete;
  BlobStore& operator=(const BlobStore&) = delete;

  [[nodiscard]] const std::string& directory() const { return directory_; }
  // Bytes of the blob with that digest; -1: there is none.
  [[nodiscard]] std::int64_t SizeOf(std::string_view digest) const;
  [[nodiscard]] bool Has(const Descriptor& blob) const { return SizeOf(blob.digest) == blob.size; }

  Result<BlobWriter> Write();
  Result<Descriptor> Put(std::string_view media_type, std::string_view bytes);
  // Errors: kNotFound; kDataLoss when it is damaged; kResourceExhausted beyond `max_bytes`.
  [[nodiscard]] Result<std::string> Read(std::string_view digest, std::size_t max_bytes) const;
  // In pieces of at most 256 KiB, and `true` from `piece` to go on. What was damaged is known at
  // the end only. Errors: as of Read; kCancelled when `piece` returned false.
  [[nodiscard]] Result<void> Stream(std::string_view digest,
                                    const std::function<bool(std::string_view)>& piece) const;
  // Reads it and compares. Errors: as of Read.
  [[nodiscard]] Result<void> Check(std::string_view digest) const;
  // For reading from any place, unchecked. Errors: kNotFound.
  [[nodiscard]] Result<UniqueFd> OpenBlob(std::string_view digest) const;
  Result<void> Remove(std::string_view digest);
  // Digests of all blobs, in order.
  [[nodiscard]] std::vector<std::string> All() const;

 private:
  BlobStore(std::string directory, UniqueFd blobs);
  // A name for what was damaged, so that it is not found again.
  void SetAside(std::string_view digest) const;

  const std::string directory_;
  const UniqueFd blobs_;  // blobs/sha256
};

}  // namespace casemate::oci
