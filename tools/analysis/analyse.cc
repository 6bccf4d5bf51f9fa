#include "tools/analysis/analyse.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <utility>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/language.h"
#include "tools/analysis/languages/node_package.h"
#include "tools/analysis/surroundings.h"
#include "tools/analysis/well_known_files.h"

namespace casemate::analysis {

namespace {

constexpr std::size_t kMaxApps = 200;

// All that languages say of one directory.
struct Place {
  std::vector<Claimed> claims;  // in the order of the languages
};

// Which languages have a marker in which directory: found in one pass over all names, since to ask
// each language about each directory takes longer than the walk.
class Markers {
 public:
  Markers();
  // For each directory with a marker the languages, by bits of their places in Languages().
  [[nodiscard]] std::map<std::string_view, std::uint32_t> Find(const SourceTree& tree) const;

 private:
  struct Nested {
    std::string_view path;  // "public/index.php"
    std::uint32_t bit;
  };
  [[nodiscard]] std::uint32_t LanguagesOf(std::string_view name) const;

  // By the last of its names.
  std::unordered_multimap<std::string_view, Nested> nested_;
  std::unordered_map<std::string_view, std::uint32_t> names_;
  std::unordered_map<std::string_view, std::uint32_t> suffixes_;  // ".py"
  std::vector<std::pair<std::string_view, std::uint32_t>> beginnings_;
};

Markers::Markers() {
  std::uint32_t bit = 1;
  for (const Language& language : Languages()) {
    std::string_view rest = language.markers;
    while (!rest.empty()) {
      const std::string_view marker = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), marker.size() + 1));
      if (marker.find('/') != std::string_view::npos) {
        nested_.insert({NameOf(marker), {marker, bit}});
      } else if (marker.starts_with('*')) {
        suffixes_[marker.substr(1)] |= bit;
      } else if (marker.ends_with('*')) {
        beginnings_.emplace_back(marker.substr(0, marker.size() - 1), bit);
      } else {
        names_[marker] |= bit;
      }
    }
    bit <<= 1U;
  }
}

std::uint32_t Markers::LanguagesOf(std::string_view name) const {
  std::uint32_t languages = 0;
  if (const auto found = names_.find(name); found != names_.end()) {
    languages |= found->second;
  }
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) {
    if (const auto found = suffixes_.find(name.substr(dot)); found != suffixes_.end()) {
      languages |= found->second;
    }
  }
  for (const auto& [beginning, bit] : beginnings_) {
    languages |= name.starts_with(beginning) ? bit : 0U;
  }
  return languages;
}

std::map<std::string_view, std::uint32_t> Markers::Find(const SourceTree& tree) const {
  std::map<std::string_view, std::uint32_t> found;
  for (const std::string& path : tree.files()) {
    const std::string_view whole = path;
    const std::string_view name = NameOf(whole);
    if (const std::uint32_t languages = LanguagesOf(name); languages != 0) {
      found[ParentOf(whole)] |= languages;
    }
    const auto [begin, end] = nested_.equal_range(name);
    for (auto it = begin; it != end; ++it) {
      const auto& [marker, bit] = it->second;
      if (whole == marker) {
        found[""] |= bit;
      } else if (whole.ends_with(marker) && whole[whole.size() - marker.size() - 1] == '/') {
        found[whole.substr(0, whole.size() - marker.size() - 1)] |= bit;
      }
    }
  }
  return found;
}

class Collection {
 public:
  explicit Collection(const SourceTree& tree) : tree_(tree) {}

  // Of directories of tests, examples and documentation, or of all others.
  Result<void> Ask(bool beside, const std::stop_token& stop);
  [[nodiscard]] bool empty() const { return places_.empty(); }
  Analysis Finish();

 private:
  void AskOf(const std::string& directory, std::uint32_t languages);
  [[nodiscard]] bool IsInside(const std::string& directory) const;
  void Settle(const std::string& directory, Place& place, bool takes_source);
  void DropMereTools();
  void StartByDockerfiles();

  const SourceTree& tree_;
  std::map<std::string, Place> places_;
  Analysis analysis_;
};

void Collection::AskOf(const std::string& directory, std::uint32_t languages) {
  std::uint32_t bit = 1;
  for (const Language& language : Languages()) {
    const bool is_asked = (languages & bit) != 0;
    bit <<= 1U;
    if (!is_asked) {
      continue;
    }
    LanguageFindings found = language.analyse(tree_, directory);
    if (found.monorepo && !analysis_.monorepo) {
      analysis_.monorepo = std::move(found.monorepo);
    }
    for (Claimed& claimed : found.apps) {
      const std::string place = claimed.app.directory;
      places_[place].claims.push_back(std::move(claimed));
    }
  }
}

// Among tests, examples and documentation. In apps/docs lies an application for all that.
bool LiesBeside(std::string_view directory) {
  const std::string_view above = ParentOf(directory);
  const std::string_view place = NameOf(above);
  const bool is_app =
      place == "apps" || place == "services" || place == "sites" || place == "frontend";
  return IsBesideTheProject(
      JoinPath(is_app && !NameOf(directory).ends_with("e2e") ? above : directory, "x"));
}

Result<void> Collection::Ask(bool beside, const std::stop_token& stop) {
  for (const auto& [directory, languages] : Markers().Find(tree_)) {
    if (stop.stop_requested()) {
      return Error{ErrorCode::kCancelled, "the analysis was cancelled", {}, {}, 0};
    }
    const bool is_beside = LiesBeside(directory) && !IsListedPackage(tree_, directory);
    if (is_beside == beside) {
      AskOf(std::string(directory), languages);
    }
  }
  return {};
}

// Whether a directory lies in an application: a part of it that has a manifest of its own.
bool Collection::IsInside(const std::string& directory) const {
  return std::any_of(analysis_.apps.begin(), analysis_.apps.end(), [&](const App& app) {
    return app.directory != directory &&
           (app.directory.empty() || directory.starts_with(app.directory + "/"));
  });
}

// Languages whose manifests lie beside the application's own: its build may need them.
void AddOtherLanguages(const Place& place, App& app) {
  for (const Claimed& other : place.claims) {
    const std::string& name = other.app.language.value;
    const bool is_known =
        std::any_of(app.also.begin(), app.also.end(),
                    [&](const Finding& language) { return language.value == name; });
    if (other.claim >= Claim::kManifest && !is_known && name != app.language.value) {
      app.also.push_back(other.app.language);
    }
  }
}

// Whatever else such a directory holds is a part of others, too.
bool IsStatedLibrary(const Place& place) {
  return std::any_of(place.claims.begin(), place.claims.end(), [](const Claimed& claimed) {
    return claimed.is_library && claimed.claim == Claim::kFramework;
  });
}

// The surest application of a place; of equal ones the first.
const Claimed* BestOf(const Place& place, bool takes_source) {
  const Claimed* best = nullptr;
  for (const Claimed& claimed : place.claims) {
    if (claimed.is_library || (claimed.claim == Claim::kSource) != takes_source) {
      continue;
    }
    if (best == nullptr || claimed.claim > best->claim) {
      best = &claimed;
    }
  }
  return best;
}

void Collection::Settle(const std::string& directory, Place& place, bool takes_source) {
  if (IsStatedLibrary(place)) {
    if (!takes_source) {
      analysis_.libraries.push_back(directory.empty() ? "." : directory);
    }
    return;
  }
  const Claimed* const best = BestOf(place, takes_source);
  if (best == nullptr) {
    const bool is_library = std::any_of(place.claims.begin(), place.claims.end(),
                                        [](const Claimed& claimed) { return claimed.is_library; });
    if (is_library && !takes_source) {
      analysis_.libraries.push_back(directory.empty() ? "." : directory);
    }
    return;
  }
  if (best->claim <= Claim::kManifest && IsInside(directory)) {
    return;
  }
  // Several programs may begin in one directory: src/bin of a crate. Each is an application.
  for (const Claimed& claimed : place.claims) {
    const bool is_beside = !claimed.is_library && claimed.claim >= Claim::kRunnable &&
                           claimed.app.language.value == best->app.language.value &&
                           claimed.app.name.value != best->app.name.value;
    if (&claimed != best && !is_beside) {
      continue;
    }
    App app = claimed.app;
    AddOtherLanguages(place, app);
    analysis_.apps.push_back(std::move(app));
  }
}

// What has a manifest, and a Dockerfile beside it that starts something, is no part of others.
void Collection::StartByDockerfiles() {
  for (const ExistingDockerfile& file : analysis_.dockerfiles) {
    const auto place = places_.find(std::string(ParentOf(file.path)));
    if (place == places_.end() || CommandOf(file).empty() || place->second.claims.size() != 1) {
      continue;
    }
    Claimed& only = place->second.claims.front();
    if (only.is_library && only.claim == Claim::kManifest && only.app.package_manager &&
        !only.app.language.value.empty()) {
      only.is_library = false;
      only.claim = Claim::kRunnable;
    }
  }
}

// A package.json above applications that neither starts nor makes anything holds tools for those
// who work on them.
void Collection::DropMereTools() {
  std::erase_if(analysis_.apps, [&](const App& app) {
    const bool is_node = app.traits.contains("node.runtime");
    return is_node && !app.run && !app.framework && app.kind == AppKind::kProgram &&
           std::any_of(analysis_.apps.begin(), analysis_.apps.end(), [&](const App& other) {
             return other.directory != app.directory &&
                    (app.directory.empty() || other.directory.starts_with(app.directory + "/"));
           });
  });
}

Analysis Collection::Finish() {
  analysis_.dockerfiles = ReadDockerfiles(tree_);
  StartByDockerfiles();
  for (auto& [directory, place] : places_) {
    Settle(directory, place, false);
  }
  // Mere source files count where nothing says more.
  if (analysis_.apps.empty()) {
    for (auto& [directory, place] : places_) {
      if (analysis_.apps.empty()) {
        Settle(directory, place, true);
      }
    }
  }
  if (analysis_.apps.size() > kMaxApps) {
    tree_.Note("the project has " + std::to_string(analysis_.apps.size()) +
               " applications; only the first " + std::to_string(kMaxApps) + " are listed");
    analysis_.apps.resize(kMaxApps);
  }
  analysis_.compose = ReadComposeFiles(tree_);
  ApplySurroundings(tree_, analysis_);
  DropMereTools();
  if (analysis_.apps.empty()) {
    tree_.Note("nothing here says how it is built or started");
  }
  analysis_.notes = tree_.notes();
  analysis_.files = tree_.files().size();
  return std::move(analysis_);
}

}  // namespace

std::string_view ToString(AppKind kind) {
  switch (kind) {
    case AppKind::kService:
      return "service";
    case AppKind::kStaticSite:
      return "static_site";
    case AppKind::kProgram:
      return "program";
  }
  return "program";
}

Result<Analysis> AnalyseProject(int directory, const TreeLimits& limits,
                                const std::stop_token& stop) {
  auto tree = SourceTree::Scan(directory, limits, stop);
  return tree ? AnalyseTree(*tree, stop) : Result<Analysis>(std::move(tree).error());
}

Result<Analysis> AnalyseTree(const SourceTree& tree, const std::stop_token& stop) {
  Collection collection(tree);
  if (auto asked = collection.Ask(false, stop); !asked) {
    return asked.error();
  }
  // A project may consist of examples, or keep its parts in a directory that is called so.
  if (collection.empty()) {
    if (auto asked = collection.Ask(true, stop); !asked) {
      return asked.error();
    }
  }
  return collection.Finish();
}

}  // namespace casemate::analysis
