#include "mcp/server/relays.h"

#include <cmath>

#include "mcp/jsonrpc/message.h"
#include "mcp/protocol/wire.h"

namespace casemate::mcp {

void ProgressRelay::Report(double progress, std::optional<double> total, std::string_view message) {
  const std::lock_guard lock(mutex_);
  const bool grows = !last_.has_value() || progress > *last_;
  if (closed_ || stop_.stop_requested() || !std::isfinite(progress) || !grows) {
    return;
  }
  last_ = progress;
  sink_->Send(
      jsonrpc::SerializeNotification("notifications/progress",
                                     ProgressParams(edition_, token_, progress, total, message)),
      SendClass::kProgress);
}

void ProgressRelay::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

void LogRelay::Write(tools::Severity severity, std::string_view logger,
                     const nlohmann::json& data) {
  const std::lock_guard lock(mutex_);
  if (closed_ || stop_.stop_requested() || severity < least_) {
    return;
  }
  sink_->Send(
      jsonrpc::SerializeNotification("notifications/message", LogParams(severity, logger, data)),
      SendClass::kProgress);
}

void LogRelay::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

}  // namespace casemate::mcp
