// What a running call says while its request is open, passed on to the client: progress and log
// messages. Thread-safe. Borrow nothing but the edition's traits.
#pragma once

#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>

#include "mcp/protocol/edition.h"
#include "mcp/transport/transport.h"
#include "tools/tool.h"

namespace casemate::mcp {

// Values only ever grow, as MCP demands.
class ProgressRelay : public tools::ProgressSink {
 public:
  ProgressRelay(MessageSinkPtr sink, const EditionTraits& edition, nlohmann::json token,
                std::stop_token stop)
      : sink_(std::move(sink)),
        edition_(edition),
        token_(std::move(token)),
        stop_(std::move(stop)) {}
  // Drops what does not grow, and everything after a cancellation.
  void Report(double progress, std::optional<double> total, std::string_view message) override;
  // Nothing is sent after this: the request is about to be answered.
  void Close();

 private:
  const MessageSinkPtr sink_;
  const EditionTraits& edition_;
  const nlohmann::json token_;
  const std::stop_token stop_;
  std::mutex mutex_;
  std::optional<double> last_;  // guarded by mutex_
  bool closed_ = false;         // guarded by mutex_
};

class LogRelay : public tools::LogSink {
 public:
  LogRelay(MessageSinkPtr sink, tools::Severity least, std::stop_token stop)
      : sink_(std::move(sink)), least_(least), stop_(std::move(stop)) {}
  // Drops what is below the least severity, and everything after a cancellation.
  void Write(tools::Severity severity, std::string_view logger,
             const nlohmann::json& data) override;
  void Close();

 private:
  const MessageSinkPtr sink_;
  const tools::Severity least_;
  const std::stop_token stop_;
  std::mutex mutex_;
  bool closed_ = false;  // guarded by mutex_
};

}  // namespace casemate::mcp
