#include "tools/analysis/well_known_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/analysis/documents.h"
#include "tools/analysis/names.h"
#include "tools/dockerfile/syntax.h"

namespace casemate::analysis {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxDockerfiles = 50;
constexpr std::size_t kMaxServices = 100;

// Beginnings of the last part of an image's name.
constexpr auto kImages = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"postgres", "postgres"},
    {"postgis", "postgres"},
    {"timescaledb", "postgres"},
    {"pgvector", "postgres"},
    {"mysql", "mysql"},
    {"mariadb", "mysql"},
    {"percona", "mysql"},
    {"mongo", "mongodb"},
    {"redis", "redis"},
    {"valkey", "redis"},
    {"keydb", "redis"},
    {"dragonfly", "redis"},
    {"rabbitmq", "rabbitmq"},
    {"cp-kafka", "kafka"},
    {"kafka", "kafka"},
    {"redpanda", "kafka"},
    {"nats", "nats"},
    {"eclipse-mosquitto", "mqtt"},
    {"memcached", "memcached"},
    {"elasticsearch", "elasticsearch"},
    {"opensearch", "opensearch"},
    {"meilisearch", "meilisearch"},
    {"cassandra", "cassandra"},
    {"scylla", "cassandra"},
    {"neo4j", "neo4j"},
    {"clickhouse", "clickhouse"},
    {"minio", "s3"},
    {"mssql", "mssql"},
    {"azure-sql-edge", "mssql"},
    {"qdrant", "qdrant"},
    {"weaviate", "weaviate"},
    {"mailhog", "smtp"},
    {"mailpit", "smtp"},
    {"openldap", "ldap"},
});

bool IsDockerfile(std::string_view name) {
  const std::string low = Lower(name);
  // Code that is about them.
  constexpr std::array<std::string_view, 12> kCode = {
      ".ex", ".go", ".rs", ".py", ".ts", ".js", ".rb", ".md", ".php", ".java", ".html", ".cc"};
  if (std::any_of(kCode.begin(), kCode.end(),
                  [&](std::string_view ending) { return low.ends_with(ending); })) {
    return false;
  }
  return (low == "dockerfile" || low.starts_with("dockerfile.") || low.ends_with(".dockerfile") ||
          low == "containerfile") &&
         !low.ends_with(".dockerignore");
}

ExistingDockerfile Summarise(const std::string& path, const dockerfile::Dockerfile& file) {
  ExistingDockerfile found;
  found.path = path;
  const dockerfile::Stage& last = file.stages.back();
  found.base = last.base;
  std::string entry;
  std::string command;
  for (std::size_t i = last.first; i < last.end; ++i) {
    const dockerfile::Instruction& instruction = file.instructions[i];
    if (instruction.name == "EXPOSE") {
      for (std::string& word : instruction.Words(file.escape)) {
        found.ports.push_back(std::move(word));
      }
    } else if (instruction.name == "USER") {
      found.user = instruction.arguments;
    } else if (instruction.name == "ENTRYPOINT") {
      entry = instruction.arguments;
    } else if (instruction.name == "CMD") {
      command = instruction.arguments;
    } else if (instruction.name == "HEALTHCHECK") {
      found.health = instruction.arguments;
    }
  }
  found.command = entry + (entry.empty() || command.empty() ? "" : " ") + command;
  return found;
}

ComposeService ReadService(const std::string& name, const json& service, const std::string& path) {
  ComposeService found;
  found.name = name;
  found.source = {path, "services." + name};
  found.image = TextAt(service, "image");
  const json& build = At(service, "build");
  const std::string context = build.is_object() ? TextAt(build, "context") : TextOf(build);
  if (!build.is_null()) {
    std::string_view inner = context;
    while (inner.starts_with("./")) {
      inner.remove_prefix(2);
    }
    while (inner.ends_with('/')) {
      inner.remove_suffix(1);
    }
    found.build = JoinPath(ParentOf(path), inner);
    found.build = found.build.empty() ? "." : found.build;
  }
  for (const json& port : At(service, "ports")) {
    const std::string text = port.is_object() ? TextAt(port, "target") : TextOf(port);
    if (!text.empty()) {
      found.ports.push_back(text);
    }
  }
  return found;
}

}  // namespace

std::vector<ProcessType> ReadProcfile(const SourceTree& tree, const std::string& directory) {
  std::vector<ProcessType> found;
  const std::string path = JoinPath(directory, "Procfile");
  const std::string* text = tree.Read(path);
  if (text == nullptr) {
    return found;
  }
  for (const std::string& line : SplitLines(*text)) {
    const std::size_t colon = line.find(':');
    const std::string name(Trim(std::string_view(line).substr(0, colon)));
    const bool is_name =
        !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
          return std::isalnum(c) != 0 || c == '_' || c == '-';
        });
    if (colon == std::string::npos || !is_name) {
      continue;
    }
    const std::string command(Trim(std::string_view(line).substr(colon + 1)));
    if (!command.empty()) {
      found.push_back({name, Finding(command, {path, name}, Confidence::kCertain)});
    }
  }
  return found;
}

std::vector<ComposeService> ReadComposeFiles(const SourceTree& tree) {
  std::vector<ComposeService> found;
  for (const std::string& directory : tree.directories()) {
    for (const char* name :
         {"compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml"}) {
      const std::string path = JoinPath(directory, name);
      if (!tree.Has(path)) {
        continue;
      }
      const json document = ReadYamlFile(tree, path);
      const json& services = At(document, "services");
      for (auto it = services.begin(); services.is_object() && it != services.end(); ++it) {
        if (found.size() < kMaxServices) {
          found.push_back(ReadService(it.key(), it.value(), path));
        }
      }
      break;  // the first is what compose itself takes
    }
  }
  return found;
}

std::vector<ExistingDockerfile> ReadDockerfiles(const SourceTree& tree) {
  std::vector<ExistingDockerfile> found;
  for (const std::string& path : tree.files()) {
    if (!IsDockerfile(NameOf(path)) || found.size() >= kMaxDockerfiles) {
      continue;
    }
    const std::string* text = tree.Read(path);
    if (text == nullptr) {
      continue;
    }
    const auto file = dockerfile::ParseDockerfile(*text);
    if (!file) {
      tree.Note(path + " is damaged: " + file.error().message);
      continue;
    }
    found.push_back(Summarise(path, *file));
  }
  return found;
}

std::string ServiceOfImage(std::string_view image) {
  std::string_view last = image.substr(image.rfind('/') + 1);
  if (last.starts_with("server") && image.find("/mssql/") != std::string_view::npos) {
    last = "mssql";
  }
  for (const auto& [beginning, service] : kImages) {
    if (last.starts_with(beginning)) {
      return std::string(service);
    }
  }
  return {};
}

}  // namespace casemate::analysis
