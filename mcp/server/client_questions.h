// Requests that the server makes of a client of the initialize-based editions, and their answers.
// Thread-safe; a question belongs to the call that waits for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "mcp/jsonrpc/message.h"
#include "mcp/transport/transport.h"

namespace casemate::mcp {

class ClientQuestions {
 public:
  // Sends the request to `sink` and returns its id.
  jsonrpc::RequestId Send(const MessageSinkPtr& sink, const std::string& method,
                          const nlohmann::json& params);
  // Waits for the answer; nothing more is known of the question afterwards. When it is not answered
  // (stop, time, an end of the session, too many that wait), the client is told that it is no
  // longer asked.
  Result<nlohmann::json> Await(const jsonrpc::RequestId& id, const MessageSinkPtr& sink,
                               const std::stop_token& stop, std::chrono::milliseconds time);
  // A response from the client; one that nobody waits for is ignored.
  void OnResponse(jsonrpc::Response response);
  // Nobody answers any more.
  void Close();

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::int64_t next_id_ = 1;                                      // guarded by mutex_
  std::map<std::string, std::optional<jsonrpc::Response>> open_;  // guarded by mutex_
  bool closed_ = false;                                           // guarded by mutex_
};

}  // namespace casemate::mcp
