#include "policies/approvals/approval.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/json.h"
#include "policies/engine/policy_json.h"

namespace casemate::policies {

using nlohmann::json;

namespace {

constexpr std::string_view kAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kHalf = 5;
constexpr std::size_t kBitsEach = 5;
constexpr std::size_t kRandomBytes = 8;  // more than the 50 bits that are used

std::string WithDash(const std::string& letters) {
  return letters.substr(0, kHalf) + "-" + letters.substr(kHalf);
}

// The value whose name is `text`; the strictest, `otherwise`, if there is none such.
template <typename Value, std::size_t kCount>
Value Named(const json& terms, const char* key, const std::array<Value, kCount>& values,
            Value otherwise) {
  const auto found = terms.find(key);
  if (found == terms.end() || !found->is_string()) {
    return otherwise;
  }
  const auto value = std::ranges::find_if(values, [&](Value candidate) {
    return ToString(candidate) == found->get_ref<const std::string&>();
  });
  return value == values.end() ? otherwise : *value;
}

}  // namespace

std::string_view ToString(ApprovalState state) {
  switch (state) {
    case ApprovalState::kPending:
      return "pending";
    case ApprovalState::kGranted:
      return "granted";
    case ApprovalState::kDenied:
      return "denied";
    case ApprovalState::kUsed:
      return "used";
    case ApprovalState::kExpired:
      return "expired";
  }
  return "expired";
}

std::string NewApprovalId() {
  const std::string hex = RandomHex(kRandomBytes);
  std::uint64_t bits = std::strtoull(hex.c_str(), nullptr, 16);
  std::string letters;
  while (letters.size() < 2 * kHalf) {
    letters += kAlphabet[bits % kAlphabet.size()];
    bits >>= kBitsEach;
  }
  return WithDash(letters);
}

std::optional<std::string> ReadApprovalId(std::string_view typed) {
  std::string letters;
  for (char c : typed) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
    if (c == '-') {
      continue;
    }
    const char meant = c == 'o' ? '0' : c == 'i' || c == 'l' ? '1' : c;
    if (kAlphabet.find(meant) == std::string_view::npos || letters.size() == 2 * kHalf) {
      return std::nullopt;
    }
    letters += meant;
  }
  if (letters.size() != 2 * kHalf) {
    return std::nullopt;
  }
  return WithDash(letters);
}

std::string FitOf(const Decision& decision) {
  std::vector<std::string> rules = decision.matched;
  std::ranges::sort(rules);
  return Sha256Hex(
      DumpJson({{"revision", decision.revision},
                {"rules", rules},
                {"rights", decision.asked ? RightsJson(*decision.asked) : json()},
                {"terms", decision.approval ? ApprovalJson(*decision.approval) : json()}}));
}

Result<void> MayGrant(const Approval& approval, const Decider& decider) {
  const auto refused = [&](const std::string& why, const std::string& remedy) {
    return Error{ErrorCode::kPermissionDenied, "approval " + approval.id + ": " + why, "id", remedy,
                 0};
  };
  const Approver by = approval.terms.by;
  if (by != Approver::kClient && decider.channel == kClientChannel) {
    return refused("policy demands that it is granted outside of the caller's client",
                   "`casemate approve grant " + approval.id + "` on the server");
  }
  const Principal& asking = approval.call.principal;
  if (by == Approver::kSecondPerson && decider.principal.id == asking.id &&
      decider.principal.tenant == asking.tenant) {
    return refused("policy demands a second person, and `" + asking.id + "` of tenant `" +
                       asking.tenant + "` both asks and would approve",
                   "have somebody else grant it, or change `by: second_person` of the rule");
  }
  return {};
}

json ApprovalDetail(const Approval& approval) {
  const ApprovalCall& call = approval.call;
  return {{"id", approval.id},
          {"call", call.hash},
          {"tool", call.tool},
          {"requester", {{"id", call.principal.id}, {"tenant", call.principal.tenant}}},
          {"rules", approval.rules},
          {"revision", approval.revision}};
}

ApprovalTerms ReadApprovalTerms(const std::string& text) {
  ApprovalTerms terms{.by = Approver::kSecondPerson, .expires_ms = 0, .remember = Remember::kNever};
  const auto read = ParseJson(text);
  if (!read || !read->is_object()) {
    return terms;
  }
  terms.by =
      Named(*read, "by",
            std::array{Approver::kClient, Approver::kOperator, Approver::kSecondPerson}, terms.by);
  terms.remember =
      Named(*read, "remember",
            std::array{Remember::kNever, Remember::kSameCall, Remember::kSameRule}, terms.remember);
  const auto expires = read->find("expires_ms");
  if (expires != read->end() && expires->is_number_integer()) {
    terms.expires_ms = expires->get<std::int64_t>();
  }
  return terms;
}

}  // namespace casemate::policies
