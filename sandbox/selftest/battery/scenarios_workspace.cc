// Paths that lead out of a workspace, and what a sandbox may use up of its host user's own.
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/selftest/battery/appearance.h"
#include "sandbox/selftest/battery/scenarios.h"

namespace casemate::escape {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Removed again, so that the next test finds the workspace as it was.
class Planted {
 public:
  explicit Planted(std::string path) : path_(std::move(path)) {}
  ~Planted() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Planted(const Planted&) = delete;
  Planted& operator=(const Planted&) = delete;

 private:
  std::string path_;
};

// 45, 48: a file handed in lands in the workspace or nowhere, whatever lies there already.
void FilesStayInside(Battery& battery) {
  const Host& host = battery.host();
  const std::string workspace = host.workspace();
  const Planted directory_link(workspace + "/out");
  fs::create_directory_symlink(host.directory() + "/home", workspace + "/out");
  const Planted fifo(workspace + "/fifo");
  REQUIRE(mkfifo((workspace + "/fifo").c_str(), 0666) == 0);
  struct Case {
    const char* path;
    const char* reason;  // a part of the message
  };
  const Case cases[] = {{"link", "symbolic links"}, {"out/new", "symbolic links"},
                        {"../new", "stays below"},  {"a/../../new", "stays below"},
                        {"/etc/new", "relative"},   {"/workspace/new", "relative"},
                        {"fifo", "No such device"}, {"notes/new", "Not a directory"}};
  for (const Case& one : cases) {
    const Finished finished =
        battery.Casemate({"run", "--json", "--workspace", workspace, "--file",
                          host.directory() + "/bin/casemate_attack=" + one.path, "--", "true"});
    INFO(one.path << ": " << finished.out << finished.err);
    CHECK_FALSE(finished.hung);
    const json result = json::parse(finished.out, nullptr, false);
    REQUIRE(result.is_object());
    CHECK(result.value("status", "") != "exited");
    CHECK(result["error"].value("message", "").find(one.reason) != std::string::npos);
  }
  CHECK(ReadText(host.directory() + "/marker") == "a secret of the host\n");
  CHECK_FALSE(fs::exists(host.directory() + "/home/new"));
  CHECK_FALSE(fs::exists(host.directory() + "/roots/new"));
}

// 45, 46: a workspace that only seems to lie below a root.
void WorkspaceMustBeInside(Battery& battery) {
  const Host& host = battery.host();
  const Planted link(host.directory() + "/roots/outside");
  fs::create_directory_symlink(host.directory() + "/home", host.directory() + "/roots/outside");
  for (const std::string& path :
       {std::string("/"), std::string("/etc"), std::string("/proc/self/root"), host.directory(),
        host.directory() + "/roots/outside", host.directory() + "/roots/../home",
        host.directory() + "/roots-sibling"}) {
    fs::create_directories(host.directory() + "/roots-sibling");
    const Finished finished =
        battery.Casemate({"run", "--json", "--workspace", path, "--", "true"});
    INFO(path << ": " << finished.out << finished.err);
    const json result = json::parse(finished.out, nullptr, false);
    REQUIRE(result.is_object());
    CHECK(result["error"].value("kind", "") == "refused");
    CHECK(result.value("status", "") != "exited");
  }
}

bool HostHasInotify() {
  const UniqueFd fd(inotify_init1(IN_CLOEXEC));
  return fd.valid();
}

// 14: counters of the kernel that belong to the user must not run out on the host.
void HostKeepsInotify(Battery& battery) {
  const Host& host = battery.host();
  json held;
  {
    const Appearance ready(host.workspace() + "/ready");
    const Row row = {.name = {}, .attack = {"hold_inotify", "ready"}, .expect = {}};
    Process holder(battery.Confined(row));
    REQUIRE(ready.Await());
    CHECK(HostHasInotify());
    holder.Signal(SIGTERM);
    held = json::parse(holder.Wait().out, nullptr, false);
    REQUIRE(held.is_object());
  }
  battery.CheckInvariants(held);
}

void HostKeepsInotifyControl(Battery& battery) {
  if (battery.host().root()) {
    battery.CountSkipped();
    std::cout << "SKIPPED CONTROL hold_inotify: it would starve root's own services" << std::endl;
    return;
  }
  const Host& host = battery.host();
  const Appearance ready(host.workspace() + "/ready");
  Process holder(battery.Unconfined({"hold_inotify", "ready"}));
  REQUIRE(ready.Await());
  CHECK_FALSE(HostHasInotify());
  holder.Signal(SIGKILL);
  holder.Wait();
  battery.CountShown();
}

}  // namespace

std::vector<Scenario> WorkspaceScenarios() {
  return {{"45 files handed in stay inside", FilesStayInside},
          {"46 a workspace outside the roots is refused", WorkspaceMustBeInside},
          {"14 the host keeps its inotify instances", HostKeepsInotify},
          {"14 the host keeps its inotify instances, control", HostKeepsInotifyControl}};
}

}  // namespace casemate::escape
