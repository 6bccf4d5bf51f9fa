#include "sandbox/container/oci/gzip_members.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

namespace casemate::oci {
namespace {

constexpr int kLevel = 6;
constexpr std::size_t kMostThreads = 16;

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};

// Empty: there is no memory.
std::string Compress(const std::string& piece) {
  // One for each thread that compresses; what a thread had is gone with it.
  const std::unique_ptr<libdeflate_compressor, FreeCompressor> compressor(
      libdeflate_alloc_compressor(kLevel));
  if (!compressor) {
    return {};
  }
  std::string out(libdeflate_gzip_compress_bound(compressor.get(), piece.size()), '\0');
  out.resize(libdeflate_gzip_compress(compressor.get(), piece.data(), piece.size(), out.data(),
                                      out.size()));
  return out;
}

}  // namespace

std::string_view GzipMembers::Format() {
  return "gzip libdeflate-" LIBDEFLATE_VERSION_STRING " level-6 1048576";
}

GzipMembers::GzipMembers(BlobWriter blob)
    : blob_(std::move(blob)),
      most_at_once_(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostThreads)) {
  piece_.reserve(kPieceBytes);
}

Result<void> GzipMembers::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t part = std::min(bytes.size(), kPieceBytes - piece_.size());
    piece_ += bytes.substr(0, part);
    bytes.remove_prefix(part);
    if (piece_.size() == kPieceBytes) {
      if (auto begun = Begin(); !begun) {
        return begun;
      }
    }
  }
  return {};
}

Result<void> GzipMembers::Begin() {
  while (under_way_.size() >= most_at_once_) {
    if (auto taken = TakeOldest(); !taken) {
      return taken;
    }
  }
  has_written_ = true;
  std::string piece = std::exchange(piece_, {});
  under_way_.push_back(
      std::async(std::launch::async, [piece = std::move(piece)] { return Compress(piece); }));
  piece_.reserve(kPieceBytes);
  return {};
}

Result<void> GzipMembers::TakeOldest() {
  const std::string member = under_way_.front().get();
  under_way_.pop_front();
  if (member.empty()) {
    return Error{ErrorCode::kResourceExhausted, "there is no memory to compress with", {}, {}, 0};
  }
  return blob_.Write(member);
}

Result<Descriptor> GzipMembers::Finish(std::string_view media_type) {
  if (!piece_.empty() || !has_written_) {
    if (auto begun = Begin(); !begun) {
      return begun.error();
    }
  }
  while (!under_way_.empty()) {
    if (auto taken = TakeOldest(); !taken) {
      return taken.error();
    }
  }
  return blob_.Commit(media_type);
}

}  // namespace casemate::oci
