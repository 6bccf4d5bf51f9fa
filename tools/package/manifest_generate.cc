#include "tools/package/manifest_generate.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "tools/containerize/command_form.h"
#include "tools/package/manifest.h"
#include "tools/package/manifest_read.h"

namespace casemate::package {
namespace {

// Members in the order in which people read them.
using Ordered = nlohmann::ordered_json;
using nlohmann::json;

constexpr std::size_t kMaxName = 63;

bool IsSure(const analysis::Finding& finding) {
  return finding.confidence != analysis::Confidence::kGuess;
}

Ordered Command(const std::string& command) {
  const auto words = containerize::SimpleWords(command);
  return words ? Ordered(*words) : Ordered({"/bin/sh", "-c", command});
}

std::optional<int> PortOf(const analysis::App& app) {
  if (app.ports.empty() || !IsSure(app.ports.front())) {
    return std::nullopt;
  }
  const std::string& text = app.ports.front().value;
  int port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool fits = read.ec == std::errc() && read.ptr == text.data() + text.size() && port > 0;
  return fits ? std::optional(port) : std::nullopt;
}

class Generator {
 public:
  explicit Generator(const analysis::Analysis& analysis) : analysis_(analysis) {}

  GeneratedManifest Make(const std::string& name) {
    Ordered document;
    document["manifest_version"] = kManifestVersion;
    document["project"]["name"] = AsName(name);
    document["applications"] = Ordered::array();
    document["containers"] = Ordered::array();
    for (const analysis::App& app : analysis_.apps) {
      const std::string unique = NameOf(app);
      document["applications"].push_back(Application(app, unique));
      document["containers"].push_back(Container(app, unique));
    }
    document["packaging"]["tagging"] = "hash";
    return {document.dump(2) + "\n", std::move(notes_)};
  }

 private:
  std::string NameOf(const analysis::App& app) {
    const std::string name = AsName(app.name.value);
    std::string unique = name;
    for (int i = 2; !taken_.insert(unique).second; ++i) {
      unique = name.substr(0, kMaxName - 4) + "-" + std::to_string(i);
    }
    return unique;
  }

  Ordered Application(const analysis::App& app, const std::string& name) {
    Ordered made;
    made["name"] = name;
    if (!app.directory.empty()) {
      made["path"] = app.directory;
    }
    made["language"] = app.language.value;
    if (app.framework) {
      made["framework"] = app.framework->value;
    }
    if (app.version && IsSure(*app.version)) {
      made["version"] = app.version->value;
    }
    AddBuild(app, made);
    if (app.run && !app.run->value.empty()) {
      made["command"] = Command(app.run->value);
    } else {
      notes_.push_back("`" + name + "`: nothing says how it is started; add `command`");
    }
    const auto port = PortOf(app);
    if (port) {
      made["port"] = *port;
    }
    for (const analysis::EnvironmentVariable& variable : app.environment) {
      if (variable.is_required && variable.default_value.empty()) {
        notes_.push_back("`" + name + "` needs the variable " + variable.name +
                         " when it is started");
      }
    }
    if (app.health && port) {
      made["health_check"]["http"] = app.health->value;
    }
    return made;
  }

  static void AddBuild(const analysis::App& app, Ordered& made) {
    for (const auto* commands : {&app.install, &app.build}) {
      for (const analysis::Finding& command : *commands) {
        made["build"]["commands"].push_back(command.value);
      }
    }
    const bool is_inside = app.output && !app.output->value.empty() && app.output->value != "." &&
                           !app.output->value.starts_with("..") && app.output->value[0] != '/';
    if (is_inside && made.contains("build")) {
      made["build"]["outputs"].push_back(app.output->value);
    }
  }

  Ordered Container(const analysis::App& app, const std::string& name) {
    Ordered made;
    made["name"] = name;
    made["applications"].push_back(name);
    const std::string beside = app.directory.empty() ? "Dockerfile" : app.directory + "/Dockerfile";
    const bool is_there =
        std::ranges::find(analysis_.dockerfiles, beside, &analysis::ExistingDockerfile::path) !=
        analysis_.dockerfiles.end();
    made["dockerfile"] = is_there ? beside : "generated";
    return made;
  }

  const analysis::Analysis& analysis_;
  std::set<std::string> taken_;
  std::vector<std::string> notes_;
};

}  // namespace

std::string AsName(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9')) {
      name += lower;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  name = name.substr(0, kMaxName);
  while (!name.empty() && name.back() == '-') {
    name.pop_back();
  }
  return name.empty() ? "project" : name;
}

Result<GeneratedManifest> GenerateManifest(const analysis::Analysis& analysis,
                                           const std::string& name) {
  if (analysis.apps.empty()) {
    return Error{ErrorCode::kNotFound, "no application was found", "workspace",
                 "`casemate analyze` shows what was seen", 0};
  }
  GeneratedManifest made = Generator(analysis).Make(name);
  // What it holds comes from files of the project: nothing is handed out that could not be read.
  auto document = ParseManifest(made.text);
  const auto manifest = document ? ReadManifest(*document) : Result<Manifest>(document.error());
  if (!manifest) {
    Error error = manifest.error();
    error.message = "the analysis found what no manifest can hold: " + error.message;
    return error;
  }
  return made;
}

}  // namespace casemate::package
