// The tool calls in flight on one connection: unique ids, cancellation, progress. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "mcp/jsonrpc/message.h"
#include "mcp/protocol/edition.h"
#include "mcp/transport/transport.h"
#include "tools/tool.h"

namespace casemate::mcp {

// Passes a tool's progress on while its request is open. Values only ever grow, as MCP demands.
class ProgressRelay : public tools::ProgressSink {
 public:
  ProgressRelay(Transport& transport, const EditionTraits& edition, nlohmann::json token)
      : transport_(transport), edition_(edition), token_(std::move(token)) {}
  void Report(double progress, std::optional<double> total, std::string_view message) override;
  // Nothing is sent after this: the request is about to be answered.
  void Close();

 private:
  Transport& transport_;
  const EditionTraits& edition_;
  nlohmann::json token_;
  std::mutex mutex_;
  double last_ = 0;
  bool any_ = false;
  bool closed_ = false;
};

class CallsInFlight {
 public:
  // False when `id` is in flight already.
  bool Add(const jsonrpc::RequestId& id, const std::stop_source& stop);
  [[nodiscard]] bool Contains(const jsonrpc::RequestId& id) const;
  // Asks the call to stop; unknown ids are ignored, as the specification says.
  void Cancel(const jsonrpc::RequestId& id);
  void CancelAll();
  void Remove(const jsonrpc::RequestId& id);
  [[nodiscard]] bool empty() const;

 private:
  mutable std::mutex mutex_;
  std::map<jsonrpc::RequestId, std::stop_source> calls_;
};

}  // namespace casemate::mcp
