#include "tools/analysis/languages/go_module.h"

#include <algorithm>
#include <array>
#include <optional>

#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

constexpr std::size_t kMaxPackages = 3000;

// Constraints that leave a file out of a program for Linux, or out of every program.
constexpr auto kForeignTags = std::to_array<std::string_view>(
    {"ignore",  "ignored",     "none",    "tools",   "tool",   "generate", "wireinject", "mage",
     "example", "integration", "e2e",     "windows", "darwin", "js",       "wasm",       "wasip1",
     "plan9",   "freebsd",     "android", "ios",     "tinygo", "!linux",   "!unix"});
constexpr auto kForeignSuffixes = std::to_array<std::string_view>(
    {"_test.go", "_windows.go", "_darwin.go", "_js.go", "_wasm.go", "_freebsd.go", "_netbsd.go",
     "_openbsd.go", "_plan9.go", "_solaris.go", "_android.go", "_ios.go", "_aix.go"});

std::vector<std::string> Words(std::string_view line) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = line.find_first_not_of(" \t", at)) != std::string_view::npos) {
    const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
    words.emplace_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

std::string Unquoted(std::string_view word) {
  while (!word.empty() && (word.front() == '"' || word.front() == '`')) {
    word.remove_prefix(1);
  }
  while (!word.empty() && (word.back() == '"' || word.back() == '`')) {
    word.remove_suffix(1);
  }
  return std::string(word);
}

// One statement, outside of a block or in it, without its comment.
void TakeStatement(const std::vector<std::string>& words, bool is_indirect, const Source& source,
                   GoModule& module) {
  const std::string& verb = words.front();
  if (verb == "module" && words.size() > 1) {
    module.path = Unquoted(words[1]);
  } else if (verb == "go" && words.size() > 1) {
    module.go = words[1];
  } else if (verb == "toolchain" && words.size() > 1 && words[1].starts_with("go")) {
    module.toolchain = words[1].substr(2);
  } else if (verb == "use" && words.size() > 1) {
    module.local.push_back(Unquoted(words[1]));
  } else if (verb == "replace" && words.size() > 2 && words.back().starts_with('.')) {
    module.local.push_back(Unquoted(words.back()));
  } else if (verb == "require" && words.size() > 2 && !is_indirect) {
    module.dependencies.push_back({Unquoted(words[1]), words[2], source});
  }
}

bool IsForeign(std::string_view tag) {
  return std::find(kForeignTags.begin(), kForeignTags.end(), tag) != kForeignTags.end();
}

// Of "//go:build a && b || c": whether one of its alternatives can be met.
bool CanBeMet(std::string_view constraint) {
  while (true) {
    const std::size_t bar = constraint.find("||");
    bool is_met = true;
    for (std::string& word : Words(constraint.substr(0, bar))) {
      std::erase_if(word, [](char c) { return c == '(' || c == ')'; });
      is_met = is_met && !IsForeign(word);
    }
    if (is_met) {
      return true;
    }
    if (bar == std::string_view::npos) {
      return false;
    }
    constraint.remove_prefix(bar + 2);
  }
}

// What the head of a file says: its constraint, its package, its imports.
class Head {
 public:
  void Read(const std::string& text, GoPackage& package) {
    for (const std::string& whole : SplitLines(text)) {
      const std::string_view line = Trim(whole);
      if (line.starts_with("//go:build ") && !CanBeMet(line.substr(11))) {
        is_built = false;
        return;
      }
      if (line.starts_with("// +build ") && name.empty() && IsForeign(Trim(line.substr(10)))) {
        is_built = false;
        return;
      }
      if (line.starts_with("package ")) {
        name = Words(line)[1];
      } else if (!name.empty() && !TakeImport(line, package)) {
        return;
      }
    }
  }

  bool is_built = true;
  std::string name;

 private:
  // False: the imports have ended.
  bool TakeImport(std::string_view line, GoPackage& package) {
    if (line.starts_with("import (")) {
      is_in_block_ = true;
      return true;
    }
    if (is_in_block_ && line.starts_with(")")) {
      is_in_block_ = false;
      return true;
    }
    if (is_in_block_ || line.starts_with("import ")) {
      const std::size_t begin = line.find_first_of("\"`");
      const std::size_t end =
          begin == std::string_view::npos ? begin : line.find_first_of("\"`", begin + 1);
      if (end != std::string_view::npos && !line.starts_with("//")) {
        package.imports.emplace(line.substr(begin + 1, end - begin - 1));
      }
      return true;
    }
    return !(line.starts_with("func ") || line.starts_with("type ") || line.starts_with("var ") ||
             line.starts_with("const "));
  }

  bool is_in_block_ = false;
};

}  // namespace

GoModule ReadGoModule(const SourceTree& tree, const std::string& path) {
  GoModule module;
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return module;
  }
  std::string block;
  std::size_t number = 0;
  for (const std::string& line : SplitLines(*text)) {
    ++number;
    const std::size_t comment = line.find("//");
    const bool is_indirect =
        comment != std::string::npos && line.find("indirect", comment) != std::string::npos;
    std::vector<std::string> words = Words(std::string_view(line).substr(0, comment));
    if (words.empty()) {
      continue;
    }
    if (words.front() == ")") {
      block.clear();
      continue;
    }
    if (words.back() == "(" || words.front().ends_with('(')) {
      block = words.front().substr(0, words.front().find('('));
      continue;
    }
    if (!block.empty()) {
      words.insert(words.begin(), block);
    }
    TakeStatement(words, is_indirect, {path, "line " + std::to_string(number)}, module);
  }
  std::vector<std::string> local;
  for (const std::string& place : module.local) {
    if (auto directory = ResolvePath(ParentOf(path), place)) {
      local.push_back(*std::move(directory));
    }
  }
  module.local = std::move(local);
  return module;
}

const GoPackage& GoSources::PackageIn(const std::string& directory) {
  auto [at, is_new] = packages_.try_emplace(directory);
  GoPackage& package = at->second;
  if (!is_new || packages_.size() > kMaxPackages) {
    return package;
  }
  for (const std::string& name : tree_.In(directory)) {
    const bool is_foreign =
        std::any_of(kForeignSuffixes.begin(), kForeignSuffixes.end(),
                    [&](std::string_view suffix) { return name.ends_with(suffix); });
    if (!name.ends_with(".go") || is_foreign || name.starts_with('_') || name.starts_with('.')) {
      continue;
    }
    const std::string path = JoinPath(directory, name);
    const std::string* text = tree_.Read(path);
    GoPackage of_file;
    Head head;
    if (text != nullptr) {
      head.Read(*text, of_file);
    }
    if (text == nullptr || !head.is_built) {
      continue;
    }
    package.files.push_back(path);
    package.imports.merge(of_file.imports);
    package.is_main = package.is_main ||
                      (head.name == "main" && text->find("\nfunc main()") != std::string::npos);
  }
  return package;
}

std::vector<std::string> GoSources::Closure(const std::string& directory) {
  std::vector<std::string> found{directory};
  std::set<std::string> known{directory};
  for (std::size_t i = 0; i < found.size() && i < kMaxPackages; ++i) {
    const std::set<std::string> imports = PackageIn(found[i]).imports;
    for (const std::string& import : imports) {
      for (const auto& [path, place] : modules_) {
        const bool is_inside = import == path || import.starts_with(path + "/");
        if (!is_inside || path.empty()) {
          continue;
        }
        std::string inner =
            JoinPath(place, import == path ? "" : std::string_view(import).substr(path.size() + 1));
        if (tree_.HasDirectory(inner) && known.insert(inner).second) {
          found.push_back(std::move(inner));
        }
      }
    }
  }
  return found;
}

}  // namespace casemate::analysis
