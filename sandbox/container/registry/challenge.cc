#include "sandbox/container/registry/challenge.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace casemate::registry {
namespace {

constexpr std::size_t kMostChallenges = 8;
constexpr std::size_t kMostParameters = 16;

bool IsTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

char LowerOf(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// Reads a header from its beginning to its end.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool is_at_end() const { return text_.empty(); }
  [[nodiscard]] std::string_view rest() const { return text_; }
  void Restore(std::string_view rest) { text_ = rest; }
  void Skip(std::string_view any) {
    text_.remove_prefix(std::min(text_.find_first_not_of(any), text_.size()));
  }
  bool Take(char c) {
    const bool is_there = text_.starts_with(c);
    text_.remove_prefix(is_there ? 1 : 0);
    return is_there;
  }
  std::string Token() {
    std::string token;
    while (!text_.empty() && IsTokenChar(text_.front())) {
      token.push_back(LowerOf(text_.front()));
      text_.remove_prefix(1);
    }
    return token;
  }
  // A quoted text or a bare word.
  std::optional<std::string> Value() {
    std::string value;
    if (!Take('"')) {
      while (!text_.empty() && text_.front() != ',' && text_.front() != ' ' &&
             text_.front() != '\t') {
        value.push_back(text_.front());
        text_.remove_prefix(1);
      }
      return value.empty() ? std::nullopt : std::optional(std::move(value));
    }
    while (!text_.empty()) {
      const char c = text_.front();
      text_.remove_prefix(1);
      if (c == '"') {
        return value;
      }
      if (c == '\\' && !text_.empty()) {
        value.push_back(text_.front());
        text_.remove_prefix(1);
      } else {
        value.push_back(c);
      }
    }
    return std::nullopt;  // it never ends
  }

 private:
  std::string_view text_;
};

// "name=value", or nothing and the reader where it was: the next challenge begins here.
bool TakeParameter(Reader& reader, Challenge& challenge, bool& is_broken) {
  const std::string_view before = reader.rest();
  std::string name = reader.Token();
  reader.Skip(" \t");
  if (name.empty() || !reader.Take('=')) {
    reader.Restore(before);
    return false;
  }
  reader.Skip(" \t");
  auto value = reader.Value();
  if (!value || challenge.parameters.size() >= kMostParameters) {
    is_broken = true;
    return false;
  }
  challenge.parameters.emplace_back(std::move(name), *std::move(value));
  return true;
}

}  // namespace

std::string_view Challenge::Find(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) {
      return value;
    }
  }
  return {};
}

std::vector<Challenge> ParseChallenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Reader reader(header);
  while (challenges.size() < kMostChallenges) {
    reader.Skip(" \t,");
    Challenge challenge{.scheme = reader.Token()};
    const bool ends = reader.is_at_end();
    if (challenge.scheme.empty() ||
        (!ends && !reader.rest().starts_with(' ') && !reader.rest().starts_with(','))) {
      break;
    }
    bool is_broken = false;
    reader.Skip(" \t");
    while (TakeParameter(reader, challenge, is_broken)) {
      reader.Skip(" \t,");
    }
    if (is_broken) {
      break;
    }
    challenges.push_back(std::move(challenge));
  }
  return challenges;
}

}  // namespace casemate::registry
