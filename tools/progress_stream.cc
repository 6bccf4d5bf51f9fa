#include "tools/progress_stream.h"

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "base/text.h"
#include "tools/output_text.h"

namespace casemate::tools {

namespace {

constexpr double kBurstMessages = 8;
constexpr double kMessagesPerNs = 10e-9;  // one every 100 ms
constexpr std::size_t kMessageBytes = 8192;
constexpr std::uint64_t kStreamedBytes = std::uint64_t{1} << 20;

}  // namespace

ProgressStream::ProgressStream(ProgressSink& sink, std::int64_t (*now_ns)())
    : sink_(sink),
      now_ns_(now_ns == nullptr ? MonotonicNs : now_ns),
      burst_(kBurstMessages),
      refilled_ns_(now_ns_()) {}

void ProgressStream::OnOutput(sandbox::Stream stream, std::string_view bytes) {
  seen_bytes_ += bytes.size();
  if (sent_bytes_ >= kStreamedBytes) {
    return;
  }
  std::string& torn = torn_.at(stream == sandbox::Stream::kStdout ? 0 : 1);
  std::string whole = torn + std::string(bytes);
  const std::size_t rest = TornTail(whole);
  torn.assign(whole, whole.size() - rest);
  whole.resize(whole.size() - rest);
  pending_ += ToValidUtf8(whole);
  if (!pending_.empty() && (pending_.size() >= kMessageBytes || MaySend(now_ns_()))) {
    Send();
  }
}

bool ProgressStream::MaySend(std::int64_t now) {
  burst_ =
      std::min(kBurstMessages, burst_ + static_cast<double>(now - refilled_ns_) * kMessagesPerNs);
  refilled_ns_ = now;
  if (burst_ < 1) {
    return false;
  }
  burst_ -= 1;
  return true;
}

void ProgressStream::Send() {
  sent_bytes_ += pending_.size();
  // Escaped: a host may print this on a terminal (attack: escape sequences in output).
  std::string message = EscapeControls(pending_, true);
  pending_.clear();
  if (sent_bytes_ >= kStreamedBytes) {
    message += "\n[… more output follows; it is no longer streamed …]\n";
  }
  last_progress_ = std::max(seen_bytes_, last_progress_ + 1);
  sink_.Report(static_cast<double>(last_progress_), std::nullopt, message);
}

void ProgressStream::Finish() {
  if (sent_bytes_ >= kStreamedBytes) {
    return;
  }
  for (std::string& torn : torn_) {
    pending_ += ToValidUtf8(torn);
    torn.clear();
  }
  if (!pending_.empty()) {
    Send();
  }
}

}  // namespace casemate::tools
