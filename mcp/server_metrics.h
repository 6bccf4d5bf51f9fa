// ServerMetrics: everything that a server counts and tells about itself, and the one way to read
// it. Made where it can be read only (key `http.metrics`); costs a few allocations until somebody
// looks. Thread-safe. Borrows gate and policy.
#pragma once

#include "base/metrics.h"
#include "policies/live/live_policy.h"
#include "tools/call_metrics.h"
#include "tools/gate.h"
#include "tools/metrics_reader.h"

namespace casemate {

class ServerMetrics {
 public:
  ServerMetrics(tools::Gate& gate, const policies::LivePolicy& policy);
  ServerMetrics(const ServerMetrics&) = delete;
  ServerMetrics& operator=(const ServerMetrics&) = delete;

  [[nodiscard]] tools::CallMetrics& calls() { return calls_; }
  [[nodiscard]] const tools::MetricsReader& reader() const { return reader_; }

 private:
  MetricsRegistry registry_;
  tools::CallMetrics calls_;
  tools::MetricsReader reader_;
};

}  // namespace casemate
