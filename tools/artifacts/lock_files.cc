#include "tools/artifacts/lock_files.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace casemate::artifacts {
namespace {

constexpr auto kReaders = std::to_array<std::pair<std::string_view, LockReader>>({
    {"package-lock.json", ReadNpmLock},
    {"npm-shrinkwrap.json", ReadNpmLock},
    {"yarn.lock", ReadYarnLock},
    {"pnpm-lock.yaml", ReadPnpmLock},
    {"poetry.lock", ReadPoetryLock},
    {"pdm.lock", ReadPoetryLock},
    {"uv.lock", ReadUvLock},
    {"Pipfile.lock", ReadPipfileLock},
    {"go.mod", ReadGoMod},
    {"Cargo.lock", ReadCargoLock},
    {"Gemfile.lock", ReadGemfileLock},
    {"gems.locked", ReadGemfileLock},
    {"composer.lock", ReadComposerLock},
    {"packages.lock.json", ReadNuGetLock},
    {"gradle.lockfile", ReadGradleLock},
    {"buildscript-gradle.lockfile", ReadGradleLock},
    {"pubspec.lock", ReadPubspecLock},
    {"mix.lock", ReadMixLock},
});

}  // namespace

const nlohmann::json& ListOf(const nlohmann::json& value) {
  static const nlohmann::json kNone = nlohmann::json::array();
  return value.is_array() ? value : kNone;
}

LockReader ReaderOf(std::string_view file_name) {
  const auto* row =
      std::ranges::find(kReaders, file_name, &std::pair<std::string_view, LockReader>::first);
  if (row != kReaders.end()) {
    return row->second;
  }
  const bool is_requirements =
      (file_name.starts_with("requirements") || file_name.ends_with("requirements.txt")) &&
      file_name.ends_with(".txt");
  return is_requirements ? ReadRequirements : nullptr;
}

}  // namespace casemate::artifacts
