#include "mcp/config_fields.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace casemate {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::string() : value;
}

Result<std::string> ExpandHome(const std::string& path) {
  if (path != "~" && !path.starts_with("~/")) {
    return path;
  }
  const std::string home = Environment("HOME");
  if (home.empty()) {
    return InvalidArgument("HOME", "expected a home directory for `" + path + "`, got none");
  }
  return home + path.substr(1);
}

Result<std::string> Absolute(const std::string& path) {
  if (path.starts_with('/')) {
    return path;
  }
  char* cwd = get_current_dir_name();
  if (cwd == nullptr) {
    return ErrnoError("cannot tell the working directory for `" + path + "`", errno);
  }
  std::string absolute = std::string(cwd) + "/" + path;
  std::free(cwd);
  return absolute;
}

Result<void> ReadText(const YamlNode& map, std::string_view key, std::string& target) {
  if (const auto node = map.Get(key)) {
    auto value = node->AsString();
    if (!value) {
      return std::move(value).error();
    }
    target = *std::move(value);
  }
  return {};
}

Result<void> ReadFlag(const YamlNode& map, std::string_view key, bool& target) {
  if (const auto node = map.Get(key)) {
    auto value = node->AsBool();
    if (!value) {
      return std::move(value).error();
    }
    target = *value;
  }
  return {};
}

Result<void> ReadSize(const YamlNode& map, std::string_view key, std::int64_t low,
                      std::int64_t high, std::size_t& target) {
  if (const auto node = map.Get(key)) {
    auto value = node->AsInt();
    if (!value) {
      return std::move(value).error();
    }
    if (*value < low || *value > high) {
      return InvalidArgument(node->Where(), "expected a number from " + std::to_string(low) +
                                                " to " + std::to_string(high) + ", got " +
                                                std::to_string(*value));
    }
    target = static_cast<std::size_t>(*value);
  }
  return {};
}

Result<void> ReadPath(const YamlNode& map, std::string_view key, std::string& target) {
  const auto node = map.Get(key);
  if (!node) {
    return {};
  }
  auto text = node->AsString();
  if (!text) {
    return std::move(text).error();
  }
  auto path = ExpandHome(*text);
  if (!path) {
    return std::move(path).error();
  }
  if (!path->starts_with('/')) {
    return InvalidArgument(node->Where(), "expected an absolute path, got `" + *text + "`");
  }
  target = *std::move(path);
  return {};
}

Result<void> ReadTexts(const YamlNode& map, std::string_view key, const TextCheck& check,
                       std::vector<std::string>& target) {
  const auto list = map.Get(key);
  if (!list) {
    return {};
  }
  if (list->kind() != YamlNode::Kind::kSequence) {
    return InvalidArgument(list->Where(), "expected a list for `" + std::string(key) + "`");
  }
  std::vector<std::string> texts;
  for (const YamlNode& item : list->Items()) {
    auto text = item.AsString();
    if (!text) {
      return std::move(text).error();
    }
    if (auto checked = check(item.Where(), *text); !checked) {
      return checked;
    }
    texts.push_back(*std::move(text));
  }
  target = std::move(texts);
  return {};
}

Result<void> ReadSection(const YamlNode& map, std::string_view key,
                         std::vector<std::string_view> keys,
                         const std::function<Result<void>(const YamlNode& section)>& read) {
  const auto section = map.Get(key);
  if (!section) {
    return {};
  }
  if (section->kind() != YamlNode::Kind::kMap) {
    return InvalidArgument(section->Where(),
                           "expected a map of settings for `" + std::string(key) + "`");
  }
  if (auto known = section->OnlyKeys(std::move(keys)); !known) {
    return known;
  }
  return read(*section);
}

}  // namespace casemate
