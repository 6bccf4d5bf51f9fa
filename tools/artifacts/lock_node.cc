// Lock files of npm, Yarn and pnpm.
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

constexpr int kMaxDepth = 64;

// "@babel/core" has a namespace.
PackageUrl NpmUrl(std::string_view name, std::string_view version) {
  const std::size_t slash = name.starts_with('@') ? name.find('/') : std::string_view::npos;
  if (slash == std::string_view::npos) {
    return {"npm", {}, std::string(name), std::string(version)};
  }
  return {"npm", std::string(name.substr(0, slash)), std::string(name.substr(slash + 1)),
          std::string(version)};
}

bool IsTrue(const json& entry, const char* name) {
  const json& value = At(entry, name);
  return (value.is_boolean() && value.get<bool>()) || TextOf(value) == "true";
}

// Versions 2 and 3: "node_modules/a/node_modules/@s/b": {…}. Other keys are the project's own
// packages.
void ReadPackages(const json& list, const std::string& path, PackageList& packages) {
  constexpr std::string_view kFolder = "node_modules/";
  for (auto it = list.begin(); list.is_object() && it != list.end(); ++it) {
    const std::size_t at = it.key().rfind(kFolder);
    if (at == std::string::npos || IsTrue(*it, "link")) {
      continue;
    }
    std::string name = TextAt(*it, "name");  // of an alias, what it stands for
    if (name.empty()) {
      name = it.key().substr(at + kFolder.size());
    }
    packages.Add(NpmUrl(name, TextAt(*it, "version")), {TextAt(*it, "integrity")}, path,
                 IsTrue(*it, "dev") || IsTrue(*it, "devOptional"));
  }
}

// Version 1: nested.
// NOLINTNEXTLINE(misc-no-recursion): bounded
void ReadDependencies(const json& list, const std::string& path, int depth, PackageList& packages) {
  if (depth > kMaxDepth) {
    packages.Note(path + " is nested too deeply; the rest was left out");
    return;
  }
  for (auto it = list.begin(); list.is_object() && it != list.end(); ++it) {
    std::string name = it.key();
    std::string version = TextAt(*it, "version");
    if (version.starts_with("npm:")) {  // an alias
      const std::size_t at = version.rfind('@');
      name = version.substr(4, at - 4);
      version = at > 4 && at != std::string::npos ? version.substr(at + 1) : std::string();
    }
    if (!version.starts_with("file:")) {
      packages.Add(NpmUrl(name, version), {TextAt(*it, "integrity")}, path, IsTrue(*it, "dev"));
    }
    ReadDependencies(At(*it, "dependencies"), path, depth + 1, packages);
  }
}

std::string_view Unquoted(std::string_view text) {
  text = analysis::Trim(text);
  return text.size() >= 2 && text.front() == '"' && text.back() == '"'
             ? text.substr(1, text.size() - 2)
             : text;
}

// "a" of "a@^1.0.0", "real" of "a@npm:real@^1.0.0".
std::string_view NameOfRange(std::string_view range) {
  const std::size_t at = range.find('@', 1);
  if (at == std::string_view::npos) {
    return {};
  }
  const std::string_view rest = range.substr(at + 1);
  if (rest.starts_with("npm:") && rest.find('@', 5) != std::string_view::npos) {
    return rest.substr(4, rest.find('@', 5) - 4);
  }
  return range.substr(0, at);
}

// Yarn 1 has a format of its own: entries begin in the first column, their fields are indented.
void ReadClassicYarn(const std::string& text, const std::string& path, PackageList& packages) {
  std::string name;
  std::string version;
  std::vector<std::string> hashes;
  const auto end_entry = [&] {
    packages.Add(NpmUrl(name, version), hashes, path);
    name.clear();
    version.clear();
    hashes.clear();
  };
  for (const std::string& line : analysis::SplitLines(text)) {
    if (line.empty() || line.front() == '#') {
      continue;
    }
    if (line.front() != ' ') {
      end_entry();
      const std::string_view ranges = std::string_view(line).substr(0, line.rfind(':'));
      name = NameOfRange(Unquoted(ranges.substr(0, ranges.find(','))));
      continue;
    }
    if (!line.starts_with("  ") || line.starts_with("   ")) {
      continue;  // what it depends on
    }
    const std::string_view field = analysis::Trim(line);
    const std::size_t space = field.find(' ');
    const std::string_view value =
        space == std::string_view::npos ? std::string_view() : Unquoted(field.substr(space));
    if (field.starts_with("version ")) {
      version = value;
    } else if (field.starts_with("integrity ")) {
      hashes.emplace_back(value);
    } else if (field.starts_with("resolved ") && value.find('#') != std::string_view::npos) {
      hashes.emplace_back(value.substr(value.rfind('#') + 1));
    }
  }
  end_entry();
}

// Later editions write YAML: {"a@npm:^1": {version, resolution: "a@npm:1.0.0"}}. Their checksum is
// of a file that Yarn makes itself.
void ReadYarnYaml(const json& root, const std::string& path, PackageList& packages) {
  for (auto it = root.begin(); root.is_object() && it != root.end(); ++it) {
    const std::string resolution = TextAt(*it, "resolution");
    const std::size_t at = resolution.find("@npm:", 1);
    if (at != std::string::npos) {
      packages.Add(NpmUrl(resolution.substr(0, at), TextAt(*it, "version")), {}, path);
    }
  }
}

}  // namespace

void ReadNpmLock(const analysis::SourceTree& tree, const std::string& path, PackageList& packages) {
  const json root = analysis::ReadJsonFile(tree, path);
  if (At(root, "packages").is_object()) {
    ReadPackages(At(root, "packages"), path, packages);
  } else {
    ReadDependencies(At(root, "dependencies"), path, 0, packages);
  }
}

void ReadYarnLock(const analysis::SourceTree& tree, const std::string& path,
                  PackageList& packages) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return;
  }
  if (text->starts_with("__metadata:") || text->find("\n__metadata:") != std::string::npos) {
    ReadYarnYaml(analysis::ReadYamlFile(tree, path), path, packages);
  } else {
    ReadClassicYarn(*text, path, packages);
  }
}

namespace {

// Where a key parts into name and version; npos: nowhere. Keys: "/@s/a/1.0.0_peer@2" (before 6),
// "/@s/a@1.0.0" (6), "@s/a@1.0.0" (9); here without the first slash.
std::size_t EndOfName(std::string_view key, bool is_old) {
  if (!is_old) {
    const std::size_t at = key.rfind('@');
    return at == 0 ? std::string_view::npos : at;
  }
  const std::size_t scope = key.starts_with('@') ? key.find('/') : 0;
  return scope == std::string_view::npos ? scope : key.find('/', scope + 1);
}

}  // namespace

void ReadPnpmLock(const analysis::SourceTree& tree, const std::string& path,
                  PackageList& packages) {
  const json root = analysis::ReadYamlFile(tree, path);
  const json& list = At(root, "packages");
  const bool is_old = TextAt(root, "lockfileVersion").starts_with("5");
  for (auto it = list.begin(); list.is_object() && it != list.end(); ++it) {
    std::string_view key = it.key();
    key.remove_prefix(key.starts_with('/') ? 1 : 0);
    key = key.substr(0, key.find('('));
    const std::size_t end = EndOfName(key, is_old);
    std::string_view version =
        end == std::string_view::npos ? std::string_view() : key.substr(end + 1);
    version = is_old ? version.substr(0, version.find('_')) : version;
    std::string name = TextAt(*it, "name");
    if (name.empty()) {
      name = key.substr(0, end);
    }
    const std::string stated = TextAt(*it, "version");
    packages.Add(NpmUrl(name, stated.empty() ? version : std::string_view(stated)),
                 {TextAt(*it, "resolution.integrity")}, path, IsTrue(*it, "dev"));
  }
}

}  // namespace casemate::artifacts
