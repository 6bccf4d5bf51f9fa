// An analysis as text for a terminal.
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/analysis/analysis_json.h"

namespace casemate::analysis {

namespace {

constexpr std::size_t kLabelWidth = 16;

std::string Shown(std::string_view text) {
  return EscapeControls(ToValidUtf8(text), false);
}

std::string Because(const Candidate& candidate) {
  std::string text;
  if (!candidate.source.file.empty()) {
    text = Shown(candidate.source.file);
    text += candidate.source.field.empty() ? "" : ", " + Shown(candidate.source.field);
  }
  if (candidate.confidence != Confidence::kCertain) {
    text += (text.empty() ? "" : "; ") + std::string(ToString(candidate.confidence));
  }
  return text.empty() ? "" : "  (" + text + ")";
}

void Line(std::string& out, std::string_view label, std::string_view value,
          std::string_view why = {}) {
  out += "  " + std::string(label);
  out += std::string(label.size() < kLabelWidth ? kLabelWidth - label.size() : 1, ' ');
  out += std::string(value) + std::string(why) + "\n";
}

void Line(std::string& out, std::string_view label, const Finding& finding) {
  Line(out, label, Shown(finding.value), Because(finding));
  for (const Candidate& other : finding.alternatives) {
    Line(out, "", "or " + Shown(other.value), Because(other));
  }
}

void Lines(std::string& out, std::string_view label, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    Line(out, label, finding);
  }
}

void OneLine(std::string& out, std::string_view label, const std::optional<Finding>& finding) {
  if (finding) {
    Line(out, label, *finding);
  }
}

void Write(std::string& out, const App& app) {
  out += Shown(app.directory.empty() ? "." : app.directory) + ": " + Shown(app.name.value) +
         ", a " + std::string(ToString(app.kind)) + "\n";
  Line(out, "language", app.language);
  Lines(out, "also", app.also);
  OneLine(out, "framework", app.framework);
  OneLine(out, "version", app.version);
  OneLine(out, "package manager", app.package_manager);
  OneLine(out, "its version", app.package_manager_version);
  OneLine(out, "lock file", app.lock_file);
  Lines(out, "install", app.install);
  Lines(out, "build", app.build);
  OneLine(out, "run", app.run);
  for (const ProcessType& process : app.processes) {
    Line(out, Shown(process.name), process.command);
  }
  OneLine(out, "output", app.output);
  Lines(out, "port", app.ports);
  OneLine(out, "health", app.health);
  for (const EnvironmentVariable& variable : app.environment) {
    Line(out, "environment",
         Shown(variable.name) + (variable.is_required ? ", required" : "") +
             (variable.default_value.empty() ? "" : ", default " + Shown(variable.default_value)),
         "  (" + Shown(variable.source.file) + ", " + Shown(variable.source.field) + ")");
  }
  Lines(out, "service", app.services);
  for (const SystemPackage& package : app.system_packages) {
    Line(out, package.is_for_build ? "build package" : "system package", package.package);
  }
  Lines(out, "native module", app.native_modules);
}

}  // namespace

std::string AnalysisText(const Analysis& analysis) {
  std::string out;
  for (const App& app : analysis.apps) {
    out += out.empty() ? "" : "\n";
    Write(out, app);
  }
  if (analysis.monorepo) {
    out += "\nbound together by " + Shown(analysis.monorepo->value) + "\n";
  }
  for (const std::string& library : analysis.libraries) {
    out += "library " + Shown(library) + "\n";
  }
  for (const ComposeService& service : analysis.compose) {
    out += "compose service " + Shown(service.name) + " in " + Shown(service.source.file) + "\n";
  }
  for (const ExistingDockerfile& file : analysis.dockerfiles) {
    out += "has " + Shown(file.path) + ", from " + Shown(file.base) + "\n";
  }
  for (const std::string& note : analysis.notes) {
    out += "note: " + Shown(note) + "\n";
  }
  return out;
}

}  // namespace casemate::analysis
