#include "policies/engine/glob.h"

#include <string>
#include <vector>

namespace casemate::policies {

namespace {

struct Token {
  enum class Kind { kByte, kOne, kSome, kAny };  // c, ?, *, **
  Kind kind = Kind::kByte;
  char byte = 0;
};

std::vector<Token> Tokenize(std::string_view pattern) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '?') {
      tokens.push_back({Token::Kind::kOne, 0});
    } else if (pattern[i] != '*') {
      tokens.push_back({Token::Kind::kByte, pattern[i]});
    } else if (i + 1 < pattern.size() && pattern[i + 1] == '*') {
      tokens.push_back({Token::Kind::kAny, 0});
      ++i;
    } else {
      tokens.push_back({Token::Kind::kSome, 0});
    }
  }
  return tokens;
}

bool IsStar(const Token& token) {
  return token.kind == Token::Kind::kSome || token.kind == Token::Kind::kAny;
}

bool Accepts(const Token& token, char c) {
  switch (token.kind) {
    case Token::Kind::kByte:
      return token.byte == c;
    case Token::Kind::kOne:
    case Token::Kind::kSome:
      return c != '/';
    case Token::Kind::kAny:
      return true;
  }
  return false;
}

// A star may match nothing: what can be reached before it can be reached after it.
void SkipStars(const std::vector<Token>& tokens, std::vector<bool>& reached) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (reached[i] && IsStar(tokens[i])) {
      reached[i + 1] = true;
    }
  }
}

}  // namespace

Result<void> CheckGlob(std::string_view pattern) {
  if (pattern.empty() || pattern.size() > kMaxGlobBytes) {
    return InvalidArgument(
        "glob", "expected a pattern of 1 to 256 bytes, got " + std::to_string(pattern.size()));
  }
  const auto bad = pattern.find_first_of("[]{}\\");
  if (bad != std::string_view::npos) {
    return InvalidArgument("glob", std::string("expected a pattern of *, **, ? and plain "
                                               "characters, got `") +
                                       pattern[bad] + "`");
  }
  return {};
}

bool GlobMatches(std::string_view pattern, std::string_view text) {
  const std::vector<Token> tokens = Tokenize(pattern);
  // reached[i]: the text so far can be matched by the first i tokens.
  std::vector<bool> reached(tokens.size() + 1, false);
  reached[0] = true;
  SkipStars(tokens, reached);
  std::vector<bool> next(tokens.size() + 1, false);
  for (const char c : text) {
    next.assign(tokens.size() + 1, false);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (reached[i] && Accepts(tokens[i], c)) {
        next[IsStar(tokens[i]) ? i : i + 1] = true;
      }
    }
    SkipStars(tokens, next);
    reached.swap(next);
  }
  return reached[tokens.size()];
}

}  // namespace casemate::policies
