#include "tools/analysis/documents.h"

#include <nlohmann/json.hpp>

#include "tools/analysis/names.h"

namespace casemate::analysis {

using nlohmann::json;

namespace {

const json kNull;

// JSON with commas before closing brackets, which nlohmann/json refuses even where it allows
// comments.
std::string WithoutTrailingCommas(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  std::size_t comma =
      std::string::npos;  // in `plain`, with nothing but blanks and comments after it
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      const std::size_t begin = i++;
      for (; i < text.size() && text[i] != '"'; ++i) {
        i += text[i] == '\\' ? 1U : 0U;
      }
      plain += text.substr(begin, i - begin + 1);
      comma = std::string::npos;
      continue;
    }
    if (c == '/' && i + 1 < text.size() && (text[i + 1] == '/' || text[i + 1] == '*')) {
      const bool is_line = text[i + 1] == '/';
      const std::size_t end = text.find(is_line ? "\n" : "*/", i + 2);
      i = end == std::string_view::npos ? text.size() : end + (is_line ? 0 : 1);
      plain += is_line ? '\n' : ' ';
      continue;
    }
    if ((c == '}' || c == ']') && comma != std::string::npos) {
      plain[comma] = ' ';
    }
    if (c == ',') {
      comma = plain.size();
    } else if (Trim(std::string_view(&c, 1)) != "") {
      comma = std::string::npos;
    }
    plain += c;
  }
  return plain;
}

}  // namespace

json ReadJsonFile(const SourceTree& tree, std::string_view path, bool lenient) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return nullptr;
  }
  try {
    return lenient ? json::parse(WithoutTrailingCommas(*text)) : json::parse(*text);
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
