#include "tools/run_files.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 3> kFileNames = {"path", "content", "content_base64"};
constexpr std::size_t kMaxNameBytes = 255;  // NAME_MAX

Error BadPath(const std::string& field, std::string_view expected, std::string_view path) {
  Error error =
      InvalidArgument(field, "expected " + std::string(expected) + ", got " + Quoted(path));
  error.remedy = "use a path relative to the working directory, such as src/main.py";
  return error;
}

std::optional<std::string> ReadContent(ArgReader& reader, ArgErrors& errors) {
  const bool encoded = reader.Has("content_base64");
  if (encoded == reader.Has("content")) {
    errors.Expected(reader.PathOf("content"), "exactly one of `content` and `content_base64`",
                    encoded ? "both" : "neither");
    return std::nullopt;
  }
  if (!encoded) {
    return reader.Text("content");
  }
  const auto text = reader.Text("content_base64", {.max_bytes = kMaxInputBytes / 3 * 4 + 4});
  auto bytes = text ? DecodeBase64(*text) : std::nullopt;
  if (text && !bytes) {
    errors.Expected(reader.PathOf("content_base64"),
                    "base64 (RFC 4648, with padding, without line breaks)",
                    std::to_string(text->size()) + " bytes of something else");
  }
  return bytes;
}

// Each name once, and none that is also a directory of another: the second write would fail or
// replace the first, and what policy saw would not be what runs.
void CheckDistinct(const std::vector<RunFile>& files, ArgErrors& errors) {
  std::set<std::string_view> seen;
  for (const RunFile& file : files) {
    if (!seen.insert(file.path).second) {
      errors.Expected("args.files", "each path once", Quoted(file.path) + " twice");
      return;
    }
  }
  for (const std::string_view path : seen) {
    for (auto slash = path.find('/'); slash != std::string_view::npos;
         slash = path.find('/', slash + 1)) {
      if (seen.contains(path.substr(0, slash))) {
        errors.Expected("args.files", "each path to be a file or a directory",
                        Quoted(path.substr(0, slash)) + " as both");
        return;
      }
    }
  }
}

}  // namespace

Result<std::string> CleanRelativePath(std::string_view path, const std::string& field) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (path.empty() || path.size() > kMaxPathBytes) {
    return BadPath(field, "a relative path of 1 to " + std::to_string(kMaxPathBytes) + " bytes",
                   path);
  }
  if (path.front() == '/') {
    return BadPath(field, "a relative path", path);
  }
  if (std::ranges::any_of(path, is_control)) {
    return BadPath(field, "a path without control characters", path);
  }
  if (path.back() == '/') {
    return BadPath(field, "the path of a file", path);
  }
  std::string clean;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, end - start);
    start = end + 1;
    if (name.empty() || name == ".") {
      continue;
    }
    if (name == "..") {
      return BadPath(field, "a path that stays below the working directory", path);
    }
    if (name.size() > kMaxNameBytes) {
      return BadPath(field, "names of at most 255 bytes", name);
    }
    clean += (clean.empty() ? "" : "/") + std::string(name);
  }
  if (clean.empty()) {
    return BadPath(field, "the path of a file", path);
  }
  return clean;
}

std::vector<RunFile> DecodeFiles(ArgReader& reader, ArgErrors& errors) {
  std::vector<RunFile> files;
  const json* array = reader.Array("files", kMaxFiles, "an array of {path, content}");
  if (array == nullptr) {
    return files;
  }
  for (std::size_t i = 0; i < array->size() && !errors.first(); ++i) {
    ArgReader file((*array)[i], "args.files." + std::to_string(i), kFileNames, errors);
    const auto path = file.Text("path");
    if (!path) {
      errors.Expected(file.PathOf("path"), "a relative path", "nothing");
      continue;
    }
    auto clean = CleanRelativePath(*path, file.PathOf("path"));
    if (!clean) {
      errors.Add(clean.error());
      continue;
    }
    auto content = ReadContent(file, errors);
    files.push_back({*std::move(clean), std::move(content).value_or(std::string())});
  }
  CheckDistinct(files, errors);
  return files;
}

Error FilesNeedWriting() {
  Error error =
      InvalidArgument("args.files", "expected no files over a read-only workspace, got some");
  error.remedy =
      "leave `files` out, or use profile `scratch` (changes are dropped), or leave `workspace` out";
  return error;
}

}  // namespace casemate::tools
