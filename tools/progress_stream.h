// Forwards a command's output to the caller's ProgressSink while it runs. Coalesces: the first
// output and short bursts go at once, floods at most every 100 ms or 8 KiB; after 1 MiB no more is
// sent (the result holds the rest). Borrows the sink; used by one thread for one call.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sandbox/native/runner.h"
#include "tools/tool.h"

namespace casemate::tools {

class ProgressStream : public sandbox::OutputSink {
 public:
  // `now_ns` tells the time (nanoseconds, monotonic); tests bring their own.
  explicit ProgressStream(ProgressSink& sink, std::int64_t (*now_ns)() = nullptr);
  void OnOutput(sandbox::Stream stream, std::string_view bytes) override;
  // Sends what is still held back. Call once the command has ended.
  void Finish();

 private:
  [[nodiscard]] bool MaySend(std::int64_t now);
  void Send();

  ProgressSink& sink_;
  std::int64_t (*now_ns_)();
  std::string pending_;              // whole characters, not yet sent
  std::array<std::string, 2> torn_;  // per stream: the first bytes of an unfinished character
  std::uint64_t seen_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t last_progress_ = 0;
  double burst_;  // messages that may still go at once
  std::int64_t refilled_ns_ = 0;
};

}  // namespace casemate::tools
