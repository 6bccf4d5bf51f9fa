#include <algorithm>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/names.h"
#include "tools/containerize/base_images.h"
#include "tools/containerize/recipes/recipes.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

using analysis::JoinPath;

// What rust-toolchain.toml pins is meant exactly; rust-version and the edition are least versions.
std::string RustImage(const Project& project) {
  const analysis::App& app = project.app();
  const std::string version = project.Version();
  const bool is_pin = app.version &&
                      app.version->source.field.find("rust-version") == std::string::npos &&
                      app.version->source.field.find("edition") == std::string::npos;
  if (version.starts_with("nightly")) {
    return "rustlang/rust:nightly-bookworm";
  }
  const std::string numbers = is_pin ? NumbersOf(version) : "";
  if (numbers.find('.') == std::string::npos) {
    return "rust:1-bookworm";
  }
  return "rust:" + numbers + "-" + std::string(DebianOf("rust", numbers));
}

// Cargo reads a manifest only when the sources of its targets are there: empty ones do until then.
std::string StubSources(const Project& project, const std::vector<std::string>& manifests) {
  std::vector<std::string> files;
  for (const std::string& manifest : manifests) {
    const nlohmann::json document =
        analysis::ReadTomlFile(project.tree(), project.InTree(manifest));
    if (!document.contains("package")) {
      continue;
    }
    const std::string directory(analysis::ParentOf(manifest));
    const bool has_main = project.Has(JoinPath(directory, "src/main.rs"));
    const bool has_library = project.Has(JoinPath(directory, "src/lib.rs"));
    if (has_main || !has_library) {
      files.push_back(JoinPath(directory, "src/main.rs"));
    }
    if (has_library) {
      files.push_back(JoinPath(directory, "src/lib.rs"));
    }
    for (const char* kind : {"bin", "example", "test", "bench", "lib"}) {
      const nlohmann::json& targets = analysis::At(document, kind);
      for (const auto& target : targets.is_array() ? targets : nlohmann::json::array({targets})) {
        if (const std::string path = analysis::TextAt(target, "path"); !path.empty()) {
          files.push_back(JoinPath(directory, path));
        }
      }
    }
    if (project.Has(JoinPath(directory, "build.rs"))) {
      files.push_back(JoinPath(directory, "build.rs"));
    }
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  std::string directories;
  std::string touched;
  std::string last;
  for (const std::string& file : files) {
    if (const std::string directory(analysis::ParentOf(file));
        !directory.empty() && directory != last) {
      directories += " " + directory;
      last = directory;
    }
    touched += " " + file;
  }
  return (directories.empty() ? "" : "mkdir -p" + directories + " && ") + "touch" + touched;
}

}  // namespace

Recipe RustRecipe(const Project& project) {
  const analysis::App& app = project.app();
  Recipe recipe;
  IgnoreBeside(project.Named({"Cargo.toml"}), {"target"}, recipe);
  Stage build(RustImage(project), "build", project.VersionSource("the current release") + ".");
  build.Packages(project.BuildPackages(), "Libraries that are linked, and tools that builds need.");
  build.WorkDir(std::string(kRoot));
  const std::vector<std::string> downloads = {"/usr/local/cargo/registry", "/usr/local/cargo/git"};
  const std::vector<std::string> manifests = project.Named({"Cargo.toml"});
  const bool is_vendored = project.Has(".cargo/config.toml") && project.HasDirectory("vendor");
  constexpr std::size_t kMaxMembers = 40;
  if (!app.install.empty() && !is_vendored && manifests.size() <= kMaxMembers) {
    build.Copy(
        project.Present({"Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "rust-toolchain"}),
        "./", "What names the crates, and nothing that changes more often.");
    for (const std::string& manifest : manifests) {
      if (const std::string directory(analysis::ParentOf(manifest)); !directory.empty()) {
        build.Copy({manifest}, directory + "/");
      }
    }
    if (project.HasDirectory(".cargo")) {
      build.Copy({".cargo"}, ".cargo/");
    }
    build.Run(
        StubSources(project, manifests) + " \\\n    && " + app.install.front().value,
        "Cargo wants to see sources before it downloads anything: empty ones do. The caches keep "
        "what it downloads.",
        downloads);
  }
  build.Copy({"."}, "./", "All else, after the crates.");
  if (project.Trait("rust.sqlx_offline") == "1") {
    build.Env({{"SQLX_OFFLINE", "true"}},
              "Queries were checked before: there is no database here.");
  }
  if (app.kind == analysis::AppKind::kStaticSite) {
    build.Run("rustup target add wasm32-unknown-unknown && cargo install --locked trunk",
              "Trunk builds for browsers.", downloads);
    RunAll(build, project, app.build, {}, downloads);
    recipe.stages.push_back(std::move(build));
    ServeFiles(recipe, project, app.output ? app.output->value : "dist");
    return recipe;
  }
  const std::string output = app.output ? project.FromDirectory(app.output->value) : "";
  const std::string name(analysis::NameOf(output));
  std::string target = output.substr(0, output.find("/release/"));
  target = JoinPath(kRoot, target.find("target") == std::string::npos
                               ? "target"
                               : target.substr(0, target.find("target") + 6));
  std::vector<std::string> caches = downloads;
  caches.push_back(target);
  // The touch: Cargo compares times, and what the cache holds of an earlier build may look newer.
  build.WorkDir(project.WorkDir());
  const std::string command = app.build.empty() ? "cargo build --release" : app.build.front().value;
  build.Run(
      "find . -name '*.rs' -not -path '*/target/*' -exec touch {} + \\\n    && " + command +
          " \\\n    && install -D " + JoinPath(kRoot, output) + " /out/" + name,
      "Compiled crates stay in a cache, so that only what changed is compiled again; the program "
      "is "
      "taken out of it. Cargo goes by times: sources must look newer than what was made of others.",
      caches);
  recipe.stages.push_back(std::move(build));

  const CopyOptions from_build{.stage = "build"};
  std::vector<std::string> packages = project.RuntimePackages();
  packages.emplace_back("ca-certificates");
  Stage last = DebianRuntime(recipe, packages);
  last.WorkDir(project.WorkDir());
  Serve(recipe, project, last, ProbeTool::kBash);
  for (const std::string& file : Words(project.Trait("rust.files"))) {
    const std::string path = JoinPath(project.WorkDir(), file);
    last.Copy({path}, path, "It opens these by name.", from_build);
  }
  last.Copy({"/out/" + name}, "/usr/local/bin/", "The program.", from_build);
  recipe.command = app.run ? app.run->value : name;
  if (app.run && app.output && recipe.command.find(app.output->value) != std::string::npos) {
    const std::size_t at = recipe.command.find(app.output->value);
    const std::size_t begin = at >= 2 && recipe.command.compare(at - 2, 2, "./") == 0 ? at - 2 : at;
    recipe.command.replace(begin, at - begin + app.output->value.size(), name);
  }
  recipe.stages.push_back(std::move(last));
  return recipe;
}

}  // namespace casemate::containerize
