// The tool calls in flight on one connection: unique ids, cancellation, progress. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>

#include "mcp/jsonrpc/message.h"
#include "mcp/protocol/edition.h"
#include "mcp/transport/transport.h"
#include "tools/tool.h"

namespace casemate::mcp {

// Passes a tool's progress on while its request is open. Values only ever grow, as MCP demands.
// Borrows the transport.
class ProgressRelay : public tools::ProgressSink {
 public:
  ProgressRelay(Transport& transport, const EditionTraits& edition, nlohmann::json token,
                std::stop_token stop)
      : transport_(transport),
        edition_(edition),
        token_(std::move(token)),
        stop_(std::move(stop)) {}
  // Drops what does not grow, and everything after a cancellation.
  void Report(double progress, std::optional<double> total, std::string_view message) override;
  // Nothing is sent after this: the request is about to be answered.
  void Close();

 private:
  Transport& transport_;
  const EditionTraits& edition_;
  nlohmann::json token_;
  std::stop_token stop_;
  std::mutex mutex_;
  std::optional<double> last_;  // guarded by mutex_
  bool closed_ = false;         // guarded by mutex_
};

class CallsInFlight {
 public:
  // One call's place among those in flight, given up on destruction. Borrows the CallsInFlight.
  class Entry {
   public:
    Entry(Entry&& other) noexcept
        : calls_(std::exchange(other.calls_, nullptr)),
          id_(std::move(other.id_)),
          stop_(std::move(other.stop_)) {}
    Entry& operator=(Entry&&) = delete;
    ~Entry() { Remove(); }
    // From here on the id is free again and the call cannot be cancelled any more.
    void Remove();
    [[nodiscard]] bool cancelled() const { return stop_.stop_requested(); }
    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

   private:
    friend class CallsInFlight;
    Entry(CallsInFlight& calls, jsonrpc::RequestId id) : calls_(&calls), id_(std::move(id)) {}
    CallsInFlight* calls_;  // null: removed or moved away
    jsonrpc::RequestId id_;
    std::stop_source stop_;
  };

  // Precondition: !Contains(id).
  Entry Add(const jsonrpc::RequestId& id);
  [[nodiscard]] bool Contains(const jsonrpc::RequestId& id) const;
  // Asks the call to stop; unknown ids are ignored, as the specification says.
  void Cancel(const jsonrpc::RequestId& id);
  void CancelAll();
  [[nodiscard]] bool empty() const;

 private:
  mutable std::mutex mutex_;
  std::map<jsonrpc::RequestId, std::stop_source> calls_;  // guarded by mutex_
};

}  // namespace casemate::mcp
