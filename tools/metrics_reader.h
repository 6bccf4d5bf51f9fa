// MetricsReader: the metrics for who may see them. Reading is the action `metrics_read`: policy
// judges it, and it is on disk before anything is shown. Thread-safe; waits for the disk. Borrows
// registry and gate.
#pragma once

#include <string>

#include "base/metrics.h"
#include "base/result.h"
#include "tools/gate.h"
#include "tools/tool.h"

namespace casemate::tools {

class MetricsReader {
 public:
  MetricsReader(const MetricsRegistry& registry, Gate& gate) : registry_(registry), gate_(gate) {}

  // As MetricsRegistry::Render. Errors: those of Gate::Pass; kInternal for a defect.
  [[nodiscard]] Result<std::string> Read(const CallContext& context) const;

 private:
  const MetricsRegistry& registry_;
  Gate& gate_;
};

}  // namespace casemate::tools
