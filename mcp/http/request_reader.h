// RequestReader: reads one HTTP/1.1 request (RFC 9112) from bytes as they arrive, by the parser of
// Boost.Beast, and refuses everything that two readers could read in two ways (attack: request
// smuggling). No I/O, no clock. One object a request; not thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "mcp/http/message.h"
#include "mcp/http/response_text.h"
#include "mcp/http/server.h"

namespace casemate::http {

class RequestReader {
 public:
  enum class Status { kNeedMore, kComplete, kRefused };

  explicit RequestReader(const Limits& limits);
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;
  ~RequestReader();

  // Takes from the front of `input` what it can use and sets `used`; the next call begins with the
  // rest. Not to be called again after kComplete or kRefused.
  Status Consume(std::string_view input, std::size_t& used);

  [[nodiscard]] bool is_head_done() const;
  // The peer waits for "100 Continue" before it sends the body.
  [[nodiscard]] bool expects_continue() const;
  // Memory that the body takes.
  [[nodiscard]] std::size_t body_bytes() const;
  // After kRefused: 400, 413, 417 or 431, and why.
  [[nodiscard]] int refusal_status() const { return refusal_status_; }
  [[nodiscard]] std::string_view refusal_text() const { return refusal_text_; }
  // After kComplete; the request may be moved out.
  [[nodiscard]] Request& request();
  [[nodiscard]] ResponseForm form() const;

 private:
  class Parser;

  Status ConsumeHead(std::string_view input, std::size_t& used);
  Status ConsumeSized(std::string_view input, std::size_t& used);
  Status ConsumeChunks(std::string_view input, std::size_t& used);
  bool CheckHead();  // false: refused
  bool CheckFraming();
  Status Refuse(int status, std::string_view text);

  const std::size_t max_header_bytes_;
  const std::size_t max_headers_;
  const std::size_t max_body_bytes_;
  std::unique_ptr<Parser> parser_;
  std::size_t scanned_ = 0;      // bytes of the head without an end
  std::size_t blank_bytes_ = 0;  // empty lines before the request line
  int refusal_status_ = 0;
  std::string_view refusal_text_;
};

}  // namespace casemate::http
