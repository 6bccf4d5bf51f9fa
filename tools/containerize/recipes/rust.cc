#include <set>

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

// Where Cargo looks for targets that have a name only.
std::string PlaceOf(std::string_view kind) {
  if (kind == "bench") {
    return "benches/";
  }
  return std::string(kind) + "s/";  // examples, tests
}

// What Cargo looks for beside a manifest: it reads none whose targets have no sources.
std::vector<std::string> SourcesOf(const Project& project, const std::string& manifest) {
  std::vector<std::string> files;
  const nlohmann::json document = analysis::ReadTomlFile(project.tree(), project.InTree(manifest));
  if (!document.contains("package")) {
    return files;
  }
  const std::string directory(analysis::ParentOf(manifest));
  const bool has_library = project.Has(JoinPath(directory, "src/lib.rs"));
  if (!has_library || project.Has(JoinPath(directory, "src/main.rs"))) {
    files.push_back(JoinPath(directory, "src/main.rs"));
  }
  for (const char* usual : {"src/lib.rs", "build.rs"}) {
    if (project.Has(JoinPath(directory, usual))) {
      files.push_back(JoinPath(directory, usual));
    }
  }
  for (const char* kind : {"bin", "example", "test", "bench", "lib"}) {
    const nlohmann::json& targets = analysis::At(document, kind);
    const std::string place = kind == std::string_view("bin") ? "src/bin/" : PlaceOf(kind);
    for (const auto& target : targets.is_array() ? targets : nlohmann::json::array({targets})) {
      const std::string name = place + analysis::TextAt(target, "name");
      for (const std::string& path :
           {analysis::TextAt(target, "path"), name + ".rs", name + "/main.rs"}) {
        if (!path.empty() && project.Has(JoinPath(directory, path))) {
          files.push_back(JoinPath(directory, path));
        }
      }
    }
  }
  return files;
}

// A command that makes empty sources for all of these manifests.
std::string StubSources(const Project& project, const std::vector<std::string>& manifests) {
  std::set<std::string> files;
  std::set<std::string> directories;
  for (const std::string& manifest : manifests) {
    for (const std::string& file : SourcesOf(project, manifest)) {
      files.insert(ShellWord(file));
      if (const std::string_view directory = analysis::ParentOf(file); !directory.empty()) {
        directories.insert(ShellWord(std::string(directory)));
      }
    }
  }
  std::string command = directories.empty() ? "" : "mkdir -p";
  for (const std::string& directory : directories) {
    command += " " + directory;
  }
  command += directories.empty() ? "touch" : " && touch";
  for (const std::string& file : files) {
    command += " " + file;
  }
  return command;
}

const std::vector<std::string>& Downloads() {
  static const std::vector<std::string> kDirectories = {"/usr/local/cargo/registry",
                                                        "/usr/local/cargo/git"};
  return kDirectories;
}

void FetchCrates(Stage& build, const Project& project) {
  const std::vector<std::string> manifests = project.Named({"Cargo.toml"});
  const bool is_vendored = project.Has(".cargo/config.toml") && project.HasDirectory("vendor");
  constexpr std::size_t kMaxMembers = 40;  // each is a layer
  if (project.app().install.empty() || is_vendored || manifests.size() > kMaxMembers) {
    return;
  }
  build.Copy(project.Present({"Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "rust-toolchain"}),
             "./", "What names the crates, and nothing that changes more often.");
  for (const std::string& manifest : manifests) {
    if (const std::string directory(analysis::ParentOf(manifest)); !directory.empty()) {
      build.Copy({manifest}, directory + "/");
    }
  }
  if (project.HasDirectory(".cargo")) {
    build.Copy({".cargo"}, ".cargo/");
  }
  build.Run(StubSources(project, manifests) + " \\\n    && " + project.app().install.front().value,
            "Cargo wants to see sources before it downloads anything: empty ones do. The caches "
            "keep what it downloads.",
            Downloads());
}

// The program goes to /out: what lies in a cache is in no layer.
void BuildProgram(Stage& build, const Project& project, const std::string& output) {
  const analysis::App& app = project.app();
  const std::size_t at = output.find("target");
  const std::string target = at == std::string::npos ? "target" : output.substr(0, at + 6);
  std::vector<std::string> caches = Downloads();
  caches.push_back(JoinPath(kRoot, target));
  build.WorkDir(project.WorkDir());
  const std::string command = app.build.empty() ? "cargo build --release" : app.build.front().value;
  build.Run(
      "find . -name '*.rs' -not -path '*/target/*' -not -path '*/vendor/*' -exec touch {} + \\\n   "
      " && " +
          command + " \\\n    && install -D " + JoinPath(kRoot, output) + " /out/" +
          std::string(analysis::NameOf(output)),
      "Compiled crates stay in a cache, so that only what changed is compiled again; the "
      "program is taken out of it. Cargo goes by times: sources must look newer than what "
      "was made of others.",
      caches);
}

// The command that starts it, by its name alone.
std::string CommandOf(const analysis::App& app, const std::string& name) {
  std::string command = app.run ? app.run->value : name;
  const std::size_t at = app.output ? command.find(app.output->value) : std::string::npos;
  if (app.output && at != std::string::npos) {
    const std::size_t begin = at >= 2 && command.compare(at - 2, 2, "./") == 0 ? at - 2 : at;
    command.replace(begin, at - begin + app.output->value.size(), name);
  }
  return command;
}

}  // namespace

Recipe RustRecipe(const Project& project) {
  const analysis::App& app = project.app();
  Recipe recipe;
  IgnoreBeside(project.Named({"Cargo.toml"}), {"target"}, recipe);
  Stage build(RustImage(project), "build", project.VersionSource("the current release") + ".");
  build.Packages(project.BuildPackages(), "Libraries that are linked, and tools that builds need.");
  build.WorkDir(std::string(kRoot));
  const std::string target = project.Trait("rust.target");
  if (!target.empty() && app.kind != analysis::AppKind::kStaticSite) {
    build.Packages(target.ends_with("musl") ? std::vector<std::string>{"musl-tools"}
                                            : std::vector<std::string>{},
                   "The linker of the target that the project names.");
    build.Run("rustup target add " + ShellWord(target), "The project builds for another target.");
  }
  FetchCrates(build, project);
  build.Copy({"."}, "./", "All else, after the crates.");
  if (project.Trait("rust.sqlx_offline") == "1") {
    build.Env({{"SQLX_OFFLINE", "true"}},
              "Queries were checked before: there is no database here.");
  }
  if (app.kind == analysis::AppKind::kStaticSite) {
    build.Run("rustup target add wasm32-unknown-unknown && cargo install --locked trunk",
              "Trunk builds for browsers.", Downloads());
    RunAll(build, project, app.build, {}, Downloads());
    recipe.stages.push_back(std::move(build));
    ServeFiles(recipe, project, app.output ? app.output->value : "dist");
    return recipe;
  }
  const std::string output = app.output ? project.FromDirectory(app.output->value) : "";
  const std::string name(analysis::NameOf(output));
  BuildProgram(build, project, output);
  recipe.stages.push_back(std::move(build));

  const CopyOptions from_build{.stage = "build"};
  std::vector<std::string> packages = project.RuntimePackages();
  packages.emplace_back("ca-certificates");
  const bool is_older = recipe.stages.front().image().find("bullseye") != std::string::npos;
  Stage last =
      DebianRuntime(recipe, packages, is_older ? "debian:bullseye-slim" : "debian:bookworm-slim");
  last.WorkDir(project.WorkDir());
  Serve(recipe, project, last, ProbeTool::kBash);
  for (const std::string& file : Words(project.Trait("rust.files"))) {
    const std::string path = JoinPath(project.WorkDir(), file);
    last.Copy({path}, path, "It opens these by name.", from_build);
  }
  last.Copy({"/out/" + name}, "/usr/local/bin/", "The program.", from_build);
  recipe.command = CommandOf(app, name);
  recipe.stages.push_back(std::move(last));
  return recipe;
}

}  // namespace casemate::containerize
