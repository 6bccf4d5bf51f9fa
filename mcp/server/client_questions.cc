#include "mcp/server/client_questions.h"

#include <utility>

#include "base/fair_pool.h"

namespace casemate::mcp {

using nlohmann::json;

namespace {

Error NoAnswer(ErrorCode code, const std::string& why) {
  return {code, "the client did not answer: " + why, {}, "make the call again", 0};
}

Result<json> OutcomeOf(jsonrpc::Response response) {
  if (const auto* error = std::get_if<jsonrpc::RpcError>(&response.outcome)) {
    return NoAnswer(ErrorCode::kUnavailable,
                    "it reported the error " + std::to_string(error->code) + ", " + error->message);
  }
  return std::get<json>(std::move(response.outcome));
}

}  // namespace

jsonrpc::RequestId ClientQuestions::Send(const MessageSinkPtr& sink, const std::string& method,
                                         const json& params) {
  std::string id;
  {
    const std::lock_guard lock(mutex_);
    id = "casemate-" + std::to_string(next_id_++);
    open_.emplace(id, std::nullopt);
  }
  sink->Send(jsonrpc::SerializeRequest(id, method, params), SendClass::kReply);
  return id;
}

Result<json> ClientQuestions::Await(const jsonrpc::RequestId& id, const MessageSinkPtr& sink,
                                    const std::stop_token& stop, std::chrono::milliseconds time) {
  const auto& key = std::get<std::string>(id);
  std::optional<jsonrpc::Response> response;
  // The place of the call is for others while a person thinks.
  const auto aside = FairPool::StepAside();
  bool is_closed = false;
  {
    std::unique_lock lock(mutex_);
    if (aside.has_value()) {
      changed_.wait_for(lock, stop, time, [&] { return closed_ || open_[key].has_value(); });
    }
    response = std::move(open_[key]);
    open_.erase(key);
    is_closed = closed_;
  }
  if (response.has_value()) {
    return OutcomeOf(*std::move(response));
  }
  sink->Send(jsonrpc::SerializeNotification(
                 "notifications/cancelled",
                 {{"requestId", key}, {"reason", "the server no longer waits for the answer"}}),
             SendClass::kProgress);
  if (is_closed || stop.stop_requested()) {
    return NoAnswer(ErrorCode::kCancelled, "the call was cancelled");
  }
  if (!aside.has_value()) {
    return NoAnswer(ErrorCode::kResourceExhausted, "too many calls wait for answers already");
  }
  return NoAnswer(ErrorCode::kUnavailable, "it took too long");
}

void ClientQuestions::OnResponse(jsonrpc::Response response) {
  const auto* key = response.id.has_value() ? std::get_if<std::string>(&*response.id) : nullptr;
  if (key == nullptr) {
    return;
  }
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(*key);
  if (found != open_.end() && !found->second.has_value()) {
    found->second = std::move(response);
    changed_.notify_all();
  }
}

void ClientQuestions::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace casemate::mcp
