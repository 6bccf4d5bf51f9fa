// RequestStates: seals what a client must bring back with its answers (MCP 2026-07-28, patterns/
// mrtr). The client could change it, so it is authenticated (HMAC-SHA-256, a key of this process),
// bound to who asked what, short-lived and good for one use. Not encrypted: it holds only what the
// client itself sent. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace casemate::mcp {

class RequestStates {
 public:
  // What a state belongs to: a second call must be the same one by the same principal.
  struct Binding {
    std::string principal;
    std::string method;
    std::string params_digest;
  };

  RequestStates();
  // `content`: any JSON. The state is base64, a dot, and the code in hex. Errors:
  // kResourceExhausted when it would be longer than Open takes.
  Result<std::string> Seal(const Binding& binding, const nlohmann::json& content);
  // The content. Errors: kInvalidArgument that says whether it was altered, belongs elsewhere, has
  // expired or was used before.
  Result<nlohmann::json> Open(const Binding& binding, std::string_view state);

 private:
  [[nodiscard]] std::string Code(std::string_view payload) const;
  Result<void> UseOnce(const std::string& nonce, std::int64_t expires_ms);

  const std::string key_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> used_;  // nonce → when it may be forgotten; guarded by mutex_
};

}  // namespace casemate::mcp
