#include "clients/hosts/jsonc.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "clients/hosts/text_position.h"

namespace casemate::hosts {
namespace {

using nlohmann::ordered_json;

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// What ends a word such as `true` or a number.
bool EndsWord(char c) {
  return IsSpace(c) || c == ',' || c == ':' || c == '{' || c == '}' || c == '[' || c == ']' ||
         c == '"' || c == '/';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<JsonNode> Document() {
    if (auto checked = CheckText(text_); !checked) {
      return checked.error();
    }
    if (text_.starts_with(kByteOrderMark)) {
      at_ = kByteOrderMark.size();
    }
    Skip();
    if (at_ == text_.size()) {
      return JsonNode{};
    }
    auto root = Value(0);
    if (!root) {
      return std::move(root).error();
    }
    Skip();
    if (at_ != text_.size()) {
      return Expected("the end of the file");
    }
    return root;
  }

 private:
  [[nodiscard]] bool Next(char c) const { return at_ < text_.size() && text_[at_] == c; }
  [[nodiscard]] Error Expected(const std::string& what) const {
    if (text_.substr(at_, 2) == "/*") {
      return ErrorAt(text_, at_, "expected an end of this comment, got none");
    }
    return ErrorAt(text_, at_, "expected " + what + ", got " + Seen(text_, at_));
  }

  void Skip() { at_ = SkipTrivia(text_, at_); }

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
  Result<JsonNode> Value(int depth) {
    if (depth > kMaxJsonDepth) {
      return ErrorAt(text_, at_,
                     "expected at most " + std::to_string(kMaxJsonDepth) +
                         " nested objects and arrays, got more");
    }
    JsonNode node;
    node.kind = JsonNode::Kind::kScalar;
    node.begin = at_;
    if (Next('{') || Next('[')) {
      node.kind = Next('{') ? JsonNode::Kind::kObject : JsonNode::Kind::kArray;
      if (auto read = Members(node, depth); !read) {
        return std::move(read).error();
      }
    } else if (auto read = Next('"') ? String() : Word(); !read) {
      return std::move(read).error();
    }
    node.end = at_;
    return node;
  }

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
  Result<void> Members(JsonNode& node, int depth) {
    const bool is_object = node.kind == JsonNode::Kind::kObject;
    const char close = is_object ? '}' : ']';
    ++at_;
    while (true) {
      Skip();
      if (Next(close)) {
        ++at_;
        return {};
      }
      if (!node.members.empty() && !node.members.back().has_comma()) {
        return Expected(std::string("`,` or `") + close + "`");
      }
      auto member = Member(is_object, depth);
      if (!member) {
        return std::move(member).error();
      }
      node.members.push_back(*std::move(member));
    }
  }

  // NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
  Result<JsonMember> Member(bool has_key, int depth) {
    JsonMember member;
    member.key_begin = at_;
    if (has_key) {
      if (!Next('"')) {
        return Expected("a key in double quotes or `}`");
      }
      if (auto read = String(); !read) {
        return std::move(read).error();
      }
      member.key = ordered_json::parse(text_.substr(member.key_begin, at_ - member.key_begin))
                       .get<std::string>();
      Skip();
      if (!Next(':')) {
        return Expected("`:`");
      }
      ++at_;
      Skip();
    }
    auto value = Value(depth + 1);
    if (!value) {
      return std::move(value).error();
    }
    member.value = *std::move(value);
    Skip();
    if (Next(',')) {
      member.comma = at_++;
    }
    return member;
  }

  Result<void> String() {
    const std::size_t begin = at_;
    ++at_;
    while (!Next('"')) {
      if (at_ >= text_.size() || static_cast<unsigned char>(text_[at_]) < ' ') {
        return at_ >= text_.size() || text_[at_] == '\n' || text_[at_] == '\r'
                   ? ErrorAt(text_, begin, "expected an end of this string on its line, got none")
                   : Expected("no control character in a string");
      }
      at_ += text_[at_] == '\\' ? 2 : 1;
    }
    ++at_;
    if (!ordered_json::accept(text_.substr(begin, at_ - begin))) {
      return ErrorAt(text_, begin, "expected a valid string, got a wrong escape in it");
    }
    return {};
  }

  // A number, true, false or null.
  Result<void> Word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && !EndsWord(text_[at_])) {
      ++at_;
    }
    if (begin == at_ || !ordered_json::accept(text_.substr(begin, at_ - begin))) {
      at_ = begin;
      return Expected("a value");
    }
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t SkipTrivia(std::string_view text, std::size_t offset) {
  while (offset < text.size()) {
    if (IsSpace(text[offset])) {
      ++offset;
    } else if (text.substr(offset, 2) == "//") {
      offset = std::min(text.find('\n', offset), text.size());
    } else if (text.substr(offset, 2) == "/*") {
      const std::size_t end = text.find("*/", offset + 2);
      if (end == std::string_view::npos) {
        break;
      }
      offset = end + 2;
    } else {
      break;
    }
  }
  return offset;
}

Result<JsonNode> ParseJsonc(std::string_view text) {
  return Parser(text).Document();
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
ordered_json ValueOf(std::string_view text, const JsonNode& node) {
  if (node.kind == JsonNode::Kind::kScalar) {
    return ordered_json::parse(text.substr(node.begin, node.end - node.begin));
  }
  ordered_json value =
      node.kind == JsonNode::Kind::kObject ? ordered_json::object() : ordered_json::array();
  for (const JsonMember& member : node.members) {
    if (node.kind == JsonNode::Kind::kObject) {
      value[member.key] = ValueOf(text, member.value);
    } else {
      value.push_back(ValueOf(text, member.value));
    }
  }
  return value;
}

}  // namespace casemate::hosts
