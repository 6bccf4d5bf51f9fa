// UploadBlob: a blob in chunks. After a failure the registry is asked how much it has, and told the
// rest; one that has forgotten all of it is told all of it again.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <utility>

#include "sandbox/container/registry/attempts.h"
#include "sandbox/container/registry/transfer.h"

namespace casemate::registry {
namespace {

class Upload {
 public:
  Upload(Session& session, const oci::Descriptor& blob, UniqueFd file, const ProgressSink& progress,
         const std::stop_token& stop)
      : session_(session),
        blob_(blob),
        file_(std::move(file)),
        progress_(progress),
        stop_(stop),
        attempts_(session.options().retry, stop) {}

  Result<int> Run() {
    Next next = Next::kBegin;
    while (next != Next::kNothing) {
      failure_.reset();
      auto step = Do(next);
      if (!step) {
        return std::move(step).error();
      }
      next = *step;
      if (failure_) {
        Tell(Progress::Kind::kAgain, failure_->message);
        if (auto again = attempts_.Again(*std::move(failure_), furthest_, retry_after_); !again) {
          return std::move(again).error();
        }
      }
    }
    return attempts_.failures();
  }

 private:
  enum class Next { kBegin, kChunk, kAsk, kFinish, kLook, kNothing };

  Result<Next> Do(Next next) {
    switch (next) {
      case Next::kBegin:
        return Begin();
      case Next::kChunk:
        return Chunk();
      case Next::kAsk:
        return Ask();
      case Next::kFinish:
        return Finish();
      default:
        return Look();
    }
  }

  void Tell(Progress::Kind kind, std::string_view words = {}) const {
    if (progress_) {
      progress_({kind, blob_.digest, offset_, blob_.size, words});
    }
  }

  // It goes on with `next` after a wait, if it may pass.
  Result<Next> Failed(Error why, Next next) {
    if (why.code == ErrorCode::kCancelled) {
      return why;
    }
    failure_ = std::move(why);
    return next;
  }

  // `reply` is no success: goes on with `next` if that can help.
  Result<Next> Refused(const Reply& reply, Next next) {
    retry_after_ = RetryAfter(reply.Header("Retry-After"));
    Error error = session_.ErrorOf(reply, "the blob " + blob_.digest);
    if (MayPass(reply.status()) || reply.status() == 416) {
      return Failed(std::move(error), next);
    }
    // The upload is unknown, or not in a state that it could go on from.
    if (reply.status() == 404 || reply.status() == 400 || reply.status() == 409) {
      return Failed(std::move(error), Next::kBegin);
    }
    return error;
  }

  Result<Reply> Send(Call call) {
    retry_after_ = -1;
    call.push = true;
    return session_.Send(std::move(call));
  }

  // The Location, which many registries change with each answer.
  Result<void> TakeLocation(const Reply& reply) {
    if (reply.Header("Location").empty()) {
      return {};
    }
    auto location = session_.LocationOf(reply);
    if (!location) {
      return std::move(location).error();
    }
    location_ = std::move(location).value();
    return {};
  }

  void MoveTo(std::int64_t offset) {
    offset_ = offset;
    furthest_ = std::max(furthest_, offset);
    Tell(Progress::Kind::kMoved);
  }

  Result<Next> Begin() {
    Call call{.url = session_.At("/blobs/uploads/"), .limits = LimitsFor(0, stop_)};
    call.request.method = "POST";
    auto reply = Send(std::move(call));
    if (!reply) {
      return MayPass(reply.error()) ? Failed(reply.error(), Next::kBegin) : reply.error();
    }
    if (!IsSuccess(reply->status())) {
      if (MayPass(reply->status())) {
        return Refused(*reply, Next::kBegin);
      }
      return session_.ErrorOf(*reply, "an upload");
    }
    auto location = session_.LocationOf(*reply);
    if (!location) {
      return std::move(location).error();
    }
    location_ = std::move(location).value();
    offset_ = 0;
    return blob_.size == 0 ? Next::kFinish : Next::kChunk;
  }

  Result<std::string> ReadChunk() const {
    const auto left =
        static_cast<std::size_t>(std::min(session_.options().chunk_bytes, blob_.size - offset_));
    std::string bytes(left, '\0');
    std::size_t got = 0;
    while (got < left) {
      const ssize_t read = pread(file_.get(), bytes.data() + got, left - got,
                                 offset_ + static_cast<std::int64_t>(got));
      if (read > 0) {
        got += static_cast<std::size_t>(read);
      } else if (read == 0 || errno != EINTR) {
        return ErrnoError("cannot read the blob " + blob_.digest, read == 0 ? EIO : errno);
      }
    }
    return bytes;
  }

  Result<Next> Chunk() {
    auto bytes = ReadChunk();
    if (!bytes) {
      return std::move(bytes).error();
    }
    const auto size = static_cast<std::int64_t>(bytes->size());
    const std::int64_t end = offset_ + size;
    Call call{.url = location_, .limits = LimitsFor(size, stop_)};
    call.request.method = "PATCH";
    call.request.headers.emplace_back("Content-Range",
                                      std::to_string(offset_) + "-" + std::to_string(end - 1));
    call.request.body = std::move(bytes).value();
    call.request.content_type = "application/octet-stream";
    auto reply = Send(std::move(call));
    if (!reply) {
      return MayPass(reply.error()) ? Failed(reply.error(), Next::kAsk) : reply.error();
    }
    if (!IsSuccess(reply->status())) {
      return Refused(*reply, Next::kAsk);
    }
    if (auto taken = TakeLocation(*reply); !taken) {
      return std::move(taken).error();
    }
    const std::string_view range = reply->Header("Range");
    const std::int64_t reached = range.empty() ? end : LastOfRange(range) + 1;
    // "0-0" is said for nothing, too.
    const bool is_nothing = reached == offset_ || (reached == 1 && end > 1);
    if (is_nothing || reached < offset_ || reached > end) {
      return Failed(
          Error{ErrorCode::kUnavailable,
                blob_.digest + ": the registry was sent the bytes " + std::to_string(offset_) +
                    "-" + std::to_string(end - 1) + " and says that it has others",
                {},
                "see what the registry logs",
                0},
          is_nothing ? Next::kAsk : Next::kBegin);
    }
    MoveTo(reached);
    return offset_ == blob_.size ? Next::kFinish : Next::kChunk;
  }

  Result<Next> Ask() {
    Call call{.url = location_, .limits = LimitsFor(0, stop_)};
    auto reply = Send(std::move(call));
    if (!reply) {
      return MayPass(reply.error()) ? Failed(reply.error(), Next::kAsk) : reply.error();
    }
    if (MayPass(reply->status())) {
      return Refused(*reply, Next::kAsk);
    }
    if (!IsSuccess(reply->status())) {
      return Next::kBegin;  // the failure that led here has been counted
    }
    if (auto taken = TakeLocation(*reply); !taken) {
      return std::move(taken).error();
    }
    const std::string_view range = reply->Header("Range");
    const std::int64_t last = LastOfRange(range);
    if (last < 0 || last >= blob_.size) {
      return Next::kBegin;
    }
    // "0-0" is said for nothing, too; who has one byte refuses it twice, and begins anew.
    MoveTo(last == 0 && blob_.size > 1 ? 0 : last + 1);
    return offset_ == blob_.size ? Next::kFinish : Next::kChunk;
  }

  Result<Next> Finish() {
    // Some put together what they have only now, and say nothing meanwhile.
    Call call{.url = location_, .limits = LimitsFor(blob_.size, stop_), .patience = 10};
    call.limits.total_ms *= 10;
    call.request.method = "PUT";
    call.request.content_type = "application/octet-stream";
    call.url.target = WithParameter(std::move(call.url.target), "digest", blob_.digest);
    auto reply = Send(std::move(call));
    if (!reply) {
      return MayPass(reply.error()) ? Failed(reply.error(), Next::kLook) : reply.error();
    }
    return IsSuccess(reply->status()) ? Result<Next>(Next::kNothing) : Refused(*reply, Next::kLook);
  }

  // Whether the end was taken, though its answer was lost.
  Result<Next> Look() {
    auto there = HasBlob(session_, blob_, true, stop_);
    if (!there) {
      return MayPass(there.error()) ? Failed(there.error(), Next::kLook) : there.error();
    }
    return *there ? Next::kNothing : Next::kAsk;
  }

  Session& session_;
  const oci::Descriptor& blob_;
  const UniqueFd file_;
  const ProgressSink& progress_;
  const std::stop_token& stop_;
  Attempts attempts_;
  Url location_;
  std::int64_t offset_ = 0;
  std::int64_t furthest_ = 0;
  std::int64_t retry_after_ = -1;
  std::optional<Error> failure_;
};

}  // namespace

std::int64_t LastOfRange(std::string_view range) {
  constexpr std::string_view kUnit = "bytes=";
  constexpr std::string_view kFirst = "0-";
  if (range.starts_with(kUnit)) {
    range.remove_prefix(kUnit.size());
  }
  if (!range.starts_with(kFirst)) {
    return -1;
  }
  range.remove_prefix(kFirst.size());
  std::int64_t last = -1;
  const auto read = std::from_chars(range.data(), range.data() + range.size(), last);
  const bool is_number = read.ec == std::errc() && read.ptr == range.data() + range.size();
  return is_number && last >= 0 && last < (std::int64_t{1} << 62) ? last : -1;
}

Result<bool> HasBlob(Session& session, const oci::Descriptor& blob, bool push,
                     const std::stop_token& stop) {
  Call call{.url = session.At("/blobs/" + blob.digest), .limits = LimitsFor(0, stop), .push = push};
  call.request.method = "HEAD";
  auto reply = session.SendPersistently(call);
  if (!reply) {
    return std::move(reply).error();
  }
  if (reply->status() == 404) {
    return false;
  }
  if (!IsSuccess(reply->status())) {
    return session.ErrorOf(*reply, "the blob " + blob.digest);
  }
  const std::string_view length = reply->Header("Content-Length");
  if (!length.empty() && length != std::to_string(blob.size)) {
    return Error{
        ErrorCode::kDataLoss,
        blob.digest + ": expected " + std::to_string(blob.size) + " bytes, the registry has others",
        {},
        "have the registry mended",
        0};
  }
  return true;
}

Result<int> UploadBlob(Session& session, const oci::Descriptor& blob, const oci::BlobStore& store,
                       const ProgressSink& progress, const std::stop_token& stop) {
  // What is damaged here would only be refused after all of it was sent.
  if (auto whole = store.Check(blob.digest); !whole) {
    return std::move(whole).error();
  }
  auto file = store.OpenBlob(blob.digest);
  if (!file) {
    return std::move(file).error();
  }
  return Upload(session, blob, std::move(file).value(), progress, stop).Run();
}

}  // namespace casemate::registry
