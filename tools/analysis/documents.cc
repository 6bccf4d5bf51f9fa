#include "tools/analysis/documents.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/names.h"

namespace casemate::analysis {

using nlohmann::json;

namespace {

const json kNull;

// JSON with commas before closing brackets, which nlohmann/json refuses even where it allows
// comments.
class Lenient {
 public:
  explicit Lenient(std::string_view text) : text_(text) { plain_.reserve(text.size()); }

  std::string Plain() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const char next = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
      if (c == '"') {
        TakeString();
      } else if (c == '/' && (next == '/' || next == '*')) {
        SkipComment(next == '/');
      } else {
        Take(c);
      }
    }
    return std::move(plain_);
  }

 private:
  void TakeString() {
    const std::size_t begin = at_++;
    while (at_ < text_.size() && text_[at_] != '"') {
      at_ += text_[at_] == '\\' ? 2U : 1U;
    }
    at_ = std::min(at_ + 1, text_.size());
    plain_ += text_.substr(begin, at_ - begin);
    comma_ = std::string::npos;
  }
  void SkipComment(bool is_line) {
    const std::size_t end = text_.find(is_line ? "\n" : "*/", at_ + 2);
    at_ = end == std::string_view::npos ? text_.size() : end + (is_line ? 1 : 2);
    plain_ += is_line ? '\n' : ' ';
  }
  void Take(char c) {
    if ((c == '}' || c == ']') && comma_ != std::string::npos) {
      plain_[comma_] = ' ';
    }
    const bool is_blank = Trim(std::string_view(&c, 1)).empty();
    if (c == ',') {
      comma_ = plain_.size();
    } else if (!is_blank) {
      comma_ = std::string::npos;
    }
    plain_ += c;
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t comma_ = std::string::npos;  // in plain_, with only blanks and comments after it
  std::string plain_;
};

}  // namespace

json ReadJsonFile(const SourceTree& tree, std::string_view path, bool lenient) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return nullptr;
  }
  try {
    return lenient ? json::parse(Lenient(*text).Plain()) : json::parse(*text);
  } catch (const json::exception& wrong) {
    const std::string_view what = wrong.what();
    const std::size_t begin = what.find("] ");
    tree.Note(std::string(path) + " is damaged: " +
              std::string(begin == std::string_view::npos ? what : what.substr(begin + 2)));
    return nullptr;
  }
}

const json& At(const json& document, const std::vector<std::string>& keys) {
  const json* at = &document;
  for (const std::string& key : keys) {
    if (!at->is_object()) {
      return kNull;
    }
    const auto member = at->find(key);
    if (member == at->end()) {
      return kNull;
    }
    at = &*member;
  }
  return *at;
}

const json& At(const json& document, std::string_view path) {
  std::vector<std::string> keys;
  while (!path.empty()) {
    const std::size_t dot = path.find('.');
    keys.emplace_back(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return At(document, keys);
}

std::string TextOf(const json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  return value.is_number() || value.is_boolean() ? value.dump() : std::string();
}

std::string TextAt(const json& document, std::string_view path) {
  return TextOf(At(document, path));
}

const json& Child(const json& element, std::string_view tag) {
  for (const json& child : At(element, "children")) {
    if (TextAt(child, "tag") == tag) {
      return child;
    }
  }
  return kNull;
}

std::vector<const json*> Children(const json& element, std::string_view tag) {
  std::vector<const json*> found;
  for (const json& child : At(element, "children")) {
    if (TextAt(child, "tag") == tag) {
      found.push_back(&child);
    }
  }
  return found;
}

std::string ChildText(const json& element, std::string_view tag) {
  return TextAt(Child(element, tag), "text");
}

}  // namespace casemate::analysis
