#include "sandbox/container/oci/layer_reader.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"

namespace casemate::oci {
namespace {

constexpr std::size_t kOutBytes = std::size_t{256} << 10;
constexpr std::size_t kInBytes = std::size_t{1} << 20;  // at once, so that zlib's counts hold it
constexpr int kGzipWindow = 15 + 16;                    // the largest, and no format but gzip

Error Cancelled() {
  return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
}

Error WrongGzip(const std::string& what) {
  return InvalidArgument("layer", "expected gzip (RFC 1952), got " + what);
}

TarLimits TarLimitsOf(const LayerLimits& limits) {
  TarLimits tar;
  tar.max_entries = limits.max_entries;
  tar.max_file_bytes = std::min(tar.max_file_bytes, limits.max_bytes);
  return tar;
}

}  // namespace

// zlib's state, which must stay where it is.
class LayerStream::Inflater {
 public:
  Inflater() : out_(kOutBytes, '\0') { is_ready_ = inflateInit2(&stream_, kGzipWindow) == Z_OK; }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (is_ready_) {
      inflateEnd(&stream_);
    }
  }

  // After a member: the next one, or zeros up to the end. `bytes` is what is left, and not nothing.
  Result<void> BeginMember(std::string_view bytes) {
    is_padding_ = is_padding_ || bytes[0] == '\0';
    if (is_padding_) {
      const bool is_clean = bytes.find_first_not_of('\0') == std::string_view::npos;
      return is_clean ? Result<void>() : WrongGzip("something else after its last member");
    }
    is_between_ = false;
    return inflateReset(&stream_) == Z_OK ? Result<void>() : WrongGzip("a state that cannot be");
  }

  z_stream stream_{};
  bool is_ready_ = false;
  std::string out_;
  bool is_between_ = false;  // after a member
  bool is_padding_ = false;  // zeros after the last
  bool has_member_ = false;
};

Result<LayerCompression> CompressionOf(std::string_view media_type) {
  constexpr auto kGzipTypes = std::to_array<std::string_view>({
      kLayerType,
      kDockerLayerType,
      "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  });
  constexpr auto kPlainTypes = std::to_array<std::string_view>({
      "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.docker.image.rootfs.diff.tar",
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
  });
  if (std::ranges::find(kGzipTypes, media_type) != kGzipTypes.end()) {
    return LayerCompression::kGzip;
  }
  if (std::ranges::find(kPlainTypes, media_type) != kPlainTypes.end()) {
    return LayerCompression::kNone;
  }
  if (media_type.ends_with("zstd")) {
    return Error{ErrorCode::kUnavailable, "this build does not read zstd", "layer",
                 "use an image whose layers are compressed by gzip", 0};
  }
  return InvalidArgument("layer", "expected a layer as tar or gzip, got " + Quoted(media_type));
}

LayerStream::LayerStream(LayerCompression compression, const LayerLimits& limits,
                         TarVisitor& visitor, std::stop_token stop)
    : limits_(limits), stop_(std::move(stop)), tar_(visitor, TarLimitsOf(limits)) {
  if (compression == LayerCompression::kGzip) {
    inflater_ = std::make_unique<Inflater>();
  }
}

LayerStream::~LayerStream() = default;

Result<void> LayerStream::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, kInBytes);
    bytes.remove_prefix(part.size());
    if (auto taken = inflater_ ? Inflate(part) : TakeUnpacked(part); !taken) {
      return taken;
    }
  }
  return {};
}

Result<void> LayerStream::TakeUnpacked(std::string_view bytes) {
  if (stop_.stop_requested()) {
    return Cancelled();
  }
  // The same bytes are told of, and the same error is the first, in whatever pieces they come.
  const std::string_view part =
      bytes.substr(0, static_cast<std::size_t>(limits_.max_bytes - bytes_));
  hash_.Update(part);
  bytes_ += static_cast<std::int64_t>(part.size());
  if (auto fed = tar_.Feed(part); !fed || part.size() == bytes.size()) {
    return fed;
  }
  return Error{
      ErrorCode::kResourceExhausted,
      "expected a layer of at most " + std::to_string(limits_.max_bytes) + " bytes unpacked",
      "layer",
      {},
      0};
}

Result<void> LayerStream::Inflate(std::string_view bytes) {
  Inflater& state = *inflater_;
  z_stream& stream = state.stream_;
  if (!state.is_ready_) {
    return Error{ErrorCode::kResourceExhausted, "there is no memory to unpack with", {}, {}, 0};
  }
  // zlib's interface has no const; it does not write there.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  bool has_more = false;  // the buffer was filled: there may be output without input
  while (stream.avail_in > 0 || has_more) {
    if (state.is_between_) {
      auto begun = state.BeginMember(bytes.substr(bytes.size() - stream.avail_in));
      if (!begun || state.is_padding_) {
        return begun;
      }
    }
    stream.next_out = reinterpret_cast<Bytef*>(state.out_.data());
    stream.avail_out = static_cast<uInt>(state.out_.size());
    const int done = inflate(&stream, Z_NO_FLUSH);
    const std::string_view out(state.out_.data(), state.out_.size() - stream.avail_out);
    has_more = stream.avail_out == 0 && done == Z_OK;
    state.is_between_ = done == Z_STREAM_END;
    state.has_member_ = state.has_member_ || state.is_between_;
    if (auto taken = TakeUnpacked(out); !taken) {
      return taken;
    }
    const bool is_fine = done == Z_OK || done == Z_STREAM_END || done == Z_BUF_ERROR;
    if (!is_fine) {
      return WrongGzip(stream.msg != nullptr ? stream.msg : "something else");
    }
  }
  return {};
}

Result<LayerContent> LayerStream::Finish() {
  if (inflater_ && (!inflater_->has_member_ || !inflater_->is_between_)) {
    return WrongGzip("its beginning only");
  }
  if (auto finished = tar_.Finish(); !finished) {
    return finished.error();
  }
  return LayerContent{"sha256:" + hash_.FinishHex(), bytes_, tar_.entries()};
}

Result<LayerContent> ReadLayer(const Descriptor& layer, const BlobStore& store,
                               const LayerLimits& limits, TarVisitor& visitor,
                               const std::stop_token& stop) {
  const auto compression = CompressionOf(layer.media_type);
  if (!compression) {
    return compression.error();
  }
  const std::int64_t size = store.SizeOf(layer.digest);
  if (size < 0) {
    return Error{ErrorCode::kNotFound, "the layer " + layer.digest + " is missing", "layer",
                 "fetch the image again", 0};
  }
  if (size != layer.size) {
    return Error{ErrorCode::kDataLoss,
                 "expected " + std::to_string(layer.size) + " bytes as the layer " + layer.digest +
                     ", got " + std::to_string(size),
                 "layer", "fetch the image again", 0};
  }
  LayerStream stream(*compression, limits, visitor, stop);
  Result<void> fed;
  auto streamed = store.Stream(layer.digest, [&](std::string_view piece) {
    fed = stream.Feed(piece);
    return fed.ok();
  });
  if (fed && !streamed) {
    return streamed.error();
  }
  auto finished = fed ? stream.Finish() : Result<LayerContent>(fed.error());
  if (!finished && finished.error().code == ErrorCode::kInvalidArgument) {
    // What is damaged says nothing about who made it.
    if (auto checked = store.Check(layer.digest); !checked) {
      return checked.error();
    }
  }
  return finished;
}

}  // namespace casemate::oci
