// casemate://audit/{seq}: one record of the audit trail, for whom it is about.
#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tools/arguments/args.h"
#include "tools/documents.h"
#include "tools/named_resource.h"
#include "tools/resource_reader.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::string_view kPrefix = "casemate://audit/";
constexpr const char* kTemplate = "casemate://audit/{seq}";
constexpr const char* kMimeType = "application/json";
// How far back completion looks: it costs a read and a parse for each record.
constexpr std::int64_t kMaxLookedAt = 200;

// One way to write each number: "7", not "+7" or "007".
std::optional<std::int64_t> SeqInUri(std::string_view uri) {
  const std::string_view text = NameInUri(uri, kPrefix);
  std::int64_t seq = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seq);
  if (error != std::errc() || end != text.data() + text.size() || seq < 1 || text[0] == '0') {
    return std::nullopt;
  }
  return seq;
}

Error NoSuchRecord(std::string_view uri) {
  return {
      ErrorCode::kNotFound,
      "expected the number of an audit record of your own, got " + Quoted(NameInUri(uri, kPrefix)),
      "uri", "use `audit_seq` of a result", 0};
}

bool IsPrincipal(const json& body, const policies::Principal& principal) {
  const auto recorded = body.find("principal");
  return recorded != body.end() && recorded->is_object() &&
         recorded->value("id", json()) == principal.id &&
         recorded->value("tenant", json()) == principal.tenant;
}

class AuditResource : public ResourceProvider {
 public:
  explicit AuditResource(policies::AuditLog& audit) : audit_(audit) {}

  [[nodiscard]] bool Owns(std::string_view uri) const override { return uri.starts_with(kPrefix); }

  [[nodiscard]] std::vector<ResourceSpec> List(
      const policies::Principal& /*principal*/) const override {
    return {};
  }

  [[nodiscard]] std::vector<ResourceTemplateSpec> Templates() const override {
    return {{kTemplate, "audit", "Audit record",
             "The record of a call of your own; `audit_seq` of its result.", kMimeType}};
  }

  // The same for what is not there as for what is another's: a refusal must not tell which.
  [[nodiscard]] json Facts(std::string_view uri,
                           const policies::Principal& principal) const override {
    const auto seq = SeqInUri(uri);
    return {{"kind", "audit"}, {"own", seq && OwnBody(*seq, principal).has_value()}};
  }

  [[nodiscard]] Result<ResourceContents> Read(std::string_view uri,
                                              const policies::Principal& principal) const override {
    const auto seq = SeqInUri(uri);
    auto body = seq ? OwnBody(*seq, principal) : std::nullopt;
    if (!body) {
      return NoSuchRecord(uri);
    }
    return ResourceContents{std::string(uri), kMimeType, *std::move(body), false};
  }

  [[nodiscard]] std::vector<std::string> Complete(
      std::string_view /*uri_template*/, std::string_view /*variable*/, std::string_view prefix,
      const policies::Principal& principal) const override {
    std::vector<std::string> found;
    const auto newest = audit_.Tail(1);
    if (!newest || newest->empty()) {
      return found;
    }
    const std::int64_t last = newest->back().seq;
    for (std::int64_t seq = last; seq > std::max<std::int64_t>(0, last - kMaxLookedAt); --seq) {
      std::string text = std::to_string(seq);
      if (found.size() < kMaxCompletions && text.starts_with(prefix) && OwnBody(seq, principal)) {
        found.push_back(std::move(text));
      }
    }
    return found;
  }

 private:
  // The body of a record, if it is about `principal`: its call, or the outcome of one.
  [[nodiscard]] std::optional<std::string> OwnBody(std::int64_t seq,
                                                   const policies::Principal& principal) const {
    auto record = audit_.Read(seq);
    if (!record) {
      return std::nullopt;
    }
    const auto body = ParseJson(record->body);
    if (!body || !body->is_object()) {
      return std::nullopt;
    }
    if (IsPrincipal(*body, principal)) {
      return std::move(record->body);
    }
    const json intent_seq = body->value("intent_seq", json());
    if (!intent_seq.is_number_integer()) {
      return std::nullopt;
    }
    const auto intent = audit_.Read(intent_seq.get<std::int64_t>());
    const auto intent_body = intent ? ParseJson(intent->body) : Result<json>(intent.error());
    if (!intent_body || !intent_body->is_object() || !IsPrincipal(*intent_body, principal)) {
      return std::nullopt;
    }
    return std::move(record->body);
  }

  policies::AuditLog& audit_;
};

}  // namespace

std::unique_ptr<ResourceProvider> MakeAuditResource(policies::AuditLog& audit) {
  return std::make_unique<AuditResource>(audit);
}

}  // namespace casemate::tools
