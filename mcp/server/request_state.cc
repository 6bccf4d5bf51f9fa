#include "mcp/server/request_state.h"

#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"

namespace casemate::mcp {
namespace {

using nlohmann::json;

constexpr std::int64_t kLifetimeMs = std::int64_t{15} * 60 * 1000;  // a person may have to be found
constexpr std::size_t kMaxStateBytes = std::size_t{1} << 20;
constexpr const char* kField = "params.requestState";

Error Rejected(const std::string& why) {
  return {ErrorCode::kInvalidArgument,
          "expected the requestState of the last answer to this same call, got one that " + why,
          kField, "make the call again without requestState and inputResponses", 0};
}

}  // namespace

RequestStates::RequestStates() : key_(RandomHex(32)) {}

std::string RequestStates::Code(std::string_view payload) const {
  return HmacSha256Hex(key_, payload);
}

Result<std::string> RequestStates::Seal(const Binding& binding, const json& content) {
  const std::string payload = DumpJson({{"principal", binding.principal},
                                        {"method", binding.method},
                                        {"digest", binding.params_digest},
                                        {"expires_ms", WallClockMs() + kLifetimeMs},
                                        {"nonce", RandomHex(16)},
                                        {"content", content}});
  std::string state = EncodeBase64(payload) + "." + Code(payload);
  if (state.size() > kMaxStateBytes) {
    return Error{ErrorCode::kResourceExhausted,
                 "expected answers of less than " + std::to_string(kMaxStateBytes) +
                     " bytes in all, got more",
                 "params.inputResponses", "answer in fewer words", 0};
  }
  return state;
}

Result<json> RequestStates::Open(const Binding& binding, std::string_view state) {
  const std::size_t dot = state.find('.');
  if (state.size() > kMaxStateBytes || dot == std::string_view::npos) {
    return Rejected("this server did not make");
  }
  const auto payload = DecodeBase64(state.substr(0, dot));
  if (!payload || !EqualInConstantTime(Code(*payload), state.substr(dot + 1))) {
    return Rejected("was altered or is of another server");
  }
  auto parsed = ParseJson(*payload);  // our own words: the code is right
  if (!parsed) {
    return Rejected("cannot be read");
  }
  json& sealed = *parsed;
  if (sealed["principal"] != binding.principal || sealed["method"] != binding.method ||
      sealed["digest"] != binding.params_digest) {
    return Rejected("belongs to another call");
  }
  if (auto used =
          UseOnce(sealed["nonce"].get<std::string>(), sealed["expires_ms"].get<std::int64_t>());
      !used) {
    return std::move(used).error();
  }
  return std::move(sealed["content"]);
}

Result<void> RequestStates::UseOnce(const std::string& nonce, std::int64_t expires_ms) {
  const std::int64_t now = WallClockMs();
  if (now >= expires_ms) {
    return Rejected("has expired");
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(used_, [now](const auto& entry) { return entry.second <= now; });
  if (!used_.emplace(nonce, expires_ms).second) {
    return Rejected("was used before");
  }
  return {};
}

}  // namespace casemate::mcp
