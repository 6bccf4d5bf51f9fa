// go.mod pins the modules, go.sum beside it has their hashes.
#include <map>
#include <optional>
#include <utility>

#include "tools/analysis/names.h"
#include "tools/artifacts/lock_files.h"

namespace casemate::artifacts {
namespace {

using analysis::SplitLines;
using analysis::Trim;
using Module = std::pair<std::string, std::string>;  // path, version; no version: any

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  while (!(line = Trim(line)).empty()) {
    const std::size_t end = line.find_first_of(" \t");
    std::string word(line.substr(0, end));
    if (word.size() >= 2 && word.front() == '"' && word.back() == '"') {
      word = word.substr(1, word.size() - 2);
    }
    words.push_back(std::move(word));
    line = end == std::string_view::npos ? std::string_view() : line.substr(end);
  }
  return words;
}

struct GoMod {
  std::vector<Module> required;
  std::map<Module, Module> replaced;  // by a module without a version: by a directory
};

void ReadStatement(const std::vector<std::string>& words, GoMod& mod) {
  if (words.front() == "require" && words.size() >= 3) {
    mod.required.emplace_back(words[1], words[2]);
    return;
  }
  // replace A [v1] => B [v2]
  if (words.front() != "replace" || words.size() < 4) {
    return;
  }
  const bool has_version = words[2] != "=>";
  const std::size_t by = has_version ? 4 : 3;
  if (words.size() > by) {
    mod.replaced[{words[1], has_version ? words[2] : std::string()}] = {
        words[by], words.size() > by + 1 ? words[by + 1] : std::string()};
  }
}

GoMod Parse(const std::string& text) {
  GoMod mod;
  std::string block;
  for (const std::string& whole : SplitLines(text)) {
    auto words = Words(std::string_view(whole).substr(0, whole.find("//")));
    if (words.empty()) {
      continue;
    }
    if (words.front() == ")") {
      block.clear();
    } else if (words.size() == 2 && words[1] == "(") {
      block = words.front();
    } else {
      if (!block.empty()) {
        words.insert(words.begin(), block);
      }
      ReadStatement(words, mod);
    }
  }
  return mod;
}

// "h1:BASE64" is SHA-256 over a list of the module's files.
std::map<Module, std::string> ReadSums(const std::string* text) {
  std::map<Module, std::string> sums;
  for (const std::string& line : text == nullptr ? std::vector<std::string>() : SplitLines(*text)) {
    auto words = Words(line);
    if (words.size() == 3 && words[2].starts_with("h1:") && !words[1].ends_with("/go.mod")) {
      sums[{words[0], words[1]}] = "sha256-" + words[2].substr(3);
    }
  }
  return sums;
}

}  // namespace

void ReadGoMod(const analysis::SourceTree& tree, const std::string& path, PackageList& packages) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return;
  }
  const GoMod mod = Parse(*text);
  const std::string sum_path = analysis::JoinPath(analysis::ParentOf(path), "go.sum");
  const auto sums = ReadSums(tree.Has(sum_path) ? tree.Read(sum_path) : nullptr);
  for (Module module : mod.required) {
    auto by = mod.replaced.find(module);
    if (by == mod.replaced.end()) {
      by = mod.replaced.find({module.first, std::string()});
    }
    if (by != mod.replaced.end()) {
      module = by->second;
    }
    const auto sum = sums.find(module);
    const std::size_t slash = module.first.rfind('/');
    const bool is_nested = slash != std::string::npos;
    packages.Add({"golang", is_nested ? module.first.substr(0, slash) : std::string(),
                  is_nested ? module.first.substr(slash + 1) : module.first, module.second},
                 sum == sums.end() ? std::vector<std::string>() : std::vector{sum->second}, path);
  }
}

}  // namespace casemate::artifacts
