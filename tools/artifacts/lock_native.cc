// Lock files of Cargo, Bundler, Composer, NuGet, Gradle, pub and Mix.
#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/names.h"
#include "tools/artifacts/lock_files.h"

namespace casemate::artifacts {
namespace {

using analysis::At;
using analysis::SplitLines;
using analysis::TextAt;
using analysis::Trim;
using nlohmann::json;

struct Gem {
  std::string name;
  std::string version;
  std::string platform;
  std::string rest;  // of its line
};

// "    nokogiri (1.15.0-x86_64-linux) sha256=…", indented by exactly `indent`.
std::optional<Gem> GemOf(std::string_view line, std::size_t indent) {
  const std::size_t open = line.find(" (");
  const std::size_t close = line.find(')');
  if (line.find_first_not_of(' ') != indent || open == std::string_view::npos ||
      close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  const std::string_view version = line.substr(open + 2, close - open - 2);
  const std::size_t dash = version.find('-');
  return Gem{std::string(line.substr(indent, open - indent)), std::string(version.substr(0, dash)),
             dash == std::string_view::npos ? std::string() : std::string(version.substr(dash + 1)),
             std::string(Trim(line.substr(close + 1)))};
}

PackageUrl GemUrl(const Gem& gem) {
  return {"gem", {}, gem.name, gem.version, {{"platform", gem.platform}}};
}

// The texts in quotes of one line; no escapes, as hex packages need none.
std::vector<std::string> QuotedTexts(std::string_view line) {
  std::vector<std::string> texts;
  for (std::size_t open = line.find('"'); open != std::string_view::npos;) {
    const std::size_t close = line.find('"', open + 1);
    if (close == std::string_view::npos) {
      break;
    }
    texts.emplace_back(line.substr(open + 1, close - open - 1));
    open = line.find('"', close + 1);
  }
  return texts;
}

}  // namespace

void ReadCargoLock(const analysis::SourceTree& tree, const std::string& path,
                   PackageList& packages) {
  const json root = analysis::ReadTomlFile(tree, path);
  const json& list = At(root, "package");
  const json& metadata = At(root, "metadata");  // of version 1: "checksum a 1.0 (source)": "…"
  for (const json& package : ListOf(list)) {
    const std::string name = TextAt(package, "name");
    const std::string version = TextAt(package, "version");
    const std::string source = TextAt(package, "source");
    if (source.empty()) {
      continue;  // the project's own
    }
    std::string checksum = TextAt(package, "checksum");
    if (checksum.empty()) {
      std::string key = "checksum ";
      key.append(name).append(" ").append(version).append(" (").append(source).append(")");
      checksum = analysis::TextOf(At(metadata, std::vector<std::string>{key}));
    }
    packages.Add({"cargo", {}, name, version}, {checksum}, path);
  }
}

void ReadGemfileLock(const analysis::SourceTree& tree, const std::string& path,
                     PackageList& packages) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return;
  }
  std::string section;
  for (const std::string& line : SplitLines(*text)) {
    if (!line.empty() && line.front() != ' ') {
      section = Trim(line);
    } else if (section == "GEM" || section == "GIT") {
      if (const auto gem = GemOf(line, 4)) {
        packages.Add(GemUrl(*gem), {}, path);
      }
    } else if (section == "CHECKSUMS") {
      const auto gem = GemOf(line, 2);
      if (gem && gem->rest.starts_with("sha256=")) {
        packages.Add(GemUrl(*gem), {"sha256:" + gem->rest.substr(7)}, path);
      }
    }
  }
}

void ReadComposerLock(const analysis::SourceTree& tree, const std::string& path,
                      PackageList& packages) {
  const json root = analysis::ReadJsonFile(tree, path);
  for (const auto& [section, is_for_development] :
       {std::pair("packages", false), std::pair("packages-dev", true)}) {
    const json& list = At(root, section);
    for (const json& package : ListOf(list)) {
      const std::string name = analysis::Lower(TextAt(package, "name"));
      const std::size_t slash = name.find('/');
      if (slash != std::string::npos) {
        packages.Add(
            {"composer", name.substr(0, slash), name.substr(slash + 1), TextAt(package, "version")},
            {TextAt(package, "dist.shasum")}, path, is_for_development);
      }
    }
  }
}

void ReadNuGetLock(const analysis::SourceTree& tree, const std::string& path,
                   PackageList& packages) {
  const json root = analysis::ReadJsonFile(tree, path);
  const json& frameworks = At(root, "dependencies");
  for (auto framework = frameworks.begin(); frameworks.is_object() && framework != frameworks.end();
       ++framework) {
    const json& list = *framework;
    for (auto it = list.begin(); list.is_object() && it != list.end(); ++it) {
      if (TextAt(*it, "type") != "Project") {
        packages.Add({"nuget", {}, it.key(), TextAt(*it, "resolved")},
                     {"sha512-" + TextAt(*it, "contentHash")}, path);
      }
    }
  }
}

// "group:artifact:version=configuration,configuration"
void ReadGradleLock(const analysis::SourceTree& tree, const std::string& path,
                    PackageList& packages) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return;
  }
  const bool is_of_build = analysis::NameOf(path).starts_with("buildscript");
  for (const std::string& line : SplitLines(*text)) {
    const std::size_t equals = line.find('=');
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (line.starts_with('#') || first >= equals || second >= equals ||
        equals == std::string::npos) {
      continue;
    }
    // Only what no configuration of the program itself has is for tests.
    bool is_for_development = true;
    std::string_view configurations = std::string_view(line).substr(equals + 1);
    while (!configurations.empty() && is_for_development) {
      const std::size_t comma = configurations.find(',');
      is_for_development =
          analysis::Lower(configurations.substr(0, comma)).find("test") != std::string::npos;
      configurations =
          comma == std::string_view::npos ? std::string_view() : configurations.substr(comma + 1);
    }
    packages.Add({"maven", line.substr(0, first), line.substr(first + 1, second - first - 1),
                  line.substr(second + 1, equals - second - 1)},
                 {}, path, is_for_development || is_of_build);
  }
}

void ReadPubspecLock(const analysis::SourceTree& tree, const std::string& path,
                     PackageList& packages) {
  const json root = analysis::ReadYamlFile(tree, path);
  const json& list = At(root, "packages");
  for (auto it = list.begin(); list.is_object() && it != list.end(); ++it) {
    const std::string source = TextAt(*it, "source");
    if (source != "path" && source != "sdk") {
      packages.Add({"pub", {}, it.key(), TextAt(*it, "version")},
                   {TextAt(*it, "description.sha256")}, path,
                   TextAt(*it, "dependency") == "direct dev");
    }
  }
}

// "jason": {:hex, :jason, "1.4.1", "INNER", [:mix], […], "hexpm", "OUTER"},
void ReadMixLock(const analysis::SourceTree& tree, const std::string& path, PackageList& packages) {
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return;
  }
  for (const std::string& line : SplitLines(*text)) {
    constexpr std::string_view kHex = "{:hex, :";
    const std::size_t hex = line.find(kHex);
    const auto texts = QuotedTexts(line);
    if (hex == std::string::npos || texts.size() < 3) {
      continue;
    }
    const std::size_t begin = hex + kHex.size();
    const std::string name = line.substr(begin, line.find(',', begin) - begin);
    // The last one is of the package's file, the first of what is in it.
    packages.Add({"hex", {}, name, texts[1]},
                 {texts.back() == texts[2] ? std::string() : "sha256:" + texts.back()}, path);
  }
}

}  // namespace casemate::artifacts
