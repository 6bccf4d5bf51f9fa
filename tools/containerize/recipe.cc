#include "tools/containerize/recipe.h"

#include <algorithm>
#include <charconv>

#include "tools/analysis/names.h"

namespace casemate::containerize {

namespace {

using analysis::JoinPath;

constexpr int kFirstUnprivilegedPort = 1024;
constexpr int kLastPort = 65535;

}  // namespace

std::string Project::InTree(std::string_view path) const {
  return JoinPath(app_.workspace, path);
}

bool Project::Has(std::string_view path) const {
  return tree_.Has(InTree(path));
}

bool Project::HasDirectory(std::string_view path) const {
  return tree_.HasDirectory(InTree(path));
}

std::vector<std::string> Project::Present(std::initializer_list<std::string_view> paths) const {
  std::vector<std::string> present;
  for (const std::string_view path : paths) {
    if (path.ends_with('/') ? HasDirectory(path.substr(0, path.size() - 1)) : Has(path)) {
      present.emplace_back(path);
    }
  }
  return present;
}

std::vector<std::string> Project::Named(std::initializer_list<std::string_view> names) const {
  std::vector<std::string> found;
  const std::size_t skip = app_.workspace.empty() ? 0 : app_.workspace.size() + 1;
  for (const std::string& path : tree_.Below(app_.workspace)) {
    const std::string_view name = analysis::NameOf(path);
    const bool fits = std::any_of(names.begin(), names.end(), [&](std::string_view wanted) {
      return wanted.starts_with('*') ? name.ends_with(wanted.substr(1)) : name == wanted;
    });
    if (fits) {
      found.push_back(path.substr(skip));
    }
  }
  return found;
}

std::string Project::Directory() const {
  if (app_.directory == app_.workspace) {
    return "";
  }
  return app_.workspace.empty() ? app_.directory : app_.directory.substr(app_.workspace.size() + 1);
}

std::string Project::WorkDir() const {
  return JoinPath(kRoot, Directory());
}

std::string Project::FromDirectory(std::string_view path) const {
  const auto resolved = analysis::ResolvePath(Directory(), path);
  return resolved ? *resolved : std::string(path);
}

std::string Project::Trait(std::string_view name) const {
  const auto found = app_.traits.find(std::string(name));
  return found == app_.traits.end() ? "" : found->second;
}

bool Project::HasDependency(std::string_view name) const {
  return std::any_of(
      app_.dependencies.begin(), app_.dependencies.end(),
      [&](const analysis::Dependency& dependency) { return dependency.name == name; });
}

bool Project::NeedsJavaScript() const {
  return std::any_of(app_.also.begin(), app_.also.end(), [](const analysis::Finding& language) {
    return language.value == "javascript" || language.value == "typescript";
  });
}

std::vector<std::string> Project::RuntimePackages() const {
  std::vector<std::string> names;
  for (const analysis::SystemPackage& package : app_.system_packages) {
    if (!package.is_for_build) {
      names.push_back(package.package.value);
    }
  }
  return names;
}

std::vector<std::string> Project::BuildPackages() const {
  std::vector<std::string> names;
  for (const analysis::SystemPackage& package : app_.system_packages) {
    if (package.is_for_build) {
      names.push_back(package.package.value);
    }
  }
  return names;
}

std::string Project::Framework() const {
  return app_.framework ? app_.framework->value : "";
}

std::string Project::PackageManager() const {
  return app_.package_manager ? app_.package_manager->value : "";
}

std::string Project::Version() const {
  return app_.version ? app_.version->value : "";
}

std::string Project::VersionSource(std::string_view standby) const {
  if (!app_.version || app_.version->source.file.empty()) {
    return "nothing here asks for a version: " + std::string(standby);
  }
  return app_.version->source.file + " asks for " + app_.version->value;
}

Port PortOf(const Project& project, Recipe& recipe) {
  Port port;
  const analysis::App& app = project.app();
  if (app.ports.empty()) {
    return port;
  }
  port.number = app.ports.front().value;
  port.reads_port = std::any_of(app.environment.begin(), app.environment.end(),
                                [](const analysis::EnvironmentVariable& variable) {
                                  return variable.name == "PORT";
                                }) ||
                    (app.run && app.run->value.find("$PORT") != std::string::npos) ||
                    (app.run && app.run->value.find("${PORT") != std::string::npos);
  int number = 0;
  std::from_chars(port.number.data(), port.number.data() + port.number.size(), number);
  if (number < 1 || number > kLastPort) {
    return {};
  }
  if (number < kFirstUnprivilegedPort) {
    if (port.reads_port) {
      recipe.notes.push_back(
          "the image sets PORT to 8080: not every engine lets a user who is not root "
          "listen on port " +
          port.number);
      port.number = "8080";
    } else {
      recipe.notes.push_back("the application listens on port " + port.number +
                             ": Docker lets users who are not root do that, Podman only with "
                             "--sysctl net.ipv4.ip_unprivileged_port_start=0");
    }
  }
  return port;
}

void IgnoreBeside(const std::vector<std::string>& manifests,
                  std::initializer_list<std::string_view> names, Recipe& recipe) {
  constexpr std::size_t kMaxDirectories = 100;
  for (const std::string& manifest : manifests) {
    if (recipe.ignored.size() > kMaxDirectories) {
      return;
    }
    for (const std::string_view name : names) {
      recipe.ignored.push_back(JoinPath(analysis::ParentOf(manifest), name));
    }
  }
}

void UseInit(std::vector<std::string>& packages, Recipe& recipe) {
  packages.emplace_back("tini");
  recipe.entrypoint = {"tini", "--"};
}

void RunAll(Stage& stage, const Project& project, const std::vector<analysis::Finding>& commands,
            std::string_view why, const std::vector<std::string>& caches) {
  for (const analysis::Finding& finding : commands) {
    // `cd web && npm ci`: what a directory is for.
    std::string_view command = finding.value;
    std::string directory = project.WorkDir();
    const std::size_t joined = command.find(" && ");
    if (command.starts_with("cd ") && joined != std::string_view::npos) {
      const auto inner = analysis::ResolvePath(project.Directory(), command.substr(3, joined - 3));
      if (inner) {
        directory = JoinPath(kRoot, *inner);
        command.remove_prefix(joined + 4);
      }
    }
    stage.WorkDir(directory);
    stage.Run(command, why, caches);
    why = {};
  }
}

void CopyOutput(Stage& stage, const Project& project, std::string_view output,
                std::string_view why) {
  const std::string from = JoinPath(kRoot, project.FromDirectory(output));
  // Of a directory COPY takes the contents, so that one of its name gets them; a file goes by name.
  stage.Copy({from}, from, why, {.stage = "build"});
}

}  // namespace casemate::containerize
