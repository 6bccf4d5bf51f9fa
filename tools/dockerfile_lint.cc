// The tool `dockerfile_lint`: what is wrong with a Dockerfile, given as text or in a host
// directory.
#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "tools/build_call.h"
#include "tools/build_tools.h"
#include "tools/dockerfile/lint.h"
#include "tools/dockerfile/lint_output.h"
#include "tools/dockerfile/syntax.h"
#include "tools/icon.h"
#include "tools/output_text.h"
#include "tools/reply_budget.h"
#include "tools/secret_signs.h"

namespace casemate::tools {
namespace {

using dockerfile::LintFinding;
using nlohmann::json;

constexpr std::array<std::string_view, 6> kNames = {"text",   "workspace", "path",
                                                    "ignore", "enable",    "allowed_registries"};
constexpr const char* kUsualPath = "Dockerfile";
constexpr std::size_t kExcerptBytes = 4096;
constexpr std::size_t kMaxNames = 100;  // of rules, of registries
constexpr std::size_t kMaxFindings = 40;
constexpr std::size_t kTextBytes = 14'000;
constexpr std::size_t kJsonBytes = 44'000;

struct LintArgs {
  std::optional<std::string> text;
  std::string workspace;  // empty exactly when there is a text
  std::string path;
  dockerfile::LintOptions options;
};

std::vector<std::string> ReadNames(ArgReader& reader, const char* name, ArgErrors& errors) {
  std::vector<std::string> names;
  const json* list = reader.Array(name, kMaxNames, "an array of strings");
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const std::string path = reader.PathOf(name) + "." + std::to_string(i);
    names.push_back(
        ReadText((*list)[i], path, {.min_bytes = 1, .max_bytes = 255, .allow_nul = false}, errors)
            .value_or(""));
  }
  return names;
}

std::vector<std::string> ReadRules(ArgReader& reader, const char* name, ArgErrors& errors) {
  std::vector<std::string> rules = ReadNames(reader, name, errors);
  if (auto checked = dockerfile::CheckRuleNames(rules, reader.PathOf(name)); !checked) {
    errors.Add(std::move(checked).error());
  }
  return rules;
}

Result<LintArgs> Decode(const json& args) {
  ArgErrors errors;
  ArgReader reader(args, "args", kNames, errors);
  LintArgs lint;
  lint.text = reader.Text("text", {.max_bytes = dockerfile::kMaxDockerfileBytes});
  lint.workspace = ReadWorkspace(reader, errors);
  lint.path = ReadInnerPath(reader, "path", errors);
  if (reader.Has("text") == reader.Has("workspace")) {
    errors.Expected("args", "exactly one of `text` and `workspace`",
                    reader.Has("text") ? "both" : "neither",
                    "give the text of a Dockerfile, or the directory in which it lies");
  }
  if (reader.Has("text") && reader.Has("path")) {
    errors.Expected("args.path", "no path together with `text`", "one", "leave it out");
  }
  if (lint.path.empty()) {
    lint.path = kUsualPath;
  }
  lint.options.skip = ReadRules(reader, "ignore", errors);
  lint.options.enable = ReadRules(reader, "enable", errors);
  lint.options.allowed_registries = ReadNames(reader, "allowed_registries", errors);
  if (const auto& error = errors.first()) {
    return *error;
  }
  return lint;
}

json Normalise(const LintArgs& lint) {
  json normal = json::object();
  if (lint.text) {
    normal["text"] = {{"sha256", Sha256Hex(*lint.text)},
                      {"bytes", lint.text->size()},
                      {"excerpt", Utf8Prefix(*lint.text, kExcerptBytes)}};
  } else {
    normal["path"] = lint.path;
  }
  for (const auto& [name, list] : {std::pair("ignore", &lint.options.skip),
                                   {"enable", &lint.options.enable},
                                   {"allowed_registries", &lint.options.allowed_registries}}) {
    if (!list->empty()) {
      normal[name] = *list;
    }
  }
  return normal;
}

// The worst kMaxFindings, in the order of lines.
std::vector<LintFinding> Worst(std::vector<LintFinding> findings) {
  if (findings.size() <= kMaxFindings) {
    return findings;
  }
  // Not by stable_sort: clang calls what it is made of deprecated.
  std::ranges::sort(findings, [](const LintFinding& a, const LintFinding& b) {
    return std::tie(b.severity, a.line, a.rule) < std::tie(a.severity, b.line, b.rule);
  });
  findings.erase(findings.begin() + kMaxFindings, findings.end());
  std::ranges::sort(findings, [](const LintFinding& a, const LintFinding& b) {
    return std::tie(a.line, a.rule) < std::tie(b.line, b.rule);
  });
  return findings;
}

std::string Counted(const json& counts) {
  std::string text;
  for (const char* name : {"error", "warning", "info", "style"}) {
    if (counts[name] != 0) {
      text += (text.empty() ? "" : ", ") + counts[name].dump() + " of severity " + name;
    }
  }
  return text.empty() ? "nothing to object to" : text;
}

class LintCall : public BuildCall {
 public:
  LintCall(const BuildToolOptions& options, OpenedWorkspace workspace, LintArgs lint)
      : BuildCall(options, std::move(workspace), Normalise(lint)), lint_(std::move(lint)) {
    if (lint_.text ? HoldsSecret(*lint_.text) : IsSecretFile(lint_.path)) {
      SetSecrets(1);
    }
  }
  ToolResult Run(const policies::Grant& grant, CallContext& context) override;

 private:
  // The text of the file; puts .dockerignore beside it into the options.
  [[nodiscard]] Result<std::string> ReadFiles(const policies::Grant& grant);
  [[nodiscard]] ToolResult Show(std::vector<LintFinding> findings) const;

  LintArgs lint_;
};

Result<std::string> LintCall::ReadFiles(const policies::Grant& grant) {
  const auto directory = Directory(grant);
  if (!directory) {
    return directory.error();
  }
  auto text = ReadBelow(*directory, lint_.path, dockerfile::kMaxDockerfileBytes);
  if (!text) {
    return text;
  }
  const std::size_t slash = lint_.path.rfind('/');
  const std::string beside = slash == std::string::npos ? "" : lint_.path.substr(0, slash + 1);
  for (const std::string& path : {lint_.path + ".dockerignore", beside + ".dockerignore"}) {
    if (auto ignored = ReadBelow(*directory, path, dockerfile::kMaxDockerfileBytes)) {
      lint_.options.ignore_file = *std::move(ignored);
      break;
    }
  }
  return text;
}

ToolResult LintCall::Run(const policies::Grant& grant, CallContext& /*context*/) {
  auto text = lint_.text ? Result<std::string>(*lint_.text) : ReadFiles(grant);
  if (!text) {
    return ErrorResult(text.error());
  }
  const auto parsed = dockerfile::ParseDockerfile(*text);
  if (!parsed) {
    Error error = parsed.error();
    error.field = lint_.text ? "args.text" : "args.path";
    error.remedy = "mend that line: a builder refuses the file, and no rule was looked at";
    return ErrorResult(error);
  }
  return Show(dockerfile::Lint(*parsed, lint_.options));
}

ToolResult LintCall::Show(std::vector<LintFinding> findings) const {
  json counts = {{"error", 0}, {"warning", 0}, {"info", 0}, {"style", 0}};
  for (const LintFinding& finding : findings) {
    json& count = counts[std::string(dockerfile::ToString(finding.severity))];
    count = count.get<int>() + 1;
  }
  const std::size_t total = findings.size();
  const bool is_ok = !dockerfile::AnyAtLeast(findings, dockerfile::Severity::kWarning);
  findings = Worst(std::move(findings));
  ToolResult result;
  std::vector<std::string> cuts;
  result.structured = Fitted({{"findings", dockerfile::LintJson(findings)}}, kJsonBytes, cuts);
  const std::size_t shown = result.structured["findings"].size();
  result.structured.update(
      {{"status", "completed"}, {"ok", is_ok}, {"counts", counts}, {"left_out", total - shown}});
  const std::string name = lint_.text ? kUsualPath : lint_.path;
  result.text =
      Counted(counts) + "\n" + FittedLines(dockerfile::LintText(findings, name), kTextBytes);
  if (total > shown) {
    result.text += "[" + std::to_string(total - shown) +
                   " more findings are left out, those of the lowest severity first: mend these, "
                   "or name rules that are not wanted in `ignore`]\n";
  }
  result.audit = {{"status", "completed"}, {"ok", is_ok}, {"counts", counts}};
  return result;
}

json InputSchema() {
  const auto texts = [](const char* description) {
    return json{{"type", "array"},
                {"items", {{"type", "string"}}},
                {"maxItems", kMaxNames},
                {"description", description}};
  };
  json workspace = WorkspaceSchema();
  workspace["description"] = "Absolute host directory in which the file lies; or give `text`.";
  return {{"type", "object"},
          {"properties",
           {{"text", {{"type", "string"}, {"description", "A Dockerfile."}}},
            {"workspace", std::move(workspace)},
            {"path",
             {{"type", "string"},
              {"default", kUsualPath},
              {"description", "Of the file, relative to `workspace`."}}},
            {"ignore", texts("Rules that are not wanted: `DL3008`.")},
            {"enable", texts("Rules that are off by default.")},
            {"allowed_registries",
             texts("Where images may come from: `ghcr.io`, `*.example.com`. Default: anywhere.")}}},
          {"additionalProperties", false}};
}

json OutputSchema() {
  const json text = {{"type", "string"}};
  const json integer = {{"type", "integer"}};
  const json finding = {{"type", "object"},
                        {"properties",
                         {{"rule", text},
                          {"also", {{"type", "array"}, {"items", text}}},
                          {"severity", text},
                          {"line", integer},
                          {"what", text},
                          {"why", text},
                          {"fix", text}}}};
  return {{"type", "object"},
          {"properties",
           {{"status", text},
            {"ok", {{"type", "boolean"}}},
            {"counts",
             {{"type", "object"},
              {"properties",
               {{"error", integer}, {"warning", integer}, {"info", integer}, {"style", integer}}}}},
            {"findings", {{"type", "array"}, {"items", finding}}},
            {"left_out", integer},
            {"error", {{"type", "object"}}}}},
          {"required", {"status"}}};
}

class DockerfileLintTool : public Tool {
 public:
  DockerfileLintTool(sandbox::SandboxRunner& runner, BuildToolOptions options)
      : runner_(runner), options_(std::move(options)) {
    spec_.name = "dockerfile_lint";
    spec_.title = "Check a Dockerfile";
    spec_.icon = IconOf("M0 0h6v1H0zM0 2h4v1H0zM0 4h3v1H0zM3 6l1-1 1 1 2-2 1 1-3 3z");
    spec_.description =
        "Says what is wrong with a Dockerfile, by the rules of hadolint, BuildKit's checks and our "
        "own: line, rule, severity, what, why, and what to write instead. `ok`: nothing of "
        "severity warning or worse. Nothing is run or fetched.";
    spec_.input_schema = InputSchema();
    spec_.output_schema = OutputSchema();
    spec_.toolset = "build";
    spec_.annotations = {
        .read_only = true, .destructive = false, .idempotent = true, .open_world = false};
  }
  [[nodiscard]] const ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override {
    auto lint = Decode(args);
    if (!lint) {
      return std::move(lint).error();
    }
    OpenedWorkspace workspace;
    if (!lint->workspace.empty()) {
      auto opened = OpenWorkspace(runner_, lint->workspace, options_.roots);
      if (!opened) {
        return std::move(opened).error();
      }
      workspace = *std::move(opened);
    }
    return std::unique_ptr<PreparedCall>(
        std::make_unique<LintCall>(options_, std::move(workspace), *std::move(lint)));
  }

 private:
  sandbox::SandboxRunner& runner_;
  const BuildToolOptions options_;
  ToolSpec spec_;
};

}  // namespace

std::unique_ptr<Tool> MakeDockerfileLintTool(sandbox::SandboxRunner& runner,
                                             BuildToolOptions options) {
  return std::make_unique<DockerfileLintTool>(runner, std::move(options));
}

}  // namespace casemate::tools
