#include "tests/fuzz/traffic.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "base/json.h"

namespace casemate::fuzz {

using nlohmann::json;

namespace {

constexpr const char* kMethods[] = {"ping",
                                    "logging/setLevel",
                                    "server/discover",
                                    "tools/list",
                                    "tools/call",
                                    "tools/call",  // where most of the code is
                                    "tools/call",
                                    "resources/list",
                                    "resources/templates/list",
                                    "resources/read",
                                    "resources/subscribe",
                                    "resources/unsubscribe",
                                    "prompts/list",
                                    "prompts/get",
                                    "completion/complete",
                                    "subscriptions/listen",
                                    "tasks/get",
                                    "tasks/update",
                                    "tasks/cancel"};
constexpr const char* kTools[] = {"echo", "wait", "progress", "fail", "ask", "log", "none", "task"};
constexpr const char* kPrompts[] = {"test_simple_prompt", "test_prompt_with_arguments",
                                    "test_input_required_result_prompt", "none"};
constexpr const char* kUris[] = {"test://static-text",     "test://static-binary",
                                 "test://template/7/data", "test://watched-resource",
                                 "casemate://none",        "not a uri"};
constexpr const char* kNotifications[] = {"notifications/initialized", "notifications/cancelled",
                                          "notifications/progress",
                                          "notifications/roots/list_changed", "no/such"};
constexpr const char* kLevels[] = {"debug", "info", "emergency", "loud"};
constexpr const char* kKeys[] = {
    "jsonrpc",   "id",           "method",         "params",        "_meta", "name",
    "arguments", "uri",          "cursor",         "result",        "error", "requestId",
    "taskId",    "requestState", "inputResponses", "progressToken", "",      "x"};
constexpr const char* kVersionField = "io.modelcontextprotocol/protocolVersion";
constexpr const char* kCapabilitiesField = "io.modelcontextprotocol/clientCapabilities";
constexpr const char* kLogLevelField = "io.modelcontextprotocol/logLevel";
constexpr std::size_t kMaxLines = 64;

json Capabilities(Random& random) {
  json capabilities = json::object();
  if (!random.OneIn(3)) {
    capabilities["elicitation"] = json::object();
  }
  if (random.OneIn(2)) {
    capabilities["extensions"]["io.modelcontextprotocol/tasks"] = json::object();
  }
  return capabilities;
}

json Nested(std::size_t depth) {
  json value = json::array();
  for (std::size_t i = 1; i < depth; ++i) {
    value = i % 2 == 0 ? json::array({std::move(value)}) : json{{"x", std::move(value)}};
  }
  return value;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

json Read(const std::string& line) {
  return json::parse(line, nullptr, false);
}

}  // namespace

json Traffic::Initialize(const json& id, std::string_view version) {
  return {{"jsonrpc", "2.0"},
          {"id", id},
          {"method", "initialize"},
          {"params",
           {{"protocolVersion", version},
            {"capabilities", Capabilities(random)},
            {"clientInfo", {{"name", "fuzz"}, {"version", "1"}}}}}};
}

json Traffic::Request(const json& id, Era era) {
  const std::string method = random.Of(kMethods);
  json params = Params(method);
  if (random.OneIn(3)) {
    params["_meta"]["progressToken"] = Id();
  }
  if (era == Era::kModern) {
    json& meta = params["_meta"];
    meta[kVersionField] = "2026-07-28";
    meta[kCapabilitiesField] = Capabilities(random);
    if (random.OneIn(4)) {
      meta[kLogLevelField] = random.Of(kLevels);
    }
  }
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}};
}

json Traffic::Cancel(const json& id) {
  return {
      {"jsonrpc", "2.0"}, {"method", "notifications/cancelled"}, {"params", {{"requestId", id}}}};
}

json Traffic::Id() {
  if (random.OneIn(3)) {
    constexpr const char* kTexts[] = {"a", "", "1", "casemate-1", "\u00e9\u2028", "\x01"};
    return random.Of(kTexts);
  }
  constexpr std::int64_t kNumbers[] = {0,
                                       1,
                                       2,
                                       3,
                                       -1,
                                       std::int64_t{1} << 53,
                                       std::numeric_limits<std::int64_t>::max(),
                                       std::numeric_limits<std::int64_t>::min()};
  return random.Of(kNumbers);
}

json Traffic::OddId() {
  switch (random.Below(6)) {
    case 0:
      return nullptr;
    case 1:
      return 1.5;
    case 2:
      return std::numeric_limits<std::uint64_t>::max();
    case 3:
      return json::object();
    case 4:
      return true;
    default:
      return Id();
  }
}

json Traffic::Arguments() {
  json arguments = json::object();
  if (random.OneIn(2)) {
    arguments["text"] = Value();
  }
  return arguments;
}

json Traffic::Params(const std::string& method) {
  json params = json::object();
  if (method == "tools/call") {
    params = {{"name", random.Of(kTools)}, {"arguments", Arguments()}};
    if (random.OneIn(4)) {
      params["inputResponses"] = {{"name", {{"action", "accept"}, {"content", Arguments()}}}};
    }
    if (random.OneIn(8)) {
      params["requestState"] = "v1.AAAA.AAAA";
    }
  } else if (method == "logging/setLevel") {
    params = {{"level", random.Of(kLevels)}};
  } else if (method == "prompts/get") {
    params = {{"name", random.Of(kPrompts)}, {"arguments", {{"arg1", "a"}, {"arg2", "b"}}}};
  } else if (method == "completion/complete") {
    params = {{"ref", {{"type", "ref/prompt"}, {"name", random.Of(kPrompts)}}},
              {"argument", {{"name", "arg1"}, {"value", "te"}}}};
  } else if (method == "subscriptions/listen") {
    params = {{"notifications",
               {{"toolsListChanged", true}, {"resourceSubscriptions", {random.Of(kUris)}}}}};
  } else if (method.starts_with("tasks/")) {
    params = {{"taskId", "none"}};
    if (method == "tasks/update") {
      params["inputResponses"] = {{"name", Arguments()}};
    }
  } else if (method.starts_with("resources/") && !method.ends_with("list")) {
    params = {{"uri", random.Of(kUris)}};
  } else if (method.ends_with("/list") && random.OneIn(4)) {
    params = {{"cursor", random.OneIn(2) ? "from-1" : ""}};
  }
  return params;
}

json Traffic::Value() {
  switch (random.Below(12)) {
    case 0:
      return nullptr;
    case 1:
      return random.OneIn(2);
    case 2:
      return OddId();
    case 3:
      return Nested(1 + random.Below(80));
    case 4:
      return std::string(random.Below(3000), 'x');
    case 5:
      return random.Of(kUris);
    case 6:
      return random.Of(kMethods);
    case 7:
      return 1e300;
    case 8:
      return json::array({Id(), Id()});
    case 9:
      return {{random.Of(kKeys), Id()}};
    case 10:
      return "2026-07-28";
    default:
      return Id();
  }
}

// One message, or something that takes the place of one.
json Traffic::Loose() {
  switch (random.Below(12)) {
    case 0:
      return Initialize(Id(), random.Of(kLegacyVersions));
    case 1:
      return Cancel(Id());
    case 2:
      return {{"jsonrpc", "2.0"}, {"method", random.Of(kNotifications)}, {"params", Arguments()}};
    case 3:
      return {{"jsonrpc", "2.0"}, {"id", Id()}, {"result", Arguments()}};
    case 4:
      return {{"jsonrpc", "2.0"},
              {"id", "casemate-" + std::to_string(1 + random.Below(4))},
              {"error", {{"code", Value()}, {"message", Value()}}}};
    case 5:
      return Value();
    default:
      return Request(random.OneIn(12) ? OddId() : Id(),
                     random.OneIn(2) ? Era::kLegacy : Era::kModern);
  }
}

json Traffic::Anything() {
  json message = Loose();
  if (random.OneIn(10)) {
    json batch = json::array();
    for (std::size_t left = random.Below(random.OneIn(20) ? 110 : 6); left > 0; --left) {
      batch.push_back(Loose());
    }
    message = std::move(batch);
  }
  for (std::size_t changes = random.OneIn(3) ? random.Below(3) : 0; changes > 0; --changes) {
    Alter(message);
  }
  return message;
}

// Any value within it, or itself.
json* Traffic::Place(json& message) {
  json* place = &message;
  while (place->is_structured() && !place->empty() && !random.OneIn(4)) {
    auto at = place->begin();
    std::advance(at, random.Below(place->size()));
    place = &*at;
  }
  return place;
}

void Traffic::Alter(json& message) {
  json* place = Place(message);
  if (place->is_object() && !random.OneIn(3)) {
    if (!place->empty() && random.OneIn(2)) {
      auto at = place->begin();
      std::advance(at, random.Below(place->size()));
      place->erase(at);
    } else {
      (*place)[random.Of(kKeys)] = Value();
    }
  } else if (place->is_array() && !random.OneIn(3)) {
    place->push_back(place->empty() || random.OneIn(2) ? Value() : json(place->front()));
  } else {
    *place = Value();
  }
}

std::string Traffic::AlterLines(std::string_view text) {
  std::vector<std::string> lines = Split(text);
  const std::size_t at = lines.empty() ? 0 : random.Below(lines.size());
  const auto place = lines.begin() + static_cast<std::ptrdiff_t>(at);
  json known = lines.empty() ? json(json::value_t::discarded) : Read(*place);
  switch (lines.empty() ? 0 : random.Below(6)) {
    case 0:
      lines.insert(place, DumpJson(Anything()));
      break;
    case 1:
      lines.insert(place, std::string(*place));
      break;
    case 2:
      std::swap(*place, random.Of(lines));
      break;
    case 3:
      if (known.is_object() && known.contains("id")) {
        lines.insert(place + 1, DumpJson(Cancel(known["id"])));
      }
      break;
    case 4:
      lines.erase(place);
      break;
    default:
      if (!known.is_discarded()) {
        Alter(known);
        *place = DumpJson(known);
      }
  }
  if (lines.size() > kMaxLines) {
    lines.resize(kMaxLines);
  }
  std::string altered;
  for (const std::string& line : lines) {
    altered += line + "\n";
  }
  return altered;
}

}  // namespace casemate::fuzz
