#include "tools/artifacts/dsse.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"

namespace casemate::artifacts {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxSignatures = 16;

struct Envelope {
  std::string payload;
  std::vector<std::string> signatures;
};

Error NoEnvelope(const std::string& why) {
  return InvalidArgument({}, "expected a DSSE envelope: " + why);
}

std::string TextAt(const json& object, const char* name) {
  const auto member = object.find(name);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

Result<Envelope> Parse(std::string_view text, std::string_view type) {
  auto root = ParseJson(text, {.max_bytes = kMaxEnvelopeBytes, .max_depth = 8});
  if (!root) {
    return NoEnvelope(root.error().message);
  }
  if (!root->is_object() || TextAt(*root, "payloadType") != type) {
    return NoEnvelope("payloadType is not " + std::string(type));
  }
  auto payload = DecodeBase64(TextAt(*root, "payload"));
  if (!payload || payload->empty()) {
    return NoEnvelope("payload is not base64");
  }
  const auto signatures = root->find("signatures");
  if (signatures == root->end() || !signatures->is_array() || signatures->empty() ||
      signatures->size() > kMaxSignatures) {
    return NoEnvelope("expected 1 to " + std::to_string(kMaxSignatures) + " signatures");
  }
  Envelope envelope{*std::move(payload), {}};
  for (const json& signature : *signatures) {
    auto bytes = signature.is_object() ? DecodeBase64(TextAt(signature, "sig")) : std::nullopt;
    if (!bytes) {
      return NoEnvelope("a signature is not base64");
    }
    envelope.signatures.push_back(*std::move(bytes));
  }
  return envelope;
}

}  // namespace

std::string PreAuthEncoding(std::string_view type, std::string_view payload) {
  std::string bytes = "DSSEv1 " + std::to_string(type.size()) + " ";
  bytes += type;
  bytes += " " + std::to_string(payload.size()) + " ";
  bytes += payload;
  return bytes;
}

std::string SignEnvelope(std::string_view type, std::string_view payload, const SigningKey& key) {
  const json signature = {{"keyid", key.key_id()},
                          {"sig", EncodeBase64(key.Sign(PreAuthEncoding(type, payload)))}};
  return DumpJson({{"payloadType", type},
                   {"payload", EncodeBase64(payload)},
                   {"signatures", json::array({signature})}});
}

Result<std::string> OpenEnvelope(std::string_view envelope, std::string_view type,
                                 const VerifyingKey& key) {
  auto parsed = Parse(envelope, type);
  if (!parsed) {
    return parsed.error();
  }
  const std::string bytes = PreAuthEncoding(type, parsed->payload);
  if (std::ranges::any_of(parsed->signatures, [&](const std::string& signature) {
        return key.Verify(bytes, signature);
      })) {
    return std::move(parsed->payload);
  }
  return Error{ErrorCode::kPermissionDenied,
               "the envelope is not signed with the key " + key.key_id(),
               {},
               "its content was changed, or another installation made it: do not rely on it",
               0};
}

Result<std::string> PayloadOf(std::string_view envelope, std::string_view type) {
  auto parsed = Parse(envelope, type);
  return parsed ? Result(std::move(parsed->payload)) : Result<std::string>(parsed.error());
}

}  // namespace casemate::artifacts
