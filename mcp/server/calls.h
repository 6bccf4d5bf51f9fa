// The calls in flight of one session: unique ids and cancellation. Thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

#include "mcp/jsonrpc/message.h"

namespace casemate::mcp {

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

  // nullopt: the id is taken, or `max` calls are in flight.
  std::optional<Entry> Add(const jsonrpc::RequestId& id, std::size_t max);
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
