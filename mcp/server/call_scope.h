// CallScope: what surrounds one call on the pool: where it reports, logs and asks. Made before the
// call, closed before the answer. One thread, though what it hands out is thread-safe.
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "mcp/server/askers.h"
#include "mcp/server/exchange.h"
#include "mcp/server/relays.h"
#include "tools/tool.h"

namespace casemate::mcp {

// Who asks, and from where; for what is neither cancelled nor reports nor asks.
tools::CallContext ContextOf(const Exchange& exchange);

class CallScope {
 public:
  // Borrows the exchange. Errors: a requestState that is not one of ours.
  static Result<std::unique_ptr<CallScope>> Open(const Exchange& exchange);

  [[nodiscard]] tools::CallContext& context() { return context_; }
  // Ends reports; then how the request must be answered in place of the result, if at all.
  std::optional<Outcome> Close(bool is_error);

 private:
  CallScope() = default;
  std::optional<ProgressRelay> progress_;
  std::optional<LogRelay> log_;
  std::unique_ptr<ExchangeAsker> asker_;
  tools::CallContext context_;
};

}  // namespace casemate::mcp
