#include "clients/hosts/probe.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace casemate::hosts {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kModern = "2026-07-28";
constexpr const char* kClassic = "2025-11-25";
constexpr int kMaxPages = 50;
constexpr std::size_t kShown = 80;

double MillisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

std::string Shown(const std::string& line) {
  return "`" + EscapeControls(ToValidUtf8(line.substr(0, kShown)), false) +
         (line.size() > kShown ? "…`" : "`");
}

// One conversation; the first thing that goes wrong ends it.
class Conversation {
 public:
  Conversation(Child& child, const ProbeLimits& limits, Probe& probe)
      : child_(child), limits_(limits), probe_(probe), begin_(Clock::now()) {}

  void Run() {
    const json client = {{"name", "casemate-doctor"}, {"version", CASEMATE_VERSION}};
    const json meta = {{"io.modelcontextprotocol/protocolVersion", kModern},
                       {"io.modelcontextprotocol/clientInfo", client},
                       {"io.modelcontextprotocol/clientCapabilities", json::object()}};
    const auto discovered = Ask("server/discover", {{"_meta", meta}});
    if (!discovered) {
      return;
    }
    probe_.first_reply_ms = MillisecondsSince(begin_);
    if (discovered->contains("result")) {
      probe_.editions.emplace_back(kModern);
    }
    const auto agreed = Ask(
        "initialize",
        {{"protocolVersion", kClassic}, {"capabilities", json::object()}, {"clientInfo", client}});
    if (!agreed || !IsResult(*agreed, "initialize")) {
      return;
    }
    const json& result = (*agreed)["result"];
    probe_.editions.push_back(result.value("protocolVersion", "?"));
    const json info = result.value("serverInfo", json::object());
    probe_.server = info.value("name", "?") + " " + info.value("version", "?");
    Send({{"jsonrpc", "2.0"}, {"method", "notifications/initialized"}});
    if (ListTools()) {
      probe_.tools_ms = MillisecondsSince(begin_);
    }
  }

 private:
  bool ListTools() {
    json params = json::object();
    for (int page = 0; page < kMaxPages; ++page) {
      const auto listed = Ask("tools/list", params);
      if (!listed || !IsResult(*listed, "tools/list")) {
        return false;
      }
      const json& result = (*listed)["result"];
      if (!result.contains("tools") || !result["tools"].is_array()) {
        probe_.problem = "tools/list was answered without a list of tools";
        return false;
      }
      probe_.tools += result["tools"].size();
      if (!result.contains("nextCursor")) {
        return true;
      }
      params["cursor"] = result["nextCursor"];
    }
    probe_.problem = "tools/list has no end";
    return false;
  }

  bool IsResult(const json& reply, const std::string& method) {
    if (reply.contains("result") && reply["result"].is_object()) {
      return true;
    }
    probe_.problem = method + " was answered with an error: " +
                     Shown(DumpJson(reply.value("error", json::object())));
    return false;
  }

  bool Send(const json& message) {
    return child_.Send(DumpJson(message) + "\n", Clock::now() + limits_.answer);
  }

  // The reply; nothing, and a problem, if there is none.
  std::optional<json> Ask(const std::string& method, const json& params) {
    const int id = ++last_id_;
    // Whether it could be written does not matter: what it says instead of an answer does.
    Send({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}});
    const auto deadline = Clock::now() + limits_.answer;
    while (true) {
      auto line = child_.ReadLine(deadline);
      if (!line) {
        probe_.problem = WhyNoAnswer(method, line.error());
        return std::nullopt;
      }
      auto message = ParseJson(*line);
      if (!message || !message->is_object() || message->value("jsonrpc", "") != "2.0") {
        probe_.problem = "its standard output holds something besides messages: " + Shown(*line);
        return std::nullopt;
      }
      if (!message->contains("method") && message->value("id", json()) == json(id)) {
        return *std::move(message);
      }
    }
  }

  std::string WhyNoAnswer(const std::string& method, const Error& error) {
    if (error.code == ErrorCode::kNotFound && child_.WaitForEnd(Clock::now() + limits_.end)) {
      return "it ended before it answered " + method + " (" + child_.HowItEnded() + ")";
    }
    if (error.code == ErrorCode::kNotFound) {
      return "it closed its output before it answered " + method;
    }
    if (error.code == ErrorCode::kUnavailable) {
      return "it did not answer " + method + " within " +
             std::to_string(limits_.answer.count() / 1000) + " s";
    }
    return error.message;
  }

  Child& child_;
  const ProbeLimits& limits_;
  Probe& probe_;
  Clock::time_point begin_;
  int last_id_ = 0;
};

}  // namespace

Result<Probe> ProbeServer(const CommandLine& line, const ProbeLimits& limits) {
  Probe probe;
  const auto begin = Clock::now();
  auto child = Child::Start(line);
  if (!child) {
    return std::move(child).error();
  }
  const double start_ms = MillisecondsSince(begin);
  Conversation(*child, limits, probe).Run();
  probe.first_reply_ms += start_ms;
  probe.tools_ms += start_ms;
  child->CloseInput();
  if (!child->WaitForEnd(Clock::now() + limits.end) && probe.problem.empty()) {
    probe.problem = "it did not end within " + std::to_string(limits.end.count() / 1000) +
                    " s after its input was closed";
  }
  if (!probe.problem.empty()) {
    probe.complaints = ToValidUtf8(child->Complaints());
  }
  return probe;
}

}  // namespace casemate::hosts
