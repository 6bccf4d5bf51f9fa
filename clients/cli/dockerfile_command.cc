#include "clients/cli/dockerfile_command.h"

#include <CLI/CLI.hpp>

#include <iostream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/text.h"
#include "clients/cli/command_line.h"
#include "tools/dockerfile/lint.h"
#include "tools/dockerfile/lint_output.h"
#include "tools/dockerfile/syntax.h"

namespace casemate::cli {

namespace {

using nlohmann::json;

Result<std::string> ReadText(const std::string& file) {
  if (file != "-") {
    return ReadFile(file, dockerfile::kMaxDockerfileBytes);
  }
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  return text;
}

std::optional<std::string> IgnoreFileBeside(const std::string& file) {
  const std::size_t slash = file.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : file.substr(0, slash + 1);
  for (const std::string& path : {file + ".dockerignore", directory + ".dockerignore"}) {
    if (auto text = ReadFile(path, dockerfile::kMaxDockerfileBytes)) {
      return *std::move(text);
    }
  }
  return std::nullopt;
}

}  // namespace

int DockerfileLintCommand(const DockerfileLintArgs& args) {
  const auto severity = dockerfile::ParseSeverity(args.fail_on);
  const dockerfile::Severity fail_on = severity.value_or(dockerfile::Severity::kStyle);
  Result<void> checked = dockerfile::CheckRuleNames(args.ignore, "--ignore");
  checked = checked ? dockerfile::CheckRuleNames(args.enable, "--enable") : checked;
  if (!severity) {
    checked = InvalidArgument(
        "--fail-on", "expected error, warning, info or style, got " + Quoted(args.fail_on));
  }
  if (!checked) {
    std::cerr << "casemate: " << Describe(checked.error()) << '\n';
    return kExitUsage;
  }
  dockerfile::LintOptions options;
  options.allowed_registries = args.registries;
  options.skip = args.ignore;
  options.enable = args.enable;
  json all = json::array();
  bool fails = false;
  const std::vector<std::string> usual = {"Dockerfile"};
  for (const std::string& file : args.files.empty() ? usual : args.files) {
    const auto text = ReadText(file);
    const auto parsed =
        text ? dockerfile::ParseDockerfile(*text) : Result<dockerfile::Dockerfile>(text.error());
    if (!parsed) {
      std::cerr << "casemate: " << file << ": " << Describe(parsed.error()) << '\n';
      return text ? kExitFailure : kExitUsage;
    }
    options.ignore_file = file == "-" ? std::nullopt : IgnoreFileBeside(file);
    const auto findings = dockerfile::Lint(*parsed, options);
    fails = fails || dockerfile::AnyAtLeast(findings, fail_on);
    if (args.json) {
      all.push_back({{"file", file}, {"findings", dockerfile::LintJson(findings)}});
    } else {
      std::cout << dockerfile::LintText(findings, file);
    }
  }
  if (args.json) {
    std::cout << all.dump(2) << "\n";
  }
  std::cout << std::flush;
  return fails ? kExitFailure : kExitOk;
}

}  // namespace casemate::cli
