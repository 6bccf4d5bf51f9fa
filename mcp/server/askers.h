// The two ways in which a call asks its client: by a request of the server (initialize-based
// editions), or by a result that says what is needed, after which the client calls again (MCP
// 2026-07-28, patterns/mrtr). Each belongs to one call. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "mcp/server/exchange.h"
#include "mcp/server/request_state.h"
#include "tools/ask.h"

namespace casemate::mcp {

class ExchangeAsker : public tools::Asker {
 public:
  explicit ExchangeAsker(const Exchange& exchange) : exchange_(exchange) {}
  [[nodiscard]] bool Supports(tools::AskKind kind) const override;
  // How the request must be answered in place of the call's result, if at all: with what the client
  // is asked; or, when the call failed, with what the client did not declare but the call needs.
  virtual std::optional<Outcome> Interruption(bool is_error) = 0;

 protected:
  // kUnsupportedByClient for the first of `questions` that the client cannot answer.
  Result<void> CheckSupport(const std::vector<tools::Question>& questions);
  const Exchange& exchange_;
  mutable std::mutex mutex_;
  nlohmann::json missing_;  // ClientCapabilities that were needed; null: none. Guarded by mutex_
};

// What the client is asked, as it travels: {method, params}.
nlohmann::json QuestionJson(const EditionTraits& edition, const tools::Question& question);

// Errors: the client's requestState is not one of ours.
Result<std::unique_ptr<ExchangeAsker>> MakeAsker(const Exchange& exchange, std::stop_token stop);

}  // namespace casemate::mcp
