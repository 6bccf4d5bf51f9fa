#include "tools/analysis/names.h"

#include <algorithm>
#include <cctype>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"

namespace casemate::analysis {

namespace {

constexpr std::size_t kMaxNameBytes = 63;

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::string Plain(std::string_view wanted) {
  std::string name;
  for (const char raw : Lower(wanted)) {
    if (IsPlain(raw)) {
      name += raw;
    } else if (!name.empty() && IsPlain(name.back())) {
      name += raw == '_' || raw == '.' ? raw : '-';
    }
  }
  name.resize(std::min(name.size(), kMaxNameBytes));
  while (!name.empty() && !IsPlain(name.back())) {
    name.pop_back();
  }
  return name;
}

}  // namespace

std::string PlainName(std::string_view wanted, std::string_view directory) {
  // Scopes, groups and hosts: what stands behind the last slash is the name.
  std::string name = Plain(wanted.substr(wanted.find_last_of("/:") + 1));
  if (name.empty()) {
    name = Plain(NameOf(directory));
  }
  return name.empty() ? "app" : name;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\f\v";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) {
    return {};
  }
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::vector<std::string> SplitLines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return lines;
}

std::string Lower(std::string_view text) {
  std::string low(text);
  std::transform(low.begin(), low.end(), low.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return low;
}

bool IsVersion(std::string_view text) {
  constexpr std::size_t kMaxBytes = 100;
  return !text.empty() && text.size() <= kMaxBytes &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 ||
                  std::string_view(".*^~<>=!|/, -_+@:").find(static_cast<char>(c)) !=
                      std::string_view::npos;
         });
}

std::string FirstLine(const SourceTree& tree, std::string_view path) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return {};
  }
  for (const std::string& line : SplitLines(*text)) {
    const std::string_view words = Trim(std::string_view(line).substr(0, line.find('#')));
    if (!words.empty()) {
      return std::string(words);
    }
  }
  return {};
}

namespace {

std::optional<Candidate> VersionInAsdf(const SourceTree& tree, const std::string& path,
                                       std::initializer_list<std::string_view> tools) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return std::nullopt;
  }
  for (const std::string& whole : SplitLines(*text)) {
    const std::string_view line = Trim(std::string_view(whole).substr(0, whole.find('#')));
    const std::size_t gap = line.find_first_of(" \t");
    if (gap == std::string_view::npos) {
      continue;
    }
    const std::string_view tool = line.substr(0, gap);
    std::string_view version = Trim(line.substr(gap));
    version = version.substr(0, version.find_first_of(" \t"));
    if (std::find(tools.begin(), tools.end(), tool) != tools.end() && version != "system") {
      return Candidate{std::string(version), {path, std::string(tool)}, Confidence::kCertain};
    }
  }
  return std::nullopt;
}

std::optional<Candidate> VersionInMise(const SourceTree& tree, const std::string& path,
                                       std::initializer_list<std::string_view> tools) {
  if (!tree.Has(path)) {
    return std::nullopt;
  }
  const nlohmann::json document = ReadTomlFile(tree, path);
  for (const std::string_view tool : tools) {
    const nlohmann::json& entry = At(document, {"tools", std::string(tool)});
    const nlohmann::json& first = entry.is_array() && !entry.empty() ? entry.front() : entry;
    std::string version = first.is_object() ? TextAt(first, "version") : TextOf(first);
    if (!version.empty()) {
      return Candidate{
          std::move(version), {path, "tools." + std::string(tool)}, Confidence::kCertain};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Candidate> ToolVersion(const SourceTree& tree, std::string_view directory,
                                     std::initializer_list<std::string_view> tools) {
  while (true) {
    if (auto found = VersionInAsdf(tree, JoinPath(directory, ".tool-versions"), tools)) {
      return found;
    }
    for (const char* name : {"mise.toml", ".mise.toml", ".config/mise.toml"}) {
      if (auto found = VersionInMise(tree, JoinPath(directory, name), tools)) {
        return found;
      }
    }
    if (directory.empty()) {
      return std::nullopt;
    }
    directory = ParentOf(directory);
  }
}

std::optional<std::string> ResolvePath(std::string_view directory, std::string_view path) {
  std::string at(directory);
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part == "..") {
      if (at.empty()) {
        return std::nullopt;
      }
      at = std::string(ParentOf(at));
    } else if (part != "." && !part.empty()) {
      at = JoinPath(at, part);
    }
  }
  return at;
}

std::optional<std::string> FindUpwards(const SourceTree& tree, std::string_view directory,
                                       std::string_view file) {
  while (true) {
    if (tree.Has(JoinPath(directory, file))) {
      return std::string(directory);
    }
    if (directory.empty()) {
      return std::nullopt;
    }
    directory = ParentOf(directory);
  }
}

}  // namespace casemate::analysis
