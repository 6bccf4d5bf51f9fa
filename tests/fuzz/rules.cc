#include "tests/fuzz/rules.h"

#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "mcp/jsonrpc/message.h"

namespace casemate::fuzz {

using nlohmann::json;

namespace {

bool IsId(const json& id) {
  return id.is_string() || id.is_number_integer();
}

}  // namespace

std::string ProblemOf(const json& message) {
  if (!message.is_object()) {
    return "not an object";
  }
  const bool is_result = message.contains("result");
  const bool is_error = message.contains("error");
  const bool has_method = message.contains("method");
  if (message.value("jsonrpc", json()) != "2.0" || is_result + is_error + has_method != 1) {
    return "not exactly one kind of message";
  }
  if (message.contains("id") ? !IsId(message["id"]) : is_result) {
    return "no id, or one of the wrong type";
  }
  if (has_method &&
      (!message["method"].is_string() || !message.value("params", json()).is_object())) {
    return "a method that is no text, or params that are no object";
  }
  if (is_result && !message["result"].is_object()) {
    return "a result that is no object";
  }
  if (is_error) {
    const json& error = message["error"];
    if (!error.is_object() || !error.value("code", json()).is_number_integer() ||
        !error.value("message", json()).is_string()) {
      return "an error without code or message";
    }
    if (error["code"] == jsonrpc::kInternalError) {
      return "a defect of the server";
    }
  }
  return "";
}

void Ledger::Expect(const json& id, bool certain) {
  Entry& entry = entries_[id];
  entry.at_least += certain ? 1 : 0;
  ++entry.at_most;
}

void Ledger::Asked(std::string_view line) {
  const auto incoming = jsonrpc::ParseIncoming(line, {});
  const bool certain = !incoming.is_batch || takes_batches_;
  if (!certain) {
    Expect(nullptr, false);  // it may be refused as a whole
  }
  for (const auto& parsed : incoming.messages) {
    if (const auto* failure = std::get_if<jsonrpc::ParseFailure>(&parsed)) {
      Expect(failure->id ? jsonrpc::ToJson(*failure->id) : json(), certain);
      continue;
    }
    const auto& message = std::get<jsonrpc::Message>(parsed);
    if (const auto* request = std::get_if<jsonrpc::Request>(&message)) {
      Expect(jsonrpc::ToJson(request->id), certain);
    } else if (const auto* notification = std::get_if<jsonrpc::Notification>(&message)) {
      const auto id = jsonrpc::IdFromJson(notification->params.value("requestId", json()));
      if (notification->method == "notifications/cancelled" && id.has_value()) {
        entries_[jsonrpc::ToJson(*id)].cancelled = true;
      }
    }
  }
}

void Ledger::AskedTooMuch() {
  Expect(nullptr, true);
}

std::string Ledger::Answered(std::string_view line) {
  if (!IsValidUtf8(line) || line.find_first_of("\r\n") != std::string_view::npos) {
    return "not one line of UTF-8";
  }
  json read = json::parse(line, nullptr, false);
  const json messages =
      read.is_array() && !read.empty() ? std::move(read) : json::array({std::move(read)});
  for (const json& message : messages) {
    if (std::string problem = ProblemOf(message); !problem.empty()) {
      return problem + ": " + DumpJson(message);
    }
    if (!message.contains("method")) {
      ++entries_[message.value("id", json())].answers;
      ++answers_;
    }
  }
  return "";
}

std::string Ledger::Balance() const {
  for (const auto& [id, entry] : entries_) {
    const int at_least = entry.cancelled ? 0 : entry.at_least;
    if (entry.answers < at_least || entry.answers > entry.at_most) {
      return "id " + DumpJson(id) + ": " + std::to_string(entry.answers) + " answers to " +
             std::to_string(at_least) + " to " + std::to_string(entry.at_most) + " requests";
    }
  }
  return "";
}

}  // namespace casemate::fuzz
