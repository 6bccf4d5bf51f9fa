// Configuration files in a home directory of their own, with no CASEMATE_ variables set. Test-only.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mcp/config.h"
#include "tests/unit/temp_dir.h"

namespace casemate::testing {

// Sets variables for one test and puts the old values back.
class Environment {
 public:
  void Set(const char* name, const std::string& value) {
    Keep(name);
    setenv(name, value.c_str(), 1);
  }
  void Unset(const char* name) {
    Keep(name);
    unsetenv(name);
  }
  Environment() = default;
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const auto& [name, value] : old_) {
      value.has_value() ? setenv(name, value->c_str(), 1) : unsetenv(name);
    }
  }

 private:
  void Keep(const char* name) {
    const char* value = std::getenv(name);
    old_.emplace_back(name, value == nullptr ? std::nullopt : std::optional<std::string>(value));
  }
  std::vector<std::pair<const char*, std::optional<std::string>>> old_;
};

struct ConfigFixture {
  ConfigFixture() {
    for (const char* name :
         {"CASEMATE_CONFIG", "CASEMATE_STATE_DIR", "CASEMATE_POLICY", "CASEMATE_WORKSPACE_ROOTS",
          "CASEMATE_SANDBOX_MODE", "CASEMATE_OPA", "XDG_CONFIG_HOME", "XDG_STATE_HOME"}) {
      env.Unset(name);
    }
    env.Set("HOME", dir.path());
    std::filesystem::create_directory(dir / "work");
  }
  std::string ProblemOf(const std::string& yaml) {
    const auto config = LoadConfig({.config_file = dir.Write("c.yaml", yaml)});
    return config ? "" : Describe(config.error());
  }
  TempDir dir;
  Environment env;
};

}  // namespace casemate::testing
