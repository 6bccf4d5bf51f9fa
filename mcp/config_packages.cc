#include "mcp/config_packages.h"

#include "base/text.h"
#include "mcp/config_fields.h"

namespace casemate {
namespace {

Result<void> ReadPush(const YamlNode& section, std::vector<container::ImageRule>& push) {
  std::vector<std::string> texts;
  push.clear();
  return ReadTexts(
      section, "push",
      [&](const std::string& where, const std::string& text) -> Result<void> {
        auto rule = container::ParseImageRule(text, where);
        if (!rule) {
          return std::move(rule).error();
        }
        push.push_back(*std::move(rule));
        return {};
      },
      texts);
}

// Only where they are: they themselves have no place in a configuration.
Result<void> ReadCredentials(const YamlNode& section, std::string& credentials) {
  if (auto read = ReadText(section, "credentials", credentials); !read) {
    return read;
  }
  const bool is_reference = credentials.empty() || credentials == "docker-config" ||
                            credentials.starts_with("docker-config:") ||
                            credentials.starts_with("env:") || credentials.starts_with("file:");
  if (!is_reference) {
    return InvalidArgument(section.Where(),
                           "`credentials`: expected env:NAME, file:PATH or docker-config[:PATH]");
  }
  return {};
}

}  // namespace

Result<void> ReadPackagesSection(const YamlNode& root, Config& config) {
  return ReadSection(
      root, "packages", {"push", "credentials", "ca_file"}, [&](const YamlNode& section) {
        return Steps()
            .Then([&] { return ReadPush(section, config.packages.push); })
            .Then([&] { return ReadCredentials(section, config.packages.credentials); })
            .Then([&] { return ReadPath(section, "ca_file", config.packages.ca_file); })
            .Take();
      });
}

}  // namespace casemate
