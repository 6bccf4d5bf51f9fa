#include "tools/analysis/needs.h"

#include <algorithm>

#include "tools/analysis/names.h"

namespace casemate::analysis {

namespace {

bool Matches(std::string_view pattern, std::string_view name) {
  return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1))
                                : name == pattern;
}

Finding Because(std::string_view value, const Dependency& dependency) {
  return Finding(std::string(value),
                 {dependency.source.file,
                  dependency.source.field.empty() ? dependency.name : dependency.source.field},
                 Confidence::kLikely);
}

void AddOnce(std::vector<Finding>& list, Finding finding) {
  if (std::none_of(list.begin(), list.end(),
                   [&](const Finding& other) { return other.value == finding.value; })) {
    list.push_back(std::move(finding));
  }
}

void AddPackages(std::string_view names, const Dependency& dependency, bool is_for_build,
                 App& app) {
  while (!names.empty()) {
    const std::size_t gap = names.find(' ');
    const std::string_view name = names.substr(0, gap);
    names = gap == std::string_view::npos ? std::string_view() : names.substr(gap + 1);
    const bool is_known = std::any_of(
        app.system_packages.begin(), app.system_packages.end(), [&](const SystemPackage& other) {
          return other.package.value == name && other.is_for_build == is_for_build;
        });
    if (!is_known) {
      app.system_packages.push_back({Because(name, dependency), is_for_build});
    }
  }
}

}  // namespace

void AddNeeds(Ecosystem ecosystem, App& app) {
  for (const Dependency& dependency : app.dependencies) {
    // Names of PyPI and NuGet do not tell cases apart.
    const bool folds = ecosystem == Ecosystem::kPyPi || ecosystem == Ecosystem::kNuGet;
    const std::string name = folds ? Lower(dependency.name) : dependency.name;
    for (const Need& need : Needs()) {
      if (need.ecosystem != ecosystem || !Matches(need.dependency, name)) {
        continue;
      }
      if (!need.service.empty()) {
        AddOnce(app.services, Because(need.service, dependency));
      }
      if (need.is_native) {
        AddOnce(app.native_modules, Because(dependency.name, dependency));
      }
      AddPackages(need.run_packages, dependency, false, app);
      AddPackages(need.build_packages, dependency, true, app);
    }
  }
}

}  // namespace casemate::analysis
