#include "tests/bench/other_sandboxes.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <sstream>

#include "tests/bench/child.h"
#include "tests/bench/stats.h"

namespace casemate::bench {
namespace {

using Command = std::vector<std::string>;

constexpr std::size_t kMaxImages = 5;

bool IsInstalled(const std::string& program) {
  std::istringstream path(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  for (std::string directory; std::getline(path, directory, ':');) {
    if (access((directory + "/" + program).c_str(), X_OK) == 0) {
      return true;
    }
  }
  return false;
}

// The first of `commands` that works, or why the first does not.
void Try(OtherSandbox& one, const std::vector<Command>& commands) {
  std::string why;
  for (const Command& command : commands) {
    try {
      RunQuietly(command);
      one.first_ms = TimeMs([&] { RunQuietly(command); });
      one.command = command;
      return;
    } catch (const std::exception& error) {
      why = why.empty() ? error.what() : why;
    }
  }
  one.absent = why.empty() ? "no daemon that answers and has an image" : why;
}

// As recent versions call it, and older ones.
std::vector<Command> Codex() {
  return {{"codex", "sandbox", "--", "/bin/true"},
          {"codex", "sandbox", "linux", "--", "/bin/true"},
          {"codex", "debug", "landlock", "--", "/bin/true"}};
}

std::vector<Command> Srt(const std::string& scratch) {
  const std::string settings = scratch + "/srt.json";
  std::ofstream(settings) << R"({"network":{"allowedDomains":[],"deniedDomains":[]},)"
                          << R"("filesystem":{"denyRead":[],"allowWrite":[],"denyWrite":[]}})";
  return {{"srt", "--settings", settings, "/bin/true"}};
}

std::vector<Command> Firejail() {
  return {{"firejail", "--quiet", "--noprofile", "--net=none", "--caps.drop=all", "--seccomp",
           "--nonewprivs", "--ipc-namespace", "--private", "--private-dev", "--private-tmp",
           "--read-only=/usr", "--rlimit-nproc=128", "/bin/true"}};
}

// Control groups need root, or their own way around it.
std::vector<Command> Runsc() {
  return {{"runsc", "--network=none", "do", "/bin/true"},
          {"runsc", "--network=none", "--ignore-cgroups", "do", "/bin/true"},
          {"runsc", "--rootless", "--network=none", "--ignore-cgroups", "do", "/bin/true"}};
}

// With each of the images that are here: not all have a /bin/true. Without a daemon: none.
std::vector<Command> Docker() {
  std::vector<Command> commands;
  std::FILE* images = popen("exec docker image ls --quiet --no-trunc 2>&1", "re");
  char line[256];
  while (images != nullptr && std::fgets(line, sizeof(line), images) != nullptr) {
    const std::string image(line, std::strcspn(line, "\n"));
    if (image.starts_with("sha256:") && commands.size() < kMaxImages) {
      commands.push_back({"docker", "run", "--rm", "--pull=never", "--network=none", "--read-only",
                          "--cap-drop=ALL", "--security-opt=no-new-privileges", "--user=1000:1000",
                          "--memory=512m", "--memory-swap=512m", "--pids-limit=128", "--cpus=1",
                          "--tmpfs=/tmp:size=64m", "--entrypoint=/bin/true", image});
    }
  }
  if (images != nullptr) {
    pclose(images);
  }
  return commands;
}

}  // namespace

std::vector<OtherSandbox> FindOtherSandboxes(const std::string& scratch) {
  std::vector<OtherSandbox> found;
  const auto add = [&](const std::string& program, const std::string& name, auto commands) {
    OtherSandbox one;
    one.key = program;
    one.name = name;
    if (IsInstalled(program)) {
      Try(one, commands());
    } else {
      one.absent = "not installed";
    }
    found.push_back(one);
  };
  add("codex", "codex sandbox", Codex);
  add("srt", "srt (sandbox-runtime)", [&] { return Srt(scratch); });
  add("firejail", "firejail --net=none --seccomp", Firejail);
  add("runsc", "runsc do (gVisor)", Runsc);
  add("docker", "docker run --rm", Docker);
  found.back().has_cpu = false;
  return found;
}

}  // namespace casemate::bench
