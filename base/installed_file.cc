#include "base/installed_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace casemate {
namespace {

namespace fs = std::filesystem;

// Whoever may write to it decides what runs, as this user. Who owns the program decides that
// anyhow.
Result<void> CheckNobodyElseWrites(const fs::path& path) {
  struct stat about{};
  struct stat program{};
  if (stat(path.c_str(), &about) != 0) {
    return ErrnoError(path.string(), errno);
  }
  if (stat("/proc/self/exe", &program) != 0) {
    return ErrnoError("cannot read /proc/self/exe", errno);
  }
  const bool owned =
      about.st_uid == 0 || about.st_uid == geteuid() || about.st_uid == program.st_uid;
  if (!owned || (about.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Error{ErrorCode::kPermissionDenied,
                 path.string() + ": expected that only root or this user may write to it, got " +
                     (owned ? "a mode that lets others" : "another owner"),
                 {},
                 owned ? "chmod go-w " + path.string() : "install Casemate anew",
                 0};
  }
  return {};
}

}  // namespace

Result<std::string> FindInstalled(std::string_view name, std::string_view what) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    return ErrnoError("cannot read /proc/self/exe", error.value());
  }
  const fs::path beside = self.parent_path();
  const fs::path installed = (beside / CASEMATE_LIBEXEC / name).lexically_normal();
  for (const fs::path& path : {installed, beside / "libexec/casemate" / name}) {
    const fs::path real = fs::canonical(path, error);
    if (error) {
      continue;
    }
    for (const fs::path& part : {real, real.parent_path()}) {
      if (auto checked = CheckNobodyElseWrites(part); !checked) {
        return std::move(checked).error();
      }
    }
    return real.string();
  }
  return Error{ErrorCode::kNotFound,
               "expected " + std::string(what) + " in " + installed.string() + ", got no such file",
               {},
               "from the sources: `./dev build`, then `cmake --install build/release --prefix DIR` "
               "or the build/release/casemate that this made",
               0};
}

}  // namespace casemate
