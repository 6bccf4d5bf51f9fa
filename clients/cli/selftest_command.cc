// `casemate selftest`: finds the battery beside this program and executes it. The battery is a
// program of its own, so that the server does not carry it.
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "base/installed_file.h"
#include "base/result.h"
#include "clients/cli/commands.h"

namespace casemate::cli {
namespace {

int Fail(const Error& error) {
  std::cerr << "casemate: selftest: " << Describe(error) << '\n';
  return kExitUsage;
}

}  // namespace

int SelftestCommand(const SelftestArgs& args) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) {
    return Fail(ErrnoError("cannot read /proc/self/exe", error.value()));
  }
  auto battery = FindInstalled("casemate_escape", "the battery");
  if (!battery) {
    return Fail(battery.error());
  }
  auto attack = FindInstalled("casemate_attack", "the battery's attacks");
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
  return Fail(ErrnoError("cannot execute " + *battery, errno));
}

}  // namespace casemate::cli
