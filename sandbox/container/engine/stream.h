// EngineStream: the connection of one exec or attach after the engine has switched it to raw bytes
// (101 UPGRADED). Without a TTY what comes is framed: one byte of stream (1 stdout, 2 stderr),
// three of nothing, a length of four, big-endian. Owned by one call; waits are the caller's, by
// poll(2).
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate::container {

enum class StdStream : std::uint8_t { kStdout = 1, kStderr = 2 };

// Takes framed bytes apart, however they are cut. Pure.
class FrameDecoder {
 public:
  struct Piece {
    StdStream stream = StdStream::kStdout;
    std::string_view bytes;  // into what was given to Feed
  };
  // `raw`: not framed (a TTY), all is stdout.
  explicit FrameDecoder(bool raw) : raw_(raw) {}
  // The pieces of `bytes` in their order: call until nullopt, with what is left in `bytes`.
  // Errors: kInvalidArgument for a stream that does not exist.
  Result<std::optional<Piece>> Next(std::string_view& bytes);
  // Whether it stands between frames.
  [[nodiscard]] bool is_between() const { return header_.empty() && left_ == 0; }

 private:
  const bool raw_;
  std::string header_;
  std::uint32_t left_ = 0;
  StdStream stream_ = StdStream::kStdout;
};

class EngineStream {
 public:
  // `early`: bytes that came together with the head of the answer.
  EngineStream(UniqueFd socket, bool raw, std::string early)
      : socket_(std::move(socket)), decoder_(raw), early_(std::move(early)) {}

  [[nodiscard]] int fd() const { return socket_.get(); }  // non-blocking
  [[nodiscard]] FrameDecoder& decoder() { return decoder_; }
  // What came early, once; decode it before reading.
  std::string TakeEarly() { return std::move(early_); }
  // Ends our side: the command reads the end of its stdin.
  Result<void> CloseStdin();

  // Sends a request for `target` with a body in JSON (empty: none) and reads the engine's answer
  // until it has switched to raw bytes. `what` says in errors what was asked for. Errors as of
  // EngineTransport, and those of ErrorOfAnswer.
  static Result<EngineStream> Open(const std::string& socket_path, std::string_view target,
                                   std::string_view body, bool raw, std::string_view what,
                                   std::int64_t deadline_ns, const std::stop_token& stop);

 private:
  UniqueFd socket_;
  FrameDecoder decoder_;
  std::string early_;
};

}  // namespace casemate::container
