#include "sandbox/container/engine/module/attempt.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace casemate::container {
namespace {

using Failure = SocketStream::Failure;

constexpr std::size_t kMaxErrorBytes = std::size_t{1} << 20;  // of an answer that is no success

bool IsSuccess(int status) {
  return status >= 200 && status < 300;
}

// Answers that have no body, whatever their headers say (RFC 9110, 15.4.5).
bool HasNoBody(int status) {
  return status == 204 || status == 304;
}

// Opens what of cpp-httplib's client we use: one request and its answer, on a given stream.
class HttpClient final : public httplib::ClientImpl {
 public:
  HttpClient() : ClientImpl("localhost") {
    set_decompress(false);
    set_url_encode(false);
  }
  using ClientImpl::process_request;
};

}  // namespace

Error Attempt::Unavailable(const std::string& what) const {
  return Error{ErrorCode::kUnavailable, peer_.name + ": " + what, {}, peer_.remedy, 0};
}

httplib::Request Attempt::MakeRequest() {
  httplib::Request made;
  made.method = request_.method;
  made.path = request_.target;
  for (const auto& [name, value] : request_.headers) {
    made.headers.emplace(name, value);
  }
  if (!request_.content_type.empty()) {
    made.headers.emplace("Content-Type", request_.content_type);
  }
  if (request_.body_source) {
    made.headers.emplace("Transfer-Encoding", "chunked");
    made.is_chunked_content_provider_ = true;
    made.content_provider_ = [this](std::size_t, std::size_t, httplib::DataSink& sink) {
      return GiveBody(sink);
    };
  } else {
    made.body = request_.body;
  }
  made.response_handler = [this](const httplib::Response& response) { return TakeHead(response); };
  made.content_receiver = [this](const char* bytes, std::size_t size, std::uint64_t,
                                 std::uint64_t) { return TakeBody(bytes, size); };
  return made;
}

bool Attempt::GiveBody(httplib::DataSink& sink) {
  if (stream_.is_write_broken()) {
    sink.done();  // what it answered is what counts
    return true;
  }
  chunk_.clear();
  if (auto given = request_.body_source(chunk_); !given) {
    error_ = std::move(given).error();
    return false;
  }
  if (chunk_.empty()) {
    sink.done();
    return true;
  }
  return sink.write(chunk_.data(), chunk_.size());
}

// Of the last head: those before it are 1xx.
void Attempt::TakeHeaders() {
  reply_.headers.clear();
  std::string_view head = stream_.head();
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 1, head.size()));
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    const std::size_t colon = line.find(':');
    if (line.empty() && !head.empty()) {
      reply_.headers.clear();
    } else if (colon != std::string_view::npos && !line.starts_with("HTTP/")) {
      const std::size_t value = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
      reply_.headers.emplace_back(line.substr(0, colon), line.substr(value));
    }
  }
}

bool Attempt::TakeHead(const httplib::Response& response) {
  stream_.EndHead();
  reply_.status = response.status;
  enough_ = HasNoBody(response.status);
  if (!enough_ && options_.on_head && IsSuccess(reply_.status)) {
    TakeHeaders();
    enough_ = !options_.on_head(reply_);
  }
  return !enough_;
}

bool Attempt::TakeBody(const char* bytes, std::size_t size) {
  stream_.BeginLine();
  if (options_.on_body && IsSuccess(reply_.status)) {
    enough_ = !options_.on_body(std::string_view(bytes, size));
    return !enough_;
  }
  const std::size_t bound = IsSuccess(reply_.status)
                                ? options_.max_body_bytes
                                : std::min(options_.max_body_bytes, kMaxErrorBytes);
  if (size > bound - reply_.body.size()) {
    error_ =
        Error{ErrorCode::kResourceExhausted,
              peer_.name + ": the " + peer_.kind + "'s answer is too large: expected at most " +
                  std::to_string(bound) + " bytes, got more",
              {},
              "ask for less at once",
              0};
    return false;
  }
  reply_.body.append(bytes, size);
  return true;
}

Error Attempt::WhyItFailed() const {
  switch (stream_.failure()) {
    case Failure::kStopped:
      return Error{ErrorCode::kCancelled, "the call was taken back", {}, {}, 0};
    case Failure::kIdle:
      return Unavailable("expected an answer, got no byte for " +
                         std::to_string(stream_.patience_ms()) + " ms: it hangs");
    case Failure::kDeadline:
      return Unavailable("expected an answer within " + std::to_string(options_.total_ms) +
                         " ms, got " +
                         (stream_.has_received() ? "only a part of it" : "none: it hangs"));
    case Failure::kLineTooLong:
      return Unavailable("expected an answer in HTTP/1.1, got a head or a line of over 64 KiB");
    case Failure::kTls:
      if (tls_->is_untrusted()) {
        return Error{ErrorCode::kPermissionDenied,
                     peer_.name + ": its certificate is not to be trusted: " + tls_->why(),
                     {},
                     "see that the name is right, or name the file with the certificate authority "
                     "that has signed it",
                     0};
      }
      return Unavailable("TLS failed: " + tls_->why());
    default:
      break;
  }
  if (!stream_.has_received()) {
    return Unavailable("expected an answer, got the end of the connection");
  }
  return Unavailable("expected an answer in HTTP/1.1, got one that breaks off or is none");
}

Result<EngineReply> Attempt::Run() {
  if (!stream_.Handshake()) {
    broke_off_ = true;
    return WhyItFailed();
  }
  HttpClient client;
  httplib::Request request = MakeRequest();
  httplib::Response response;
  auto error = httplib::Error::Success;
  const bool done = client.process_request(stream_, request, response, false, error);
  if (error_.has_value()) {
    return *std::move(error_);
  }
  if (!done && !enough_) {
    broke_off_ = true;
    return WhyItFailed();
  }
  reply_.status = response.status;
  TakeHeaders();
  // A body that was not read to its end would be the next answer.
  reusable_ = (done || HasNoBody(reply_.status)) && stream_.is_drained() &&
              !stream_.is_write_broken() && response.version == "HTTP/1.1" &&
              response.get_header_value("Connection") != "close" &&
              (HasNoBody(reply_.status) || response.has_header("Content-Length") ||
               response.has_header("Transfer-Encoding"));
  return std::move(reply_);
}

}  // namespace casemate::container
