// GzipMembers: bytes compressed in pieces of 1 MiB, each a gzip member (RFC 1952, 2.2), by as many
// threads as there are processors and with the same outcome as by one. Used by one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <future>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/container/oci/blob_store.h"

namespace casemate::oci {

class GzipMembers {
 public:
  static constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
  // "gzip libdeflate-1.14 level-6 1048576"
  static std::string_view Format();

  explicit GzipMembers(BlobWriter blob);
  // Errors: as of BlobWriter.
  Result<void> Write(std::string_view bytes);
  Result<Descriptor> Finish(std::string_view media_type);

 private:
  // Hands the piece to a thread.
  Result<void> Begin();
  // Writes the oldest of those that are under way.
  Result<void> TakeOldest();

  BlobWriter blob_;
  std::string piece_;
  bool has_written_ = false;
  const std::size_t most_at_once_;
  std::deque<std::future<std::string>> under_way_;
};

}  // namespace casemate::oci
