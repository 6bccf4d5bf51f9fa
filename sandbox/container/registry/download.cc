// Download: a blob in pieces, each verified as a part of the whole.
#include <algorithm>
#include <optional>
#include <utility>

#include "sandbox/container/registry/attempts.h"
#include "sandbox/container/registry/transfer.h"

namespace casemate::registry {
namespace {

constexpr std::int64_t kPatienceMs = 60'000;
constexpr std::int64_t kSlowestPerMs = 8;  // bytes, below which a connection is given up

class Fetching {
 public:
  Fetching(Session& session, const oci::Descriptor& blob, const ProgressSink& progress,
           const std::stop_token& stop)
      : session_(session), blob_(blob), progress_(progress), stop_(stop) {}

  // Until the writer has all of it.
  Result<void> Run(oci::BlobWriter& writer) {
    Attempts attempts(session_.options().retry, stop_);
    do {
      auto piece = Piece(writer);
      if (piece && writer.size() == blob_.size) {
        return {};
      }
      if (!piece && !MayPass(piece.error())) {
        return piece;
      }
      Error why = piece ? BreaksOff() : piece.error();
      if (progress_) {
        progress_({Progress::Kind::kAgain, blob_.digest, writer.size(), blob_.size, why.message});
      }
      if (auto again = attempts.Again(std::move(why), writer.size(), retry_after_); !again) {
        return again;
      }
    } while (true);
  }

 private:
  [[nodiscard]] Error BreaksOff() const {
    return Error{
        ErrorCode::kUnavailable, blob_.digest + ": it breaks off", {}, "try again later", 0};
  }
  [[nodiscard]] Error Wrong(const std::string& what) const {
    return Error{ErrorCode::kDataLoss,
                 blob_.digest + ": " + what,
                 {},
                 "have the registry mended, or take the image from another one",
                 0};
  }

  // What of the body was there before: all of it if the registry took no notice of the range.
  bool TakeHead(const container::EngineReply& head, std::int64_t have) {
    if (head.status == 200) {
      skip_ = have;
      return true;
    }
    const std::string begin = "bytes " + std::to_string(have) + "-";
    if (head.status != 206 || have == 0 || !HeaderOf(head, "Content-Range").starts_with(begin)) {
      error_ = Wrong("the registry sends another part of it than was asked for");
      return false;
    }
    return true;
  }

  bool TakeBody(std::string_view bytes, oci::BlobWriter& writer) {
    const std::int64_t skipped = std::min(skip_, static_cast<std::int64_t>(bytes.size()));
    skip_ -= skipped;
    bytes.remove_prefix(static_cast<std::size_t>(skipped));
    if (static_cast<std::int64_t>(bytes.size()) > blob_.size - writer.size()) {
      error_ = Wrong("expected " + std::to_string(blob_.size) + " bytes, got more");
      return false;
    }
    if (auto written = writer.Write(bytes); !written) {
      error_ = written.error();
      return false;
    }
    if (progress_ && !bytes.empty()) {
      progress_({Progress::Kind::kMoved, blob_.digest, writer.size(), blob_.size, {}});
    }
    return true;
  }

  Result<void> Piece(oci::BlobWriter& writer) {
    const std::int64_t have = writer.size();
    skip_ = 0;
    error_.reset();
    retry_after_ = -1;
    Call call{.url = session_.At("/blobs/" + blob_.digest), .limits = LimitsFor(blob_.size, stop_)};
    if (have > 0) {
      call.request.headers.emplace_back("Range", "bytes=" + std::to_string(have) + "-");
    }
    call.limits.on_head = [&](const container::EngineReply& head) { return TakeHead(head, have); };
    call.limits.on_body = [&](std::string_view bytes) { return TakeBody(bytes, writer); };
    auto reply = session_.Send(std::move(call));
    if (error_) {
      return *error_;
    }
    if (!reply) {
      return std::move(reply).error();
    }
    if (!IsSuccess(reply->status())) {
      retry_after_ = RetryAfter(reply->Header("Retry-After"));
      Error error = session_.ErrorOf(*reply, "the blob " + blob_.digest);
      if (MayPass(reply->status())) {
        error.code = ErrorCode::kUnavailable;
      } else if (error.code == ErrorCode::kUnavailable) {
        error.code = ErrorCode::kDataLoss;  // 416 and the like: it does not get better
      }
      return error;
    }
    return {};
  }

  Session& session_;
  const oci::Descriptor& blob_;
  const ProgressSink& progress_;
  const std::stop_token& stop_;
  std::int64_t skip_ = 0;
  std::int64_t retry_after_ = -1;
  std::optional<Error> error_;
};

}  // namespace

container::ExchangeOptions LimitsFor(std::int64_t bytes, const std::stop_token& stop) {
  return {.total_ms = kPatienceMs + bytes / kSlowestPerMs, .stop = stop};
}

Result<void> Download(Session& session, const oci::Descriptor& blob, oci::BlobStore& store,
                      const ProgressSink& progress, const std::stop_token& stop) {
  if (store.Has(blob) && store.Check(blob.digest)) {
    if (progress) {
      progress({Progress::Kind::kPresent, blob.digest, blob.size, blob.size, {}});
    }
    return {};
  }
  auto writer = store.Write();
  if (!writer) {
    return std::move(writer).error();
  }
  if (auto fetched = Fetching(session, blob, progress, stop).Run(*writer); !fetched) {
    return fetched;
  }
  if (auto made = writer->Commit(blob.media_type, blob.digest); !made) {
    return std::move(made).error();
  }
  if (progress) {
    progress({Progress::Kind::kDone, blob.digest, blob.size, blob.size, {}});
  }
  return {};
}

}  // namespace casemate::registry
