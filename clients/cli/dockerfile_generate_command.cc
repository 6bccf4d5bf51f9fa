#include <CLI/CLI.hpp>
#include <fcntl.h>

#include <cerrno>
#include <iostream>
#include <memory>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/unique_fd.h"
#include "clients/cli/command_line.h"
#include "clients/cli/dockerfile_command.h"
#include "sandbox/container/engine/discovery.h"
#include "tools/analysis/analyse.h"
#include "tools/containerize/engine_digests.h"
#include "tools/containerize/generate.h"
#include "tools/containerize/save.h"

namespace casemate::cli {

namespace {

void AddLint(CLI::App& lint, DockerfileLintArgs& args) {
  lint.add_option("file", args.files, "Dockerfiles, or - for standard input; default Dockerfile");
  lint.add_flag("--json", args.json, "Print JSON");
  lint.add_option("--fail-on", args.fail_on,
                  "Exit with 1 from this severity on: error, warning, info, style");
  lint.add_option("--ignore", args.ignore, "A rule that is not wanted; repeatable")
      ->allow_extra_args(false);
  lint.add_option("--enable", args.enable, "A rule that is off by default; repeatable")
      ->allow_extra_args(false);
  lint.add_option("--allow-registry", args.registries,
                  "Where images may come from, e.g. *.example.com; repeatable; default anywhere")
      ->allow_extra_args(false);
}

void AddProject(CLI::App& command, DockerfileGenerateArgs& args) {
  command.add_option("directory", args.directory, "The project; default: this directory");
  command.add_option("--app", args.app, "Which of several applications: its directory or its name");
  command
      .add_option("--base-map", args.base_map,
                  "FROM=TO: base images whose names begin with FROM come from TO, e.g. "
                  "docker.io/=mirror.example.com/hub/; repeatable")
      ->allow_extra_args(false);
  command
      .add_option("--pin", args.pin,
                  "Digests of base images: local (default; of images that an engine here has), "
                  "registry (also asks their registries), none")
      ->check(CLI::IsMember({"local", "registry", "none"}));
}

// The engine whose images are looked at; nullptr: none answers, or none is wanted.
std::shared_ptr<const container::Engine> EngineFor(const std::string& pin) {
  if (pin == "none") {
    return nullptr;
  }
  auto engine = container::FindEngine("auto", "");
  return engine ? std::shared_ptr<const container::Engine>(*std::move(engine)) : nullptr;
}

int Fail(const Error& error) {
  std::cerr << "casemate: " << Describe(error) << '\n';
  return error.code == ErrorCode::kInvalidArgument && error.field != "overwrite" ? kExitUsage
                                                                                 : kExitFailure;
}

int Save(int directory, const containerize::Generated& generated, bool overwrite) {
  const auto saved = containerize::SaveGenerated(directory, generated, overwrite);
  if (!saved) {
    return Fail(saved.error());
  }
  for (const std::string& path : saved->written) {
    std::cout << "wrote " << path << '\n';
  }
  for (const std::string& path : saved->kept) {
    std::cout << "kept " << path << ", which was there\n";
  }
  std::cout << "build it: docker build -t " << generated.app << " -f " << generated.dockerfile_path
            << ' ' << (generated.context.empty() ? "." : generated.context) << '\n';
  return kExitOk;
}

}  // namespace

void AddDockerfile(CLI::App& app, DockerfileLintArgs& lint, DockerfileGenerateArgs& generate,
                   DockerfileGenerateArgs& explain) {
  app.require_subcommand(1);
  AddLint(*app.add_subcommand(
              "lint", "What is wrong with a Dockerfile, by the rules of hadolint and BuildKit"),
          lint);
  CLI::App* writes = app.add_subcommand(
      "generate", "A Dockerfile and a .dockerignore for a project, from what is in it");
  AddProject(*writes, generate);
  writes->add_flag("--explain", generate.explain, "Comments that give the reasons");
  writes->add_flag("--save", generate.save, "Write the files instead of printing the Dockerfile");
  writes->add_flag("--overwrite", generate.overwrite, "With --save: replace files that are there");
  writes->add_flag("--json", generate.json, "Print JSON: both texts, images, port, notes");
  CLI::App* explains =
      app.add_subcommand("explain", "The Dockerfile with the reason for each instruction");
  AddProject(*explains, explain);
  explain.explain = true;
}

int DockerfileGenerateCommand(const DockerfileGenerateArgs& args) {
  const UniqueFd directory(open(args.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) {
    std::cerr << "casemate: "
              << Describe(ErrnoError("cannot open the directory " + Quoted(args.directory), errno))
              << '\n';
    return kExitUsage;
  }
  auto base_map = containerize::BaseMap::Parse(args.base_map);
  if (!base_map) {
    return Fail(base_map.error());
  }
  const auto tree = analysis::SourceTree::Scan(directory.get(), {}, {});
  if (!tree) {
    return Fail(tree.error());
  }
  const auto analysis = analysis::AnalyseTree(*tree, {});
  if (!analysis) {
    return Fail(analysis.error());
  }
  const auto engine = EngineFor(args.pin);
  containerize::GenerateOptions options;
  options.app = args.app;
  options.explain = args.explain;
  options.base_map = *std::move(base_map);
  if (engine) {
    options.digests = containerize::EngineDigests(engine, args.pin == "registry"
                                                              ? containerize::DigestScope::kRegistry
                                                              : containerize::DigestScope::kLocal);
  }
  const auto generated = containerize::GenerateDockerfile(*tree, *analysis, options);
  if (!generated) {
    return Fail(generated.error());
  }
  int code = kExitOk;
  if (args.json) {
    std::cout << containerize::GeneratedJson(*generated).dump(2) << '\n';
  } else if (!args.save) {
    std::cout << generated->dockerfile;
  }
  if (args.save) {
    code = Save(directory.get(), *generated, args.overwrite);
  }
  std::cout << std::flush;
  for (const std::string& note : generated->notes) {
    std::cerr << "note: " << note << '\n';
  }
  return code;
}

}  // namespace casemate::cli
