#include "tools/analysis/languages/rust_crate.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/names.h"

namespace casemate::analysis {

using nlohmann::json;

namespace {

// Of a path that leads out of the project: one that no file of it has.
std::string Located(std::string_view directory, std::string_view path) {
  return ResolvePath(directory, path).value_or("..");
}

constexpr std::size_t kMaxCrates = 200;

std::vector<std::string> RustFiles(const SourceTree& tree, const std::string& directory) {
  return tree.Below(directory, ".rs");
}

// A binary whose file is the only one of it, or lies with its modules in a directory of its own.
RustBinary Binary(const SourceTree& tree, const std::string& directory, std::string name,
                  const std::string& root) {
  RustBinary binary{std::move(name), root, {root}, {}};
  const std::string place(ParentOf(root));
  const bool has_own_place =
      NameOf(root) == "main.rs" && place != JoinPath(directory, "src") && place != directory;
  if (has_own_place) {
    for (std::string& file : RustFiles(tree, place)) {
      if (file != root) {
        binary.files.push_back(std::move(file));
      }
    }
  }
  return binary;
}

// Binaries that Cargo finds by where their files lie.
std::vector<RustBinary> FoundBinaries(const SourceTree& tree, const std::string& directory,
                                      const std::string& package) {
  std::vector<RustBinary> found;
  const std::string main = JoinPath(directory, "src/main.rs");
  if (tree.Has(main)) {
    found.push_back(Binary(tree, directory, package, main));
  }
  const std::string place = JoinPath(directory, "src/bin");
  for (const std::string& path : RustFiles(tree, place)) {
    const std::string_view inner = std::string_view(path).substr(place.size() + 1);
    const std::string_view parent = ParentOf(inner);
    if (parent.empty()) {
      found.push_back(
          Binary(tree, directory, std::string(inner.substr(0, inner.size() - 3)), path));
    } else if (NameOf(inner) == "main.rs" && parent.find('/') == std::string_view::npos) {
      found.push_back(Binary(tree, directory, std::string(parent), path));
    }
  }
  return found;
}

std::string Joined(const json& list) {
  std::string text;
  if (list.is_array()) {
    for (const json& item : list) {
      text += (text.empty() ? "" : ",") + TextOf(item);
    }
  }
  return text;
}

bool Lists(const json& list, std::string_view word) {
  return list.is_array() && std::any_of(list.begin(), list.end(), [&](const json& item) {
           return item.is_string() && item.get_ref<const std::string&>() == word;
         });
}

// The features of an entry of [dependencies], with those that the workspace adds.
json FeaturesOf(const json& entry, const json& shared) {
  json features = json::array();
  for (const json* from : {&At(entry, "features"), &At(shared, "features")}) {
    if (from->is_array()) {
      features.insert(features.end(), from->begin(), from->end());
    }
  }
  return features;
}

bool HasFeature(const json& features, std::string_view part) {
  return std::any_of(features.begin(), features.end(), [&](const json& item) {
    return TextOf(item).find(part) != std::string::npos;
  });
}

struct Implication {
  std::string_view crate;
  std::string_view feature;  // contains this; empty: always
  std::string_view implied;
};
// What features of well-known crates bring with them.
constexpr auto kImplications = std::to_array<Implication>({
    {"sqlx", "postgres", "sqlx-postgres"},
    {"sqlx", "mysql", "sqlx-mysql"},
    {"sqlx", "sqlite", "sqlx-sqlite"},
    {"sqlx", "native-tls", "openssl-sys"},
    {"sea-orm", "postgres", "sqlx-postgres"},
    {"sea-orm", "mysql", "sqlx-mysql"},
    {"sea-orm", "sqlite", "sqlx-sqlite"},
    {"sea-orm", "native-tls", "openssl-sys"},
    {"diesel", "postgres", "pq-sys"},
    {"diesel", "mysql", "mysqlclient-sys"},
    {"diesel", "sqlite", "libsqlite3-sys"},
    {"diesel-async", "postgres", "tokio-postgres"},
    {"diesel-async", "mysql", "mysql_async"},
    {"rocket_db_pools", "postgres", "sqlx-postgres"},
    {"rocket_db_pools", "sqlite", "sqlx-sqlite"},
    {"reqwest", "native-tls", "openssl-sys"},
    {"apalis", "redis", "redis"},
    {"loco-rs", "", "sqlx-postgres"},
});

void AddImplied(const std::string& name, const json& entry, const json& shared,
                const Source& source, RustDependencies& found) {
  const json features = FeaturesOf(entry, shared);
  const auto add = [&](std::string_view crate) {
    found.implied.push_back({std::string(crate), {}, source});
  };
  for (const Implication& rule : kImplications) {
    if (rule.crate == name && !rule.feature.empty() && HasFeature(features, rule.feature)) {
      add(rule.implied);
    }
  }
  const bool has_defaults =
      TextAt(entry, "default-features") != "false" && TextAt(shared, "default-features") != "false";
  const std::string version = entry.is_object() ? TextAt(entry, "version") : TextOf(entry);
  if (name == "reqwest" && has_defaults && version.starts_with("0.1") &&
      !version.starts_with("0.13")) {
    add("openssl-sys");
  }
  if (name == "rusqlite" && !HasFeature(features, "bundled")) {
    add("libsqlite3-sys");
  }
  if (HasFeature(features, "vendored") &&
      (name == "openssl" || name == "native-tls" || name == "openssl-sys")) {
    add("openssl-src");
  }
}

// Names of all crates that these bring with them, as Cargo.lock records it.
std::set<std::string> Locked(const SourceTree& tree, const std::string& workspace,
                             const std::vector<Dependency>& roots) {
  const json lock = ReadTomlFile(tree, JoinPath(workspace, "Cargo.lock"));
  std::map<std::string, std::vector<std::string>> edges;
  for (const json& package : At(lock, "package")) {
    std::vector<std::string>& next = edges[TextAt(package, "name")];
    for (const json& other : At(package, "dependencies")) {
      const std::string text = TextOf(other);
      next.push_back(text.substr(0, text.find(' ')));
    }
  }
  std::vector<std::string> open;
  open.reserve(roots.size());
  for (const Dependency& root : roots) {
    open.push_back(root.name);
  }
  std::set<std::string> known;
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    const auto at = edges.find(name);
    if (at != edges.end() && known.insert(name).second) {
      open.insert(open.end(), at->second.begin(), at->second.end());
    }
  }
  return known;
}

class DependencyWalk {
 public:
  DependencyWalk(const SourceTree& tree, const std::string& workspace)
      : tree_(tree), workspace_(workspace), shared_(json::object()) {
    const json root = ReadTomlFile(tree, JoinPath(workspace, "Cargo.toml"));
    shared_ = At(root, "workspace.dependencies");
  }

  void Take(const std::string& directory, const json& manifest) {
    const std::string file = JoinPath(directory, "Cargo.toml");
    TakeTable(directory, At(manifest, "dependencies"), file, "dependencies.");
    if (const json& targets = At(manifest, "target"); targets.is_object()) {
      for (const auto& [target, tables] : targets.items()) {
        if (target.find("windows") == std::string::npos &&
            target.find("macos") == std::string::npos && target.find("wasm") == std::string::npos) {
          TakeTable(directory, At(tables, "dependencies"), file, "target.dependencies.");
        }
      }
    }
    if (const json& build = At(manifest, "build-dependencies"); build.is_object()) {
      for (const auto& [name, entry] : build.items()) {
        found.implied.push_back({name, {}, {file, "build-dependencies." + name}});
      }
    }
  }

  RustDependencies found;

 private:
  void TakeTable(const std::string& directory, const json& table, const std::string& file,
                 const std::string& field) {
    if (!table.is_object()) {
      return;
    }
    for (const auto& [key, entry] : table.items()) {
      TakeEntry(directory, key, entry, {file, field + key});
    }
  }

  void TakeEntry(const std::string& directory, const std::string& key, const json& entry,
                 const Source& source) {
    static const json kNone;
    const bool is_shared = TextAt(entry, "workspace") == "true";
    const json& shared = is_shared ? At(shared_, std::vector<std::string>{key}) : kNone;
    const json& stated = is_shared ? shared : entry;
    const std::string path = TextAt(stated, "path");
    if (!path.empty()) {
      TakeCrate(Located(is_shared ? workspace_ : directory, path));
      return;
    }
    const std::string renamed = TextAt(stated, "package");
    const std::string& name = renamed.empty() ? key : renamed;
    const bool is_known = std::any_of(found.direct.begin(), found.direct.end(),
                                      [&](const auto& other) { return other.name == name; });
    if (!is_known) {
      const std::string version = stated.is_object() ? TextAt(stated, "version") : TextOf(stated);
      found.direct.push_back({name, version, source});
    }
    AddImplied(name, is_shared && entry.is_object() ? entry : stated, shared, source, found);
  }

  void TakeCrate(const std::string& place) {
    if (tree_.Has(JoinPath(place, "Cargo.toml")) && found.crates.size() < kMaxCrates) {
      found.crates.push_back(place);
    }
  }

  const SourceTree& tree_;
  const std::string& workspace_;
  json shared_;
};

// Of a [[bin]]: the file that it names, or that its name leads to. Takes the binary out of `found`.
std::string RootOf(const json& entry, const std::string& directory,
                   std::vector<RustBinary>& found) {
  const std::string name = TextAt(entry, "name");
  const std::string path = TextAt(entry, "path");
  std::string root = path.empty() ? std::string() : Located(directory, path);
  const auto same = std::find_if(found.begin(), found.end(), [&](const RustBinary& other) {
    return root.empty() ? other.name == name : other.root == root;
  });
  if (same != found.end()) {
    root = same->root;
    found.erase(same);
  } else if (root.empty()) {
    root = JoinPath(directory, "src/main.rs");
    std::erase_if(found, [&](const RustBinary& other) { return other.root == root; });
  }
  return root;
}

// Binaries that the manifest lists; `found` keeps those that it does not.
std::vector<RustBinary> StatedBinaries(const SourceTree& tree, const std::string& directory,
                                       const json& manifest, std::vector<RustBinary>& found) {
  std::vector<RustBinary> binaries;
  const json& stated = At(manifest, "bin");
  if (!stated.is_array()) {
    return binaries;
  }
  for (const json& entry : stated) {
    const std::string name = TextAt(entry, "name");
    const std::string root = RootOf(entry, directory, found);
    if (!name.empty() && tree.Has(root)) {
      binaries.push_back(Binary(tree, directory, name, root));
      binaries.back().features = Joined(At(entry, "required-features"));
    }
  }
  return binaries;
}

}  // namespace

std::vector<RustBinary> BinariesOf(const SourceTree& tree, const std::string& directory,
                                   const json& manifest) {
  const std::string package = TextAt(manifest, "package.name");
  std::vector<RustBinary> found = FoundBinaries(tree, directory, package);
  std::vector<RustBinary> binaries = StatedBinaries(tree, directory, manifest, found);
  if (TextAt(manifest, "package.autobins") != "false") {
    binaries.insert(binaries.end(), found.begin(), found.end());
  }
  const std::string preferred = TextAt(manifest, "package.default-run");
  const auto rank = [&](const RustBinary& binary) {
    return binary.name == preferred ? 0 : binary.name == package ? 1 : 2;
  };
  std::vector<RustBinary> sorted;
  sorted.reserve(binaries.size());
  for (const int wanted : {0, 1, 2}) {
    std::copy_if(binaries.begin(), binaries.end(), std::back_inserter(sorted),
                 [&](const RustBinary& binary) { return rank(binary) == wanted; });
  }
  return sorted;
}

std::vector<std::string> LibraryFilesOf(const SourceTree& tree, const std::string& directory,
                                        const std::vector<RustBinary>& binaries) {
  std::vector<std::string> files;
  const std::string bins = JoinPath(directory, "src/bin/");
  for (const std::string& file : RustFiles(tree, JoinPath(directory, "src"))) {
    const bool is_of_binary =
        file.starts_with(bins) ||
        std::any_of(binaries.begin(), binaries.end(), [&](const RustBinary& binary) {
          return std::find(binary.files.begin(), binary.files.end(), file) != binary.files.end();
        });
    if (!is_of_binary) {
      files.push_back(file);
    }
  }
  return files;
}

std::string WorkspaceOf(const SourceTree& tree, const std::string& directory,
                        const json& manifest) {
  if (manifest.contains("workspace")) {
    return directory;
  }
  if (const std::string stated = TextAt(manifest, "package.workspace"); !stated.empty()) {
    return Located(directory, stated);
  }
  std::string at = directory;
  while (!at.empty()) {
    at = std::string(ParentOf(at));
    const json above = ReadTomlFile(tree, JoinPath(at, "Cargo.toml"));
    if (!above.is_object() || !above.contains("workspace")) {
      continue;
    }
    const std::string inner = directory.substr(at.empty() ? 0 : at.size() + 1);
    return Lists(At(above, "workspace.exclude"), inner) ? directory : at;
  }
  return directory;
}

RustDependencies DependenciesOf(const SourceTree& tree, const std::string& directory,
                                const json& manifest, const std::string& workspace) {
  DependencyWalk walk(tree, workspace);
  walk.Take(directory, manifest);
  std::set<std::string> known{directory};
  std::vector<std::string> crates;
  for (std::size_t i = 0; i < walk.found.crates.size(); ++i) {
    const std::string place = walk.found.crates[i];
    if (known.insert(place).second) {
      crates.push_back(place);
      walk.Take(place, ReadTomlFile(tree, JoinPath(place, "Cargo.toml")));
    }
  }
  RustDependencies found = std::move(walk.found);
  found.crates = std::move(crates);
  const std::string lock = JoinPath(workspace, "Cargo.lock");
  const std::set<std::string> locked = Locked(tree, workspace, found.direct);
  if (!locked.empty()) {
    // It is exact where features are guesswork.
    std::erase_if(found.implied, [&](const Dependency& implied) {
      return implied.name == "openssl-sys" && !locked.contains(implied.name);
    });
  }
  for (const std::string& name : locked) {
    // Bundled, as far as Cargo.lock can tell.
    if ((name.ends_with("-sys") && name != "libsqlite3-sys") || name == "openssl-src") {
      found.implied.push_back({name, {}, {lock, "package " + name}});
    }
  }
  const bool is_vendored = std::any_of(found.implied.begin(), found.implied.end(),
                                       [](const auto& d) { return d.name == "openssl-src"; });
  if (is_vendored) {
    std::erase_if(found.implied, [](const auto& d) { return d.name == "openssl-sys"; });
  }
  return found;
}

}  // namespace casemate::analysis
