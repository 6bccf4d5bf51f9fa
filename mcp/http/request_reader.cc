#include "mcp/http/request_reader.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include <boost/beast/http/basic_parser.hpp>

namespace casemate::http {
namespace {

namespace beast_http = boost::beast::http;
using boost::beast::string_view;
using BeastError = boost::beast::error_code;

constexpr std::string_view kEndOfHead = "\r\n\r\n";
// Nothing that Beast's chunk parser can still be waiting for is shorter: "0\r\n\r\n". Given less,
// its debug build asserts on a peer that dribbles.
constexpr std::size_t kShortestEnd = 5;

std::string Copy(string_view text) {
  return text.to_string();
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

bool IsDigits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsPresent(const HeaderValue& header) {
  return header.value.has_value() || header.repeated;
}

}  // namespace

// Beast's incremental parser, storing into a Request.
class RequestReader::Parser final : public beast_http::basic_parser<true> {
 public:
  Request request;
  std::size_t trailers = 0;
  int minor = 1;
  bool head_done = false;
  bool chunked_body = false;
  std::size_t sized_left = 0;  // of a body with Content-Length

  // The longest chunk header, or last chunk with its trailers, in what is put next: from `mark`.
  const char* mark = nullptr;
  std::size_t longest_frame = 0;
  void MeasureFrame(const char* end) {
    longest_frame = std::max(longest_frame, static_cast<std::size_t>(end - mark));
    mark = end;
  }

 private:
  void on_request_impl(beast_http::verb /*method*/, string_view method, string_view target,
                       int version, BeastError& ec) override {
    request.method = Copy(method);
    request.target = Copy(target);
    minor = version - 10;
    ec = {};
  }
  void on_response_impl(int /*code*/, string_view /*reason*/, int /*version*/,
                        BeastError& ec) override {
    ec = beast_http::error::bad_method;
  }
  void on_field_impl(beast_http::field /*name*/, string_view name, string_view value,
                     BeastError& ec) override {
    ec = {};
    if (head_done) {
      ++trailers;  // read and dropped: nobody acts on them
      return;
    }
    request.headers.emplace_back(Copy(name), Copy(value));
  }
  void on_header_impl(BeastError& ec) override { ec = {}; }
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*size*/, BeastError& ec) override {
    ec = {};
  }
  std::size_t on_body_impl(string_view body, BeastError& ec) override {
    ec = {};
    request.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t size, string_view extensions, BeastError& ec) override {
    ec = {};
    if (size > 0) {  // the last one belongs to its trailers
      MeasureFrame(extensions.data() + extensions.size() + 2);  // with the line's end
    }
  }
  std::size_t on_chunk_body_impl(std::uint64_t /*left*/, string_view body,
                                 BeastError& ec) override {
    mark = body.data() + body.size();
    return on_body_impl(body, ec);
  }
  void on_finish_impl(BeastError& ec) override { ec = {}; }
};

RequestReader::RequestReader(const Limits& limits)
    : max_header_bytes_(limits.max_header_bytes),
      max_headers_(limits.max_headers),
      max_body_bytes_(limits.max_body_bytes),
      parser_(std::make_unique<Parser>()) {
  // The head is bounded here, by the whole of it: Beast's limit starts again with each field that
  // arrives alone.
  parser_->header_limit(static_cast<std::uint32_t>(
      std::min<std::size_t>(max_header_bytes_ + 1, std::numeric_limits<std::uint32_t>::max())));
  parser_->body_limit(max_body_bytes_);
}

RequestReader::~RequestReader() = default;

bool RequestReader::is_head_done() const {
  return parser_->head_done;
}
std::size_t RequestReader::body_bytes() const {
  return parser_->request.body.size();
}
Request& RequestReader::request() {
  return parser_->request;
}
ResponseForm RequestReader::form() const {
  return {parser_->minor == 0, parser_->request.method == "HEAD", parser_->keep_alive()};
}
bool RequestReader::expects_continue() const {
  return parser_->head_done && parser_->minor == 1 &&
         FindHeader(parser_->request.headers, "Expect").value.has_value();
}

RequestReader::Status RequestReader::Refuse(int status, std::string_view text) {
  refusal_status_ = status;
  refusal_text_ = text;
  return Status::kRefused;
}

RequestReader::Status RequestReader::Consume(std::string_view input, std::size_t& used) {
  used = 0;
  if (!parser_->head_done) {
    const Status status = ConsumeHead(input, used);
    if (status != Status::kComplete) {
      return status;
    }
    input.remove_prefix(used);
  }
  std::size_t body_used = 0;
  const Status status =
      parser_->chunked_body ? ConsumeChunks(input, body_used) : ConsumeSized(input, body_used);
  used += body_used;
  return status;
}

// kComplete: the head is done.
RequestReader::Status RequestReader::ConsumeHead(std::string_view input, std::size_t& used) {
  // A few empty lines before a request are allowed (RFC 9112 section 2.2).
  while (input.substr(used, 2) == "\r\n") {
    used += 2;
  }
  blank_bytes_ += used;
  input.remove_prefix(used);
  // What is no method can be no request: no need to wait for its end (a TLS client, a port scan).
  if (!input.empty() && input.front() != '\r' && (input.front() < '!' || input.front() > 'z')) {
    return Refuse(400, "this is not HTTP");
  }
  const std::size_t from = scanned_ < kEndOfHead.size() ? 0 : scanned_ - (kEndOfHead.size() - 1);
  const std::size_t end = input.find(kEndOfHead, from);
  scanned_ = input.size();
  const std::size_t size = end == std::string_view::npos ? input.size() : end + kEndOfHead.size();
  if (blank_bytes_ + size > max_header_bytes_) {
    return Refuse(431, "the request line and headers are too large");
  }
  if (end == std::string_view::npos) {
    return Status::kNeedMore;
  }
  const std::string_view head = input.substr(0, size);
  // Folded lines (obs-fold) are read in two ways by different servers.
  if (head.find("\n ") != std::string_view::npos || head.find("\n\t") != std::string_view::npos) {
    return Refuse(400, "folded header lines are not accepted");
  }
  if (static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n')) > max_headers_ + 2) {
    return Refuse(431, "too many headers");
  }
  BeastError ec;
  const std::size_t taken = parser_->put(boost::asio::buffer(head.data(), head.size()), ec);
  if (ec == beast_http::error::body_limit) {
    return Refuse(413, "the body is too large");
  }
  if (ec || taken != head.size() || !parser_->is_header_done()) {
    return Refuse(400, "the request line or a header is malformed");
  }
  used += size;
  if (!CheckHead()) {
    return Status::kRefused;
  }
  parser_->head_done = true;
  return Status::kComplete;
}

bool RequestReader::CheckHead() {
  const Request& request = parser_->request;
  if (request.target.front() != '/') {
    Refuse(400, "the request target must be a path that begins with a slash");
    return false;
  }
  const HeaderValue host = FindHeader(request.headers, "Host");
  if (host.repeated || (!host.value && parser_->minor == 1)) {
    Refuse(400, "expected one Host header");
    return false;
  }
  const HeaderValue expect = FindHeader(request.headers, "Expect");
  if (expect.repeated || (expect.value && !EqualsIgnoringCase(*expect.value, "100-continue"))) {
    Refuse(417, "the only expectation known is 100-continue");
    return false;
  }
  return CheckFraming();
}

// Where the body ends must be said once and plainly (attack: request smuggling, RFC 9112 sections
// 6.1 and 6.3, where a proxy in front reads another end).
bool RequestReader::CheckFraming() {
  const Headers& headers = parser_->request.headers;
  const HeaderValue length = FindHeader(headers, "Content-Length");
  const HeaderValue coding = FindHeader(headers, "Transfer-Encoding");
  if (IsPresent(length) && IsPresent(coding)) {
    Refuse(400, "Content-Length and Transfer-Encoding exclude each other");
    return false;
  }
  if (length.repeated || (length.value && !IsDigits(*length.value))) {
    Refuse(400, "expected one Content-Length, in decimal digits");
    return false;
  }
  if (IsPresent(coding)) {
    if (!coding.value || !EqualsIgnoringCase(*coding.value, "chunked") || parser_->minor == 0 ||
        !parser_->chunked()) {
      Refuse(400, "the only Transfer-Encoding accepted is chunked, in HTTP/1.1");
      return false;
    }
    parser_->chunked_body = true;
    parser_->eager(true);
  } else if (length.value) {
    const auto size = parser_->content_length();
    if (!size || *size > max_body_bytes_) {
      Refuse(413, "the body is too large");
      return false;
    }
    parser_->sized_left = static_cast<std::size_t>(*size);
  }
  return true;
}

RequestReader::Status RequestReader::ConsumeSized(std::string_view input, std::size_t& used) {
  used = std::min(input.size(), parser_->sized_left);
  // Grows with what arrives, not by what was announced (attack: many announce, none send).
  parser_->request.body.append(input.substr(0, used));
  parser_->sized_left -= used;
  return parser_->sized_left == 0 ? Status::kComplete : Status::kNeedMore;
}

RequestReader::Status RequestReader::ConsumeChunks(std::string_view input, std::size_t& used) {
  if (input.size() < kShortestEnd) {
    return Status::kNeedMore;
  }
  BeastError ec;
  parser_->mark = input.data();
  used = parser_->put(boost::asio::buffer(input.data(), input.size()), ec);
  if (ec == beast_http::error::body_limit) {
    return Refuse(413, "the body is too large");
  }
  if (ec && ec != beast_http::error::need_more) {
    return Refuse(400, "the chunked body is malformed");
  }
  // What is left after the end belongs to the next request.
  parser_->MeasureFrame(input.data() + (parser_->is_done() ? used : input.size()));
  // An endless chunk extension or trailer; one that came in one piece is no better.
  if (parser_->longest_frame > max_header_bytes_ || parser_->trailers > max_headers_) {
    return Refuse(431, "a chunk header or the trailers are too large");
  }
  return parser_->is_done() ? Status::kComplete : Status::kNeedMore;
}

}  // namespace casemate::http
