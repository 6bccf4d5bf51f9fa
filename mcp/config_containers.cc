#include "mcp/config_containers.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "mcp/config_fields.h"

namespace casemate {
namespace {

constexpr std::array<std::string_view, 3> kEngines = {"auto", "docker", "podman"};

// Where the value of `key` stands; of the section where there is none.
std::string PlaceOf(const YamlNode& section, std::string_view key) {
  const auto node = section.Get(key);
  return node ? node->Where() : section.Where();
}

Result<void> ReadEngine(const YamlNode& section, std::string& engine) {
  if (auto read = ReadText(section, "engine", engine); !read) {
    return read;
  }
  if (std::ranges::find(kEngines, engine) == kEngines.end()) {
    return InvalidArgument(PlaceOf(section, "engine"),
                           "`engine`: expected auto, docker or podman, got " + Quoted(engine));
  }
  return {};
}

// Digits, because names mean something else in each image.
Result<void> ReadUser(const YamlNode& section, std::string& user) {
  if (auto read = ReadText(section, "user", user); !read) {
    return read;
  }
  const auto colon = user.find(':');
  const auto is_id = [](std::string_view id) {
    constexpr std::size_t kMostDigits = 9;
    return !id.empty() && id.size() <= kMostDigits && id.front() != '0' &&
           id.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (colon == std::string::npos || !is_id(std::string_view(user).substr(0, colon)) ||
      !is_id(std::string_view(user).substr(colon + 1))) {
    return InvalidArgument(
        PlaceOf(section, "user"),
        "`user`: expected uid:gid in digits, neither of them 0, got " + Quoted(user));
  }
  return {};
}

Result<void> ReadImages(const YamlNode& section, std::vector<container::ImageRule>& images) {
  std::vector<std::string> texts;
  const auto check = [&](const std::string& where, const std::string& text) -> Result<void> {
    auto rule = container::ParseImageRule(text, where);
    if (!rule) {
      return std::move(rule).error();
    }
    images.push_back(*std::move(rule));
    return {};
  };
  images.clear();
  return ReadTexts(section, "images", check, texts);
}

}  // namespace

Result<void> ReadContainersSection(const YamlNode& root, Config& config) {
  return ReadSection(root, "containers", {"engine", "socket", "images", "user", "signatures"},
                     [&](const YamlNode& section) {
                       ContainersConfig& read = config.containers;
                       return Steps()
                           .Then([&] { return ReadEngine(section, read.engine); })
                           .Then([&] { return ReadPath(section, "socket", read.socket); })
                           .Then([&] { return ReadImages(section, read.images); })
                           .Then([&] { return ReadUser(section, read.user); })
                           .Then([&] { return ReadPath(section, "signatures", read.signatures); })
                           .Take();
                     });
}

bool HasContainers(const Config& config) {
  return std::ranges::find(config.toolsets, "containers") != config.toolsets.end();
}

}  // namespace casemate
