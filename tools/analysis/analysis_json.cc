#include "tools/analysis/analysis_json.h"

#include <charconv>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

json CandidateJson(const Candidate& candidate) {
  json object = {{"value", ToValidUtf8(candidate.value)},
                 {"confidence", ToString(candidate.confidence)}};
  if (!candidate.source.file.empty()) {
    object["file"] = ToValidUtf8(candidate.source.file);
  }
  if (!candidate.source.field.empty()) {
    object["field"] = ToValidUtf8(candidate.source.field);
  }
  return object;
}

void Put(json& object, const char* name, const std::optional<Finding>& finding) {
  if (finding) {
    object[name] = FindingJson(*finding);
  }
}

json ListJson(const std::vector<Finding>& findings) {
  json list = json::array();
  for (const Finding& finding : findings) {
    list.push_back(FindingJson(finding));
  }
  return list;
}

// Ports are numbers, for whoever reads them.
json PortsJson(const std::vector<Finding>& ports) {
  json list = json::array();
  for (const Finding& port : ports) {
    json entry = FindingJson(port);
    int number = 0;
    std::from_chars(port.value.data(), port.value.data() + port.value.size(), number);
    entry["value"] = number;
    list.push_back(std::move(entry));
  }
  return list;
}

json EnvironmentJson(const std::vector<EnvironmentVariable>& variables) {
  json list = json::array();
  for (const EnvironmentVariable& variable : variables) {
    json entry = {{"name", ToValidUtf8(variable.name)},
                  {"required", variable.is_required},
                  {"file", ToValidUtf8(variable.source.file)},
                  {"field", ToValidUtf8(variable.source.field)}};
    if (!variable.default_value.empty()) {
      entry["default"] = ToValidUtf8(variable.default_value);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

json PackagesJson(const std::vector<SystemPackage>& packages, bool is_for_build) {
  json list = json::array();
  for (const SystemPackage& package : packages) {
    if (package.is_for_build == is_for_build) {
      list.push_back(FindingJson(package.package));
    }
  }
  return list;
}

json AppJson(const App& app) {
  json object = {{"path", ToValidUtf8(app.directory)},
                 {"workspace", ToValidUtf8(app.workspace)},
                 {"name", FindingJson(app.name)},
                 {"language", FindingJson(app.language)},
                 {"kind", ToString(app.kind)}};
  Put(object, "framework", app.framework);
  Put(object, "version", app.version);
  Put(object, "package_manager", app.package_manager);
  Put(object, "package_manager_version", app.package_manager_version);
  Put(object, "lock_file", app.lock_file);
  Put(object, "run", app.run);
  Put(object, "output", app.output);
  Put(object, "health", app.health);
  object["install"] = ListJson(app.install);
  object["build"] = ListJson(app.build);
  object["ports"] = PortsJson(app.ports);
  object["environment"] = EnvironmentJson(app.environment);
  object["services"] = ListJson(app.services);
  object["system_packages"] = PackagesJson(app.system_packages, false);
  object["build_packages"] = PackagesJson(app.system_packages, true);
  object["native_modules"] = ListJson(app.native_modules);
  object["also"] = ListJson(app.also);
  json processes = json::object();
  for (const ProcessType& process : app.processes) {
    processes[ToValidUtf8(process.name)] = FindingJson(process.command);
  }
  object["processes"] = std::move(processes);
  json dependencies = json::array();
  for (const Dependency& dependency : app.dependencies) {
    dependencies.push_back(
        {{"name", ToValidUtf8(dependency.name)}, {"version", ToValidUtf8(dependency.version)}});
  }
  object["dependencies"] = std::move(dependencies);
  object["traits"] = json::object();
  for (const auto& [name, value] : app.traits) {
    object["traits"][name] = ToValidUtf8(value);
  }
  return object;
}

}  // namespace

json FindingJson(const Finding& finding) {
  json object = CandidateJson(finding);
  for (const Candidate& other : finding.alternatives) {
    object["alternatives"].push_back(CandidateJson(other));
  }
  return object;
}

json AnalysisJson(const Analysis& analysis) {
  json object = {{"apps", json::array()},    {"libraries", json::array()},
                 {"compose", json::array()}, {"dockerfiles", json::array()},
                 {"notes", json::array()},   {"files", analysis.files}};
  for (const App& app : analysis.apps) {
    object["apps"].push_back(AppJson(app));
  }
  for (const std::string& library : analysis.libraries) {
    object["libraries"].push_back(ToValidUtf8(library));
  }
  Put(object, "monorepo", analysis.monorepo);
  for (const ComposeService& service : analysis.compose) {
    object["compose"].push_back({{"name", ToValidUtf8(service.name)},
                                 {"image", ToValidUtf8(service.image)},
                                 {"build", ToValidUtf8(service.build)},
                                 {"ports", service.ports},
                                 {"file", ToValidUtf8(service.source.file)}});
  }
  for (const ExistingDockerfile& file : analysis.dockerfiles) {
    object["dockerfiles"].push_back({{"path", ToValidUtf8(file.path)},
                                     {"base", ToValidUtf8(file.base)},
                                     {"ports", file.ports},
                                     {"user", ToValidUtf8(file.user)},
                                     {"command", ToValidUtf8(file.command)},
                                     {"health", ToValidUtf8(file.health)}});
  }
  for (const std::string& note : analysis.notes) {
    object["notes"].push_back(ToValidUtf8(note));
  }
  return object;
}

json AnalysisSchema() {
  const json text = {{"type", "string"}};
  const json list = {{"type", "array"}, {"items", {{"type", "object"}}}};
  const json map = {{"type", "object"}};
  const json finding = {{"type", "object"},
                        {"properties",
                         {{"value", text},
                          {"confidence", text},
                          {"file", text},
                          {"field", text},
                          {"alternatives", list}}}};
  json app = {
      {"type", "object"},
      {"properties",
       {{"path", text}, {"workspace", text}, {"kind", text}, {"processes", map}, {"traits", map}}}};
  for (const char* name : {"name", "language", "framework", "version", "package_manager",
                           "package_manager_version", "lock_file", "run", "output", "health"}) {
    app["properties"][name] = finding;
  }
  for (const char* name :
       {"install", "build", "ports", "environment", "services", "system_packages", "build_packages",
        "native_modules", "also", "dependencies"}) {
    app["properties"][name] = list;
  }
  return {{"type", "object"},
          {"properties",
           {{"apps", {{"type", "array"}, {"items", std::move(app)}}},
            {"libraries", {{"type", "array"}, {"items", text}}},
            {"monorepo", finding},
            {"compose", list},
            {"dockerfiles", list},
            {"notes", {{"type", "array"}, {"items", text}}},
            {"files", {{"type", "integer"}}}}}};
}

}  // namespace casemate::analysis
