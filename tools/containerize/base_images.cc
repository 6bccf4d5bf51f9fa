#include "tools/containerize/base_images.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "sandbox/container/engine/names.h"
#include "tools/containerize/versions.h"

namespace casemate::containerize {

namespace {

// The first release of each series whose official image was built on bookworm (June 2023 on).
struct FirstOnBookworm {
  std::string_view tool;
  std::string_view series;
  std::string_view version;
};
constexpr std::array<FirstOnBookworm, 16> kFirst = {{
    {"node", "16", "16.20.1"},
    {"node", "18", "18.16.1"},
    {"node", "20", "20.3.1"},
    {"python", "3.8", "3.8.17"},
    {"python", "3.9", "3.9.17"},
    {"python", "3.10", "3.10.12"},
    {"python", "3.11", "3.11.4"},
    {"ruby", "3.0", "3.0.6"},
    {"ruby", "3.1", "3.1.4"},
    {"ruby", "3.2", "3.2.2"},
    {"golang", "1.19", "1.19.10"},
    {"golang", "1.20", "1.20.5"},
    {"php", "8.0", "8.0.30"},
    {"php", "8.1", "8.1.20"},
    {"php", "8.2", "8.2.7"},
    {"rust", "1.70", "1.70.0"},
}};

std::string_view OldestSeries(std::string_view tool) {
  if (tool == "node")
    return "16";
  if (tool == "python")
    return "3.8";
  if (tool == "ruby")
    return "3.0";
  if (tool == "golang")
    return "1.19";
  if (tool == "rust")
    return "1.70";
  return "8.0";
}

// Whether `text` names a registry: "localhost:5000", "ghcr.io".
bool IsRegistry(std::string_view text) {
  return text == "localhost" || text.find_first_of(".:") != std::string_view::npos;
}

}  // namespace

std::string FullReference(std::string_view reference) {
  const std::size_t slash = reference.find('/');
  if (slash == std::string_view::npos) {
    return "docker.io/library/" + std::string(reference);
  }
  if (IsRegistry(reference.substr(0, slash))) {
    return std::string(reference);
  }
  return "docker.io/" + std::string(reference);
}

Result<BaseMap> BaseMap::Parse(const std::vector<std::string>& entries) {
  BaseMap map;
  for (const std::string& entry : entries) {
    const std::size_t equals = entry.find('=');
    const std::string from = entry.substr(0, equals);
    const std::string to = equals == std::string::npos ? "" : entry.substr(equals + 1);
    if (from.empty() || to.empty()) {
      return InvalidArgument(
          "base_map", "expected FROM=TO, two beginnings of image names, got " + Quoted(entry));
    }
    // What is made of it must be a reference: nothing else may come into the file's FROM.
    const std::string sample = to.ends_with('/') ? to + "image" : to;
    if (!container::CheckImageReference(sample)) {
      return InvalidArgument(
          "base_map", "expected the name of an image or its beginning after =, got " + Quoted(to));
    }
    const bool is_registry = from.ends_with('/') && from.find('/') + 1 == from.size();
    map.entries_.push_back({is_registry ? from : FullReference(from), to});
  }
  std::sort(map.entries_.begin(), map.entries_.end(), [](const Entry& left, const Entry& right) {
    return std::pair(right.from.size(), left.from) < std::pair(left.from.size(), right.from);
  });
  return map;
}

std::string BaseMap::Apply(std::string_view reference) const {
  const std::string full = FullReference(reference);
  for (const Entry& entry : entries_) {
    if (!full.starts_with(entry.from)) {
      continue;
    }
    const std::string rest = full.substr(entry.from.size());
    if (entry.from.ends_with('/') || rest.empty() || rest[0] == ':' || rest[0] == '/' ||
        rest[0] == '@') {
      // An entry may name a tag itself; then it replaces the whole.
      return entry.to + rest;
    }
  }
  return std::string(reference);
}

std::string_view DebianOf(std::string_view tool, std::string_view version) {
  if (CompareVersions(version, OldestSeries(tool)) < 0) {
    return "bullseye";
  }
  const std::string series = NumbersOf(version, tool == "node" ? 1 : 2);
  if (tool == "node" && (series == "17" || series == "19")) {
    return "bullseye";  // they ended before bookworm
  }
  for (const FirstOnBookworm& first : kFirst) {
    const bool is_exact = std::count(version.begin(), version.end(), '.') == 2;
    if (first.tool == tool && first.series == series && is_exact &&
        CompareVersions(version, first.version) < 0) {
      return "bullseye";
    }
  }
  return "bookworm";
}

}  // namespace casemate::containerize
