// `casemate selftest`: finds the battery beside this program and executes it. The battery is a
// program of its own, so that the server does not carry it.
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/result.h"
#include "clients/cli/commands.h"

namespace casemate::cli {
namespace {

namespace fs = std::filesystem;

// Whoever may write to it decides what runs, as this user.
Result<void> CheckNobodyElseWrites(const fs::path& path) {
  struct stat about{};
  if (stat(path.c_str(), &about) != 0) {
    return ErrnoError(path.string(), errno);
  }
  const bool owned = about.st_uid == 0 || about.st_uid == geteuid();
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

// Where programs of this build or installation lie that are not for the PATH.
Result<fs::path> FindProgram(const fs::path& self, const char* name) {
  const fs::path beside = self.parent_path();
  const fs::path installed = (beside / CASEMATE_LIBEXEC / name).lexically_normal();
  for (const fs::path& path : {installed, beside / "libexec/casemate" / name}) {
    std::error_code error;
    const fs::path real = fs::canonical(path, error);
    if (error) {
      continue;
    }
    for (const fs::path& part : {real, real.parent_path()}) {
      if (auto checked = CheckNobodyElseWrites(part); !checked) {
        return std::move(checked).error();
      }
    }
    return real;
  }
  return Error{ErrorCode::kNotFound,
               "expected the battery in " + installed.string() + ", got no such file",
               {},
               "from the sources: `./dev build`, then `cmake --install build/release --prefix DIR` "
               "or the build/release/casemate that this made",
               0};
}

int Fail(const Error& error) {
  std::cerr << "casemate: selftest: " << Describe(error) << '\n';
  return kExitUsage;
}

}  // namespace

int SelftestCommand(const SelftestArgs& args) {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    return Fail(ErrnoError("cannot read /proc/self/exe", error.value()));
  }
  auto battery = FindProgram(self, "casemate_escape");
  if (!battery) {
    return Fail(battery.error());
  }
  auto attack = FindProgram(self, "casemate_attack");
  if (!attack) {
    return Fail(attack.error());
  }
  std::vector<const char*> words = {battery->c_str()};
  for (const auto& [given, flag] :
       {std::pair(args.served, "--served"), {args.json, "--json"}, {args.list, "--list"}}) {
    if (given) {
      words.push_back(flag);
    }
  }
  words.insert(words.end(), {"--", args.pattern.c_str(), nullptr});
  // NOLINTBEGIN(concurrency-mt-unsafe): one thread
  if (setenv("CASEMATE_BIN", self.c_str(), 1) != 0 ||
      setenv("CASEMATE_ATTACK_BIN", attack->c_str(), 1) != 0) {
    return Fail(ErrnoError("cannot set the environment", errno));
  }
  // NOLINTEND(concurrency-mt-unsafe)
  execv(battery->c_str(), const_cast<char**>(words.data()));
  return Fail(ErrnoError("cannot execute " + battery->string(), errno));
}

}  // namespace casemate::cli
