#include "policies/audit/record.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/json.h"
#include "policies/engine/policy_json.h"

namespace casemate::policies {

namespace {

// Depth of brackets in JSON text; text inside strings does not count.
int NestingDepth(std::string_view json) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

nlohmann::json DecisionPayload(const Decision& decision, const ApprovalMark* approval) {
  nlohmann::json payload = DecisionJson(decision);
  payload.erase("version");  // the record has its own
  payload["id"] = payload["decision_id"];
  payload.erase("decision_id");
  payload.erase("remedy");
  if (approval == nullptr) {
    return payload;
  }
  if (decision.effect == Effect::kAllow) {
    payload["approval"] = {{"id", approval->id},
                           {"by", approval->by},
                           {"tenant", approval->tenant},
                           {"channel", approval->channel},
                           {"at_ms", approval->at_ms}};
  } else {
    payload["approval"]["id"] = approval->id;  // beside its terms
  }
  return payload;
}

}  // namespace

std::string FirstPrevHash() {
  return std::string(64, '0');
}

std::string RecordHash(std::string_view body) {
  std::string leaf;
  leaf.reserve(body.size() + 1);
  leaf.push_back('\0');
  leaf.append(body);
  return Sha256Hex(leaf);
}

bool IsKnownKind(std::string_view kind) {
  constexpr std::array<std::string_view, 15> kKinds = {
      "intent",           "refused",         "outcome",       "access",        "server_start",
      "server_stop",      "reaped",          "token_added",   "token_removed", "approval_requested",
      "approval_granted", "approval_denied", "approval_used", "policy_loaded", "policy_rejected"};
  return std::ranges::find(kKinds, kind) != kKinds.end();
}

nlohmann::json Recordable(const nlohmann::json& value) {
  const std::string text = DumpJson(value);
  if (text.size() <= kMaxRecordedBytes && NestingDepth(text) <= kMaxRecordedDepth) {
    return value;
  }
  return {{"omitted", true}, {"bytes", text.size()}, {"sha256", Sha256Hex(text)}};
}

nlohmann::json IntentPayload(const AuditIntent& intent) {
  nlohmann::json principal = {{"id", intent.principal.id},
                              {"tenant", intent.principal.tenant},
                              {"roles", intent.principal.roles}};
  if (!intent.principal.token.empty()) {
    principal["token"] = intent.principal.token;
  }
  nlohmann::json payload = {
      {"tool", intent.tool},
      {"principal", std::move(principal)},
      {"channel", intent.channel},
      {"args", Recordable(intent.args)},
      {"context", Recordable(intent.context)},
      {"decision", Recordable(DecisionPayload(intent.decision, intent.approval))}};
  if (intent.decision.history != nullptr) {
    payload["history"] = Recordable(*intent.decision.history);
  }
  return payload;
}

Result<std::string> RecordBody(nlohmann::json payload, std::string_view kind,
                               std::string_view incarnation, const RecordPlace& place) {
  payload["version"] = kAuditFormatVersion;
  payload["seq"] = place.seq;
  payload["kind"] = kind;
  payload["time_ms"] = place.time_ms;
  payload["incarnation"] = incarnation;
  payload["prev_hash"] = place.prev_hash;
  std::string body = DumpJson(payload);
  if (body.size() > kMaxBodyBytes) {
    return Error{ErrorCode::kResourceExhausted,
                 "an audit record is at most 1 MiB, got " + std::to_string(body.size()) + " bytes",
                 "", "shorten the principal's names or the policy's reason", 0};
  }
  return body;
}

}  // namespace casemate::policies
