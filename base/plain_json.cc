#include "base/plain_json.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate {
namespace {

using nlohmann::json;

constexpr std::uint64_t kOnes = 0x0101010101010101U;
constexpr std::uint64_t kHighs = 0x8080808080808080U;

// Whether any of eight bytes is `byte`. (Hacker's Delight, 6-1.)
constexpr bool HasByte(std::uint64_t bytes, char byte) {
  const std::uint64_t zeroed = bytes ^ (kOnes * static_cast<unsigned char>(byte));
  return ((zeroed - kOnes) & ~zeroed & kHighs) != 0;
}

// Whether eight bytes are ASCII text that a string can hold as it is.
constexpr bool IsPlain(std::uint64_t bytes) {
  const bool has_control = ((bytes - kOnes * 0x20) & ~bytes & kHighs) != 0;
  return (bytes & kHighs) == 0 && !has_control && !HasByte(bytes, '"') && !HasByte(bytes, '\\');
}

class PlainReader {
 public:
  PlainReader(std::string_view text, int max_depth)
      : at_(text.data()), end_(text.data() + text.size()), max_depth_(max_depth) {
    open_.reserve(kUsualDepth);
  }

  bool Read(json& root) { return ReadFrom(&root); }

  // An object, of which each member's value goes where `place_of` says.
  bool ReadMembers(const PlaceOf& place_of) {
    if (max_depth_ < 1 || !Take('{')) {
      return false;
    }
    place_of_ = &place_of;
    open_.push_back(nullptr);
    return Take('}') ? false : ReadFrom(Member());
  }

 private:
  enum class Step { kOpened, kComplete, kNotPlain };
  static constexpr std::size_t kUsualDepth = 8;

  bool ReadFrom(json* slot) {
    while (slot != nullptr) {
      switch (ReadValue(*slot)) {
        case Step::kOpened:
          slot = Next();
          break;
        case Step::kComplete:
          slot = Continue();
          break;
        case Step::kNotPlain:
          return false;
      }
    }
    return is_done_;
  }

  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) {
      ++at_;
    }
  }
  bool Take(char expected) {
    SkipSpace();
    if (at_ == end_ || *at_ != expected) {
      return false;
    }
    ++at_;
    return true;
  }

  // The innermost container: the root of ReadMembers has no document.
  [[nodiscard]] bool IsInObject() const {
    return open_.back() == nullptr || open_.back()->is_object();
  }
  json* Next() { return IsInObject() ? Member() : Element(); }

  // After a complete value: where the next one belongs; null at the end of the document, and when
  // this is not plain.
  json* Continue() {
    while (!open_.empty()) {
      if (Take(',')) {
        return Next();
      }
      if (!Take(IsInObject() ? '}' : ']')) {
        return nullptr;
      }
      open_.pop_back();
    }
    SkipSpace();
    is_done_ = at_ == end_;
    return nullptr;
  }

  json* Member() {
    if (!Take('"')) {
      return nullptr;
    }
    const auto key = ReadString();
    if (!key.has_value() || !Take(':')) {
      return nullptr;
    }
    if (open_.back() == nullptr) {
      return (*place_of_)(*key);
    }
    auto& members = open_.back()->get_ref<json::object_t&>();
    const auto [place, is_new] = members.try_emplace(std::string(*key));
    return is_new ? &place->second : nullptr;
  }

  json* Element() { return &open_.back()->get_ref<json::array_t&>().emplace_back(); }

  // Pointers in open_ stay valid: only the innermost container grows, and it is the last one.
  Step Open(json& slot, json::value_t container, char close) {
    ++at_;
    slot = json(container);
    if (static_cast<int>(open_.size()) >= max_depth_) {
      return Step::kNotPlain;
    }
    if (Take(close)) {
      return Step::kComplete;
    }
    open_.push_back(&slot);
    return Step::kOpened;
  }

  Step ReadValue(json& slot) {
    SkipSpace();
    if (at_ == end_) {
      return Step::kNotPlain;
    }
    switch (*at_) {
      case '{':
        return Open(slot, json::value_t::object, '}');
      case '[':
        return Open(slot, json::value_t::array, ']');
      case '"': {
        ++at_;
        const auto text = ReadString();
        if (!text.has_value()) {
          return Step::kNotPlain;
        }
        slot = std::string(*text);
        return Step::kComplete;
      }
      case 't':
        return ReadWord(slot, "true", true);
      case 'f':
        return ReadWord(slot, "false", false);
      case 'n':
        return ReadWord(slot, "null", nullptr);
      default:
        return ReadInteger(slot);
    }
  }

  Step ReadWord(json& slot, std::string_view word, json value) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(word)) {
      return Step::kNotPlain;
    }
    at_ += word.size();
    slot = std::move(value);
    return Step::kComplete;
  }

  Step ReadInteger(json& slot) {
    constexpr int kMaxDigits = 18;  // what a 64-bit integer holds whatever the digits
    const bool is_negative = *at_ == '-';
    at_ += is_negative ? 1 : 0;
    const char* first = at_;
    std::int64_t value = 0;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9' && at_ - first < kMaxDigits) {
      value = value * 10 + (*at_++ - '0');
    }
    const auto digits = at_ - first;
    const bool has_leading_zero = digits > 0 && *first == '0' && (digits > 1 || is_negative);
    const bool goes_on =
        at_ != end_ && ((*at_ >= '0' && *at_ <= '9') || *at_ == '.' || *at_ == 'e' || *at_ == 'E');
    if (digits == 0 || has_leading_zero || goes_on) {
      return Step::kNotPlain;
    }
    if (is_negative) {
      slot = -value;
    } else {
      slot = static_cast<std::uint64_t>(value);
    }
    return Step::kComplete;
  }

  // From behind the opening quote to behind the closing one; valid until the next string.
  std::optional<std::string_view> ReadString() {
    const char* const first = at_;
    SkipPlain();
    if (at_ != end_ && *at_ == '"') {
      return std::string_view(first, static_cast<std::size_t>(at_++ - first));
    }
    return ReadOddString(first);
  }

  // With escapes, or text beyond ASCII.
  std::optional<std::string_view> ReadOddString(const char* first) {
    unescaped_.clear();
    bool is_ascii = true;
    for (; at_ != end_; SkipPlain()) {
      const char byte = *at_;
      if (byte == '"') {
        unescaped_.append(first, at_++);
        if (!is_ascii && !IsValidUtf8(unescaped_)) {
          return std::nullopt;
        }
        return unescaped_;
      }
      if (byte == '\\') {
        unescaped_.append(first, at_++);
        if (at_ == end_ || !AppendEscaped(*at_, unescaped_)) {
          return std::nullopt;
        }
        first = ++at_;
      } else if (static_cast<unsigned char>(byte) >= 0x80) {
        is_ascii = false;
        ++at_;
      } else {
        return std::nullopt;  // a control character
      }
    }
    return std::nullopt;
  }

  // Up to the next byte that needs a closer look.
  void SkipPlain() {
    std::uint64_t bytes = 0;
    while (end_ - at_ >= static_cast<std::ptrdiff_t>(sizeof bytes)) {
      std::memcpy(&bytes, at_, sizeof bytes);
      if (!IsPlain(bytes)) {
        break;
      }
      at_ += sizeof bytes;
    }
    while (at_ != end_ && static_cast<signed char>(*at_) >= 0x20 && *at_ != '"' && *at_ != '\\') {
      ++at_;
    }
  }

  static bool AppendEscaped(char letter, std::string& text) {
    constexpr std::string_view kLetters = R"("\/bfnrt)";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    const std::size_t index = kLetters.find(letter);
    if (index == std::string_view::npos) {
      return false;
    }
    text += kMeant[index];
    return true;
  }

  const char* at_;
  const char* const end_;
  const int max_depth_;
  const PlaceOf* place_of_ = nullptr;  // of ReadMembers
  std::vector<json*> open_;            // null: the root of ReadMembers
  std::string unescaped_;
  bool is_done_ = false;
};

}  // namespace

bool ReadPlainJson(std::string_view text, int max_depth, json& root) {
  return PlainReader(text, max_depth).Read(root);
}

bool ReadPlainMembers(std::string_view text, int max_depth, const PlaceOf& place_of) {
  return PlainReader(text, max_depth).ReadMembers(place_of);
}

}  // namespace casemate
