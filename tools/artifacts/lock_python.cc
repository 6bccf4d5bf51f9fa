// Lock files of Python's package managers.
#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/names.h"
#include "tools/artifacts/lock_files.h"

namespace casemate::artifacts {
namespace {

using analysis::At;
using analysis::TextAt;
using analysis::TextOf;
using nlohmann::json;

// As PyPI compares names (PEP 503): "Foo.Bar" and "foo_bar" are "foo-bar".
PackageUrl PyPiUrl(std::string_view name, std::string_view version) {
  std::string plain;
  for (const char c : analysis::Lower(name)) {
    const bool is_separator = c == '-' || c == '_' || c == '.';
    if (!is_separator) {
      plain += c;
    } else if (!plain.ends_with('-')) {
      plain += '-';
    }
  }
  return {"pypi", {}, std::move(plain), std::string(version)};
}

// One line of what pip reads, its continuations joined: `Foo[bar]==1.2 ; marker --hash=sha256:…`.
bool ReadRequirement(std::string_view line, const std::string& path, PackageList& packages) {
  constexpr std::string_view kHash = "--hash=";
  const std::size_t pin = line.find("==");
  const std::size_t end_of_name = line.find_first_of(" \t[=<>!~;@");
  if (pin == std::string_view::npos || line.find_first_of("<>!~;@") < pin) {
    return false;
  }
  std::string_view version = line.substr(std::min(line.find_first_not_of('=', pin), line.size()));
  version = analysis::Trim(version.substr(0, version.find_first_of(";,#")));
  version = version.substr(0, version.find_first_of(" \t\\"));
  if (version.empty() || version.find('*') != std::string_view::npos) {
    return false;
  }
  std::vector<std::string> hashes;
  for (std::size_t at = line.find(kHash); at != std::string_view::npos;
       at = line.find(kHash, at + kHash.size())) {
    const std::string_view rest = line.substr(at + kHash.size());
    hashes.emplace_back(rest.substr(0, rest.find_first_of(" \t\\")));
  }
  packages.Add(PyPiUrl(line.substr(0, end_of_name), version), hashes, path);
  return true;
}

std::vector<std::string> HashesOf(const json& files) {
  std::vector<std::string> hashes;
  for (const json& file : ListOf(files)) {
    hashes.push_back(file.is_string() ? TextOf(file) : TextAt(file, "hash"));
  }
  return hashes;
}

}  // namespace

void ReadRequirements(const analysis::SourceTree& tree, const std::string& path,
                      PackageList& packages) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return;
  }
  std::size_t unpinned = 0;
  std::string joined;
  for (const std::string& line : analysis::SplitLines(*text)) {
    joined += line;
    if (joined.ends_with('\\')) {
      joined.back() = ' ';
      continue;
    }
    const std::string_view whole = analysis::Trim(joined);
    const bool is_one = !whole.empty() && whole.front() != '#' && whole.front() != '-';
    if (is_one && !ReadRequirement(whole, path, packages)) {
      ++unpinned;
    }
    joined.clear();
  }
  if (unpinned > 0) {
    packages.Note(path + " names " + std::to_string(unpinned) +
                  " packages without their version; they were left out");
  }
}

void ReadPoetryLock(const analysis::SourceTree& tree, const std::string& path,
                    PackageList& packages) {
  const json root = analysis::ReadTomlFile(tree, path);
  const json& files = At(root, "metadata.files");  // before version 2 of the format
  const json& list = At(root, "package");
  for (const json& package : ListOf(list)) {
    const std::string name = TextAt(package, "name");
    const json& own = At(package, "files");
    packages.Add(PyPiUrl(name, TextAt(package, "version")),
                 HashesOf(own.is_array() ? own : At(files, std::vector<std::string>{name})), path,
                 TextAt(package, "category") == "dev");
  }
}

void ReadUvLock(const analysis::SourceTree& tree, const std::string& path, PackageList& packages) {
  const json root = analysis::ReadTomlFile(tree, path);
  const json& list = At(root, "package");
  for (const json& package : ListOf(list)) {
    const json& source = At(package, "source");
    if (source.contains("virtual") || source.contains("editable") || source.contains("directory")) {
      continue;  // the project's own
    }
    std::vector<std::string> hashes = HashesOf(At(package, "wheels"));
    hashes.push_back(TextAt(package, "sdist.hash"));
    packages.Add(PyPiUrl(TextAt(package, "name"), TextAt(package, "version")), hashes, path);
  }
}

void ReadPipfileLock(const analysis::SourceTree& tree, const std::string& path,
                     PackageList& packages) {
  const json root = analysis::ReadJsonFile(tree, path);
  for (const auto& [section, is_for_development] :
       {std::pair("default", false), std::pair("develop", true)}) {
    const json& list = At(root, section);
    for (auto it = list.begin(); list.is_object() && it != list.end(); ++it) {
      const std::string version = TextAt(*it, "version");
      if (version.starts_with("==")) {
        const std::size_t begin = std::min(version.find_first_not_of('='), version.size());
        packages.Add(PyPiUrl(it.key(), version.substr(begin)), HashesOf(At(*it, "hashes")), path,
                     is_for_development);
      }
    }
  }
}

}  // namespace casemate::artifacts
