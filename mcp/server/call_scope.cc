#include "mcp/server/call_scope.h"

#include <utility>

#include "mcp/server/session.h"

namespace casemate::mcp {

tools::CallContext ContextOf(const Exchange& exchange) {
  tools::CallContext context;
  context.principal = exchange.session->principal();
  context.channel = exchange.session->channel();
  // The modern edition knows no sessions: whatever lasts there is the principal's.
  context.session = exchange.edition.modern ? std::string() : exchange.session->serial();
  return context;
}

Result<std::unique_ptr<CallScope>> CallScope::Open(const Exchange& exchange) {
  const std::stop_token stop =
      exchange.entry.has_value() ? exchange.entry->token() : std::stop_token();
  auto asker = MakeAsker(exchange, stop);
  if (!asker) {
    return std::move(asker).error();
  }
  std::unique_ptr<CallScope> scope(new CallScope);
  scope->asker_ = *std::move(asker);
  tools::CallContext& context = scope->context_;
  context = ContextOf(exchange);
  context.stop = stop;
  context.asker = scope->asker_.get();
  if (!exchange.client.progress_token.is_null()) {
    context.progress = &scope->progress_.emplace(exchange.sink, exchange.edition,
                                                 exchange.client.progress_token, stop);
  }
  if (exchange.client.log_level.has_value()) {
    context.log = &scope->log_.emplace(exchange.sink, *exchange.client.log_level, stop);
  }
  return scope;
}

std::optional<Outcome> CallScope::Close(bool is_error) {
  if (progress_.has_value()) {
    progress_->Close();
  }
  if (log_.has_value()) {
    log_->Close();
  }
  return asker_->Interruption(is_error);
}

}  // namespace casemate::mcp
