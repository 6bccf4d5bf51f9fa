#include "policies/opa/bundle.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/hash.h"

namespace casemate::policies {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFiles = 1000;
constexpr std::size_t kMaxBytes = std::size_t{16} << 20;
constexpr std::uint32_t kMode = 0444;

Error Wrong(const std::string& path, const std::string& message, const std::string& remedy) {
  return {ErrorCode::kInvalidArgument, path + ": " + message, "rego.bundle", remedy, 0};
}

// Paths of all regular files below `root`, relative and sorted.
Result<std::vector<std::string>> ListFiles(const std::string& root) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator each(root, error), end; !error && each != end;
       each.increment(error)) {
    const fs::file_status status = each->symlink_status(error);
    if (error) {
      break;
    }
    if (fs::is_directory(status)) {
      if (each->path().filename() == ".git") {
        each.disable_recursion_pending();
      }
      continue;
    }
    if (!fs::is_regular_file(status)) {
      return Wrong(each->path().string(), "expected files and directories, got another kind",
                   "put the file itself into the bundle instead of a link");
    }
    names.push_back(each->path().lexically_relative(root).string());
    if (names.size() > kMaxFiles) {
      return Wrong(root, "expected at most " + std::to_string(kMaxFiles) + " files",
                   "name the directory that holds the bundle alone");
    }
  }
  if (error) {
    Error failed = ErrnoError("cannot list the bundle " + root, error.value());
    failed.field = "rego.bundle";
    return failed;
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

Result<Bundle> Bundle::Read(const std::string& path) {
  Bundle bundle;
  bundle.path_ = path;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  std::vector<std::string> names;
  if (fs::is_directory(status)) {
    auto listed = ListFiles(path);
    if (!listed) {
      return std::move(listed).error();
    }
    names = *std::move(listed);
    if (names.empty()) {
      return Wrong(path, "expected a bundle, got an empty directory", "put *.rego files into it");
    }
  } else if (fs::is_regular_file(status) && path.ends_with(".tar.gz")) {
    bundle.is_archive_ = true;
    names = {fs::path(path).filename().string()};
  } else {
    return Wrong(path, "expected a directory or a file *.tar.gz",
                 "name a bundle in `rego.bundle`; docs/policy/rego.md shows one");
  }
  std::size_t total = 0;
  std::string digests;
  for (const std::string& name : names) {
    std::string file = path;
    if (!bundle.is_archive_) {
      file.append("/").append(name);
    }
    auto content = ReadFile(file, kMaxBytes);
    if (!content) {
      Error failed = std::move(content).error();
      failed.field = "rego.bundle";
      return failed;
    }
    total += content->size();
    if (total > kMaxBytes) {
      return Wrong(path, "expected at most 16 MiB in all", "move data out of the bundle");
    }
    digests.append(Sha256Hex(name)).append(Sha256Hex(*content));
    std::string inside = bundle.directory();
    inside.append("/").append(bundle.is_archive_ ? bundle.argument() : name);
    bundle.files_.push_back({std::move(inside), *std::move(content), kMode});
  }
  // One archive is the same bundle whatever it is called.
  bundle.sha256_ = Sha256Hex(bundle.is_archive_ ? digests.substr(digests.size() / 2) : digests);
  return bundle;
}

}  // namespace casemate::policies
