// The manifest of a project: which applications it has, which containers they go into, and how
// those are packaged. Format 1.0; docs/manifest.md describes it, `casemate manifest schema` prints
// its JSON Schema. Plain values; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace casemate::package {

inline constexpr std::string_view kManifestVersion = "1.0";
inline constexpr std::string_view kManifestFile = "casemate.json";  // where it is looked for
// Of images that say nothing else: whom orchestrators can see not to be root.
inline constexpr std::string_view kDefaultUser = "10001:10001";
// 1980-01-01, the first day that every archive format can hold.
inline constexpr std::int64_t kDefaultEpoch = 315532800;

struct HealthCheck {
  enum class Kind : std::uint8_t { kHttp, kTcp, kCommand };
  Kind kind = Kind::kCommand;
  std::string path;                  // of kHttp: "/healthz"; 200 to 399 is healthy
  int port = 0;                      // of kHttp and kTcp
  std::vector<std::string> command;  // of kCommand, without a shell; 0 is healthy
  int interval_s = 30;
  int timeout_s = 5;
  int retries = 3;
  int start_period_s = 0;
};

struct Limits {
  std::optional<std::int64_t> memory_mb;
  std::optional<double> cpus;
  std::optional<std::int64_t> pids;
};

// Files of the workspace and where they lie in the image.
struct FileMapping {
  std::string from;  // relative to the manifest; "." is all of it
  std::string to;    // absolute
};

using Environment = std::map<std::string, std::string>;

struct Application {
  std::string name;
  std::string path;  // its directory, relative to the manifest; empty: that of the manifest
  std::string language;
  std::string framework;
  std::string version;                      // of the language
  std::vector<std::string> build_commands;  // of a shell, in its directory
  std::vector<std::string> build_outputs;   // that go into an image, relative to its directory
  std::vector<std::string> command;         // that starts it, without a shell
  std::optional<int> port;
  Environment environment;
  std::optional<HealthCheck> health_check;
  std::vector<std::string> depends_on;  // applications that are built and started before it
};

enum class BuilderKind : std::uint8_t { kAuto, kOci, kEngine, kBuildah };

struct Container {
  std::string name;
  std::vector<std::string> applications;
  BuilderKind builder = BuilderKind::kAuto;  // kAuto: kOci for a base, else kEngine
  // Either `base` (Casemate writes the image) or `dockerfile` (an engine builds it):
  std::string base;                // "scratch", or a name with a digest
  std::string dockerfile;          // a path, or "generated"
  std::vector<FileMapping> files;  // empty: outputs of the applications, or their directories
  std::optional<std::string> user;
  std::string working_directory;
  std::vector<std::string> entrypoint;
  std::vector<std::string> command;  // empty: that of its one application, or the init's
  Environment environment;
  std::vector<int> ports;  // beside those of its applications
  std::vector<std::string> volumes;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<HealthCheck> health_check;
  Limits limits;  // for whoever starts it
};

enum class Tagging : std::uint8_t { kHash, kVersion, kGitSha };

struct Packaging {
  std::vector<std::string> build_order;  // empty: by depends_on
  std::string registry;  // "registry.example.com/team"; empty: images have no registry
  Tagging tagging = Tagging::kHash;
  std::int64_t source_date_epoch = kDefaultEpoch;  // s, Unix time of all files and images
  std::string architecture = "amd64";
};

struct Manifest {
  std::string name;  // of the project
  std::string version;
  std::string description;
  std::vector<Application> applications;
  std::vector<Container> containers;
  Packaging packaging;
  std::string ci_name;
  std::vector<std::string> ci_capabilities;

  [[nodiscard]] const Application* FindApplication(std::string_view application) const;
  [[nodiscard]] const Container* FindContainer(std::string_view container) const;
};

std::string_view ToString(BuilderKind builder);
std::string_view ToString(Tagging tagging);

}  // namespace casemate::package
