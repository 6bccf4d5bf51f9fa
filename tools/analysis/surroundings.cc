#include "tools/analysis/surroundings.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/code_scan.h"
#include "tools/analysis/documents.h"
#include "tools/analysis/run_command.h"
#include "tools/analysis/well_known_files.h"

namespace casemate::analysis {

namespace {

// What the Procfile of its directory says counts more than what a language's conventions say.
void ApplyProcfile(App& app, std::vector<ProcessType> processes) {
  auto main = std::find_if(processes.begin(), processes.end(),
                           [](const ProcessType& process) { return process.name == "web"; });
  if (main == processes.end()) {
    main = std::find_if(processes.begin(), processes.end(),
                        [](const ProcessType& process) { return process.name == "worker"; });
  } else if (app.kind == AppKind::kProgram) {
    app.kind = AppKind::kService;
  }
  if (main != processes.end()) {
    Finding stated = main->command;
    if (app.run && app.run->value != stated.value) {
      stated.alternatives.push_back({app.run->value, app.run->source, app.run->confidence});
    }
    app.run = std::move(stated);
    processes.erase(main);
  }
  std::erase_if(app.processes, [&](const ProcessType& guessed) {
    return std::any_of(processes.begin(), processes.end(),
                       [&](const ProcessType& process) { return process.name == guessed.name; });
  });
  app.processes.insert(app.processes.end(), processes.begin(), processes.end());
}

std::string Digits(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789");
  return std::string(text.substr(0, end));
}

// With the port that our command for its start names.
void ReplaceGuessedPorts(std::vector<Finding> ports, App& app) {
  if (ports.empty()) {
    return;
  }
  for (const Finding& guess : app.ports) {
    if (guess.value != ports.front().value) {
      ports.front().alternatives.push_back({guess.value, guess.source, guess.confidence});
    }
    if (!app.run || app.run->confidence == Confidence::kCertain) {
      continue;
    }
    std::string& command = app.run->value;
    if (const std::size_t at = command.find(guess.value); at != std::string::npos) {
      command.replace(at, guess.value.size(), ports.front().value);
    }
  }
  app.ports = std::move(ports);
}

// Ports that a Dockerfile beside it exposes count more than our defaults, and less than its code.
void ApplyDockerfiles(const std::vector<ExistingDockerfile>& files, App& app) {
  for (const ExistingDockerfile& file : files) {
    if (ParentOf(file.path) != app.directory || file.ports.empty() ||
        (!app.ports.empty() && app.ports.front().confidence != Confidence::kGuess)) {
      continue;
    }
    std::vector<Finding> ports;
    for (const std::string& port : file.ports) {
      if (const std::string digits = Digits(port); !digits.empty()) {
        ports.emplace_back(digits, Source{file.path, "EXPOSE"}, Confidence::kCertain);
      }
    }
    if (!ports.empty() && app.kind == AppKind::kProgram) {
      app.kind = AppKind::kService;
    }
    ReplaceGuessedPorts(std::move(ports), app);
  }
}

// Counts more than our guess of how it starts.
void ApplyDockerfileCommand(const std::vector<ExistingDockerfile>& files, App& app) {
  for (const ExistingDockerfile& file : files) {
    const bool is_known = app.run && app.run->confidence != Confidence::kGuess;
    if (is_known || app.kind == AppKind::kStaticSite || ParentOf(file.path) != app.directory ||
        file.command.empty()) {
      continue;
    }
    if (const std::string command = CommandOf(file); !command.empty()) {
      app.run = Finding(command, {file.path, "CMD"}, Confidence::kLikely);
    }
  }
}

// "8000" of "127.0.0.1:80:8000/tcp"; of a mapping nothing.
std::string ContainerPort(std::string_view published) {
  return Digits(published.substr(published.rfind(':') + 1));
}

// The port that a compose file publishes counts more than our default. The services that it starts
// beside the one that it builds from this directory are those that this one talks to.
void ApplyCompose(const std::vector<ComposeService>& services, App& app) {
  const std::string directory = app.directory.empty() ? "." : app.directory;
  if (app.kind == AppKind::kStaticSite) {
    return;  // what it talks to, browsers reach
  }
  for (const ComposeService& own : services) {
    if (own.build != directory) {
      continue;
    }
    const std::string port = own.ports.empty() ? std::string() : ContainerPort(own.ports.front());
    if (!port.empty() && !app.ports.empty() && app.ports.front().confidence == Confidence::kGuess) {
      ReplaceGuessedPorts(
          {Finding(port, {own.source.file, own.source.field + ".ports"}, Confidence::kLikely)},
          app);
    }
    for (const ComposeService& other : services) {
      const std::string service = ServiceOfImage(other.image);
      const bool is_known =
          std::any_of(app.services.begin(), app.services.end(),
                      [&](const Finding& finding) { return finding.value == service; });
      if (other.source.file == own.source.file && !service.empty() && !is_known) {
        app.services.emplace_back(service, Source{other.source.file, other.source.field + ".image"},
                                  Confidence::kLikely);
      }
    }
  }
}

// Directories above an application, up to the root, the nearest first.
std::vector<std::string> Above(const std::string& directory) {
  std::vector<std::string> above;
  for (std::string_view place = directory; !place.empty();) {
    place = ParentOf(place);
    above.emplace_back(place);
  }
  return above;
}

bool IsPublic(std::string_view variable) {
  return variable.starts_with("VITE_") || variable.starts_with("PUBLIC_") ||
         variable.starts_with("REACT_APP_") || variable.starts_with("VUE_APP_") ||
         variable.find("_PUBLIC_") != std::string_view::npos;
}

// Variables for code that runs in browsers are those of an application that makes such code, and
// all that a static site has.
bool MayRead(const App& app, std::string_view variable) {
  constexpr std::array<std::string_view, 7> kByVite = {
      "sveltekit", "astro", "remix", "react-router", "solid-start", "tanstack-start", "qwik"};
  const std::string framework = app.framework ? app.framework->value : std::string();
  if (app.kind == AppKind::kStaticSite || !IsPublic(variable)) {
    return IsPublic(variable) || app.kind != AppKind::kStaticSite;
  }
  if (variable.starts_with("NEXT_") || variable.starts_with("NUXT_")) {
    return framework == (variable.starts_with("NEXT_") ? "next" : "nuxt");
  }
  return std::find(kByVite.begin(), kByVite.end(), framework) != kByVite.end();
}

// An example of the environment at the root of a workspace is one for all applications below it.
// What the code of one of them reads is not another's.
void AddSharedExamples(const SourceTree& tree, std::vector<App>& apps) {
  std::set<std::string> read;
  for (const App& app : apps) {
    for (const EnvironmentVariable& variable : app.environment) {
      read.insert(variable.name);
    }
  }
  for (App& app : apps) {
    for (const std::string& place : Above(app.directory)) {
      const bool is_of_another = std::any_of(
          apps.begin(), apps.end(), [&](const App& other) { return other.directory == place; });
      if (!is_of_another) {
        const std::size_t before = app.environment.size();
        App shared;
        AddExampleEnvironment(tree, place, shared, read);
        std::erase_if(shared.environment, [&](const EnvironmentVariable& variable) {
          return !MayRead(app, variable.name);
        });
        AddCodeFacts({std::move(shared.environment), {}, {}}, app);
        if (app.environment.size() != before) {
          break;
        }
      }
    }
  }
}

// Whether a command of a Procfile that lies in `place` is about an application below.
bool Names(const std::string& command, const std::string& place, const App& app) {
  const std::string inner = app.directory.substr(place.empty() ? 0 : place.size() + 1);
  const auto has = [&](const std::string& name) {
    return RE2::PartialMatch(command,
                             R"((?:^|[\s/'"=:@]))" + RE2::QuoteMeta(name) + R"((?:$|[\s/'";&.]))");
  };
  static const RE2 kFilters(R"((?:^|\s)(?:-w|--workspace|-F|--filter|--scope|-p|workspace)[ =])");
  return has(inner) || (RE2::PartialMatch(command, kFilters) && has(app.name.value));
}

// A command that runs in `place`, as it is said in the application's directory.
std::string Inside(std::string command, const std::string& place, const App& app) {
  const std::string inner = app.directory.substr(place.empty() ? 0 : place.size() + 1);
  const std::string enter = "cd " + inner + " && ";
  if (command.starts_with(enter)) {
    return command.substr(enter.size());
  }
  static const RE2 kFindsItsWorkspace(
      R"(^(?:npm|pnpm|yarn|bun|npx|turbo|nx|lerna) .*(?:-w|--workspace|-F|--filter|--scope|workspace|nx|turbo)\b)");
  if (RE2::PartialMatch(command, kFindsItsWorkspace)) {
    return command;
  }
  std::string up = "..";
  for (const char c : inner) {
    up += c == '/' ? "/.." : "";
  }
  return "cd " + up + " && " + command;
}

// Gives each process of a Procfile in `place` to the one of `apps` that it is about.
void ApplyAbove(const std::vector<App*>& apps, const std::string& place,
                std::vector<ProcessType> processes) {
  std::map<App*, std::vector<ProcessType>> own;
  for (ProcessType& process : processes) {
    std::vector<App*> named;
    std::copy_if(apps.begin(), apps.end(), std::back_inserter(named),
                 [&](App* app) { return Names(process.command.value, place, *app); });
    const bool is_only = apps.size() == 1 && apps.front()->kind != AppKind::kStaticSite;
    App* const app = named.size() == 1 ? named.front() : is_only ? apps.front() : nullptr;
    if (app != nullptr) {
      process.command.value = Inside(process.command.value, place, *app);
      own[app].push_back(std::move(process));
    }
  }
  for (auto& [app, its] : own) {
    // The only process of an application is how that one starts, whatever it is called.
    if (its.size() == 1 && its.front().name != "release" && its.front().name != "web") {
      its.front().name = "worker";
    }
    ApplyProcfile(*app, std::move(its));
  }
}

// The processes of a Procfile that lies above applications, by the one that each is about.
void ApplySharedProcfiles(const SourceTree& tree, std::vector<App>& all) {
  std::map<std::string, std::vector<App*>> below;
  for (App& app : all) {
    for (const std::string& place : Above(app.directory)) {
      if (tree.Has(JoinPath(place, "Procfile"))) {
        below[place].push_back(&app);
        break;
      }
    }
  }
  for (const auto& [place, apps] : below) {
    const bool is_of_another = std::any_of(
        all.begin(), all.end(), [&](const App& other) { return other.directory == place; });
    if (is_of_another) {
      continue;
    }
    ApplyAbove(apps, place, ReadProcfile(tree, place));
  }
}

}  // namespace

std::string CommandOf(const ExistingDockerfile& file) {
  const nlohmann::json words = nlohmann::json::parse(file.command, nullptr, false);
  std::string command;
  for (const nlohmann::json& word : words.is_array() ? words : nlohmann::json::array()) {
    command += (command.empty() ? "" : " ") + TextOf(word);
  }
  command = words.is_array() ? command : file.command;
  return command.starts_with('/') || command.starts_with('[') ? std::string() : command;
}

void ApplySurroundings(const SourceTree& tree, Analysis& analysis) {
  AddSharedExamples(tree, analysis.apps);
  for (App& app : analysis.apps) {
    AddExampleEnvironment(tree, app.directory, app);
    ApplyProcfile(app, ReadProcfile(tree, app.directory));
  }
  ApplySharedProcfiles(tree, analysis.apps);
  for (App& app : analysis.apps) {
    ApplyRunCommand(app);
    ApplyDockerfiles(analysis.dockerfiles, app);
    ApplyDockerfileCommand(analysis.dockerfiles, app);
    ApplyCompose(analysis.compose, app);
  }
}

}  // namespace casemate::analysis
