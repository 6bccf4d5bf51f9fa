// Paths that lead out of a workspace, and what a sandbox may use up of its host user's own.
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "base/text.h"
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

// Removed again, so that the next trial finds the workspace as it was.
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

// The call is made, and must not run; what it says instead.
json Refused(const Battery& battery, const std::vector<std::string>& arguments, Trial& trial) {
  json result = ResultIn(battery.Casemate(arguments), trial);
  trial.Check(result.value("status", "") != "exited", Grade::kGotThrough,
              "it ran: casemate " + Join(arguments, " "));
  return result;
}

// 45, 48: a file handed in lands in the workspace or nowhere, whatever lies there already.
void FilesStayInside(Battery& battery, Trial& trial) {
  const Host& host = battery.host();
  const std::string workspace = host.workspace();
  const Planted directory_link(workspace + "/out");
  fs::create_directory_symlink(host.directory() + "/home", workspace + "/out");
  const Planted fifo(workspace + "/fifo");
  trial.Require(mkfifo((workspace + "/fifo").c_str(), 0666) == 0, Grade::kInDoubt,
                "cannot make a fifo");
  struct Case {
    const char* path;
    const char* reason;  // a part of the message
  };
  const Case cases[] = {{"link", "symbolic links"}, {"out/new", "symbolic links"},
                        {"../new", "stays below"},  {"a/../../new", "stays below"},
                        {"/etc/new", "relative"},   {"/workspace/new", "relative"},
                        {"fifo", "No such device"}, {"notes/new", "Not a directory"}};
  for (const Case& one : cases) {
    const json result = Refused(battery,
                                {"run", "--json", "--workspace", workspace, "--file",
                                 host.probe() + "=" + one.path, "--", "true"},
                                trial);
    const std::string message = ErrorIn(result, "message");
    trial.Check(message.find(one.reason) != std::string::npos, Grade::kInDoubt,
                std::string("--file …=") + one.path + ": expected a message with `" + one.reason +
                    "`, got `" + message + "`");
  }
  const bool kept = ReadText(host.directory() + "/marker") == "a secret of the host\n" &&
                    !fs::exists(host.directory() + "/home/new") &&
                    !fs::exists(host.directory() + "/roots/new");
  trial.Check(kept, Grade::kGotThrough, "a file was written outside the workspace");
}

// 45, 46: a workspace that only seems to lie below a root.
void WorkspaceMustBeInside(Battery& battery, Trial& trial) {
  const Host& host = battery.host();
  const Planted link(host.directory() + "/roots/outside");
  fs::create_directory_symlink(host.directory() + "/home", host.directory() + "/roots/outside");
  fs::create_directories(host.directory() + "/roots-sibling");
  for (const std::string& path :
       {std::string("/"), std::string("/etc"), std::string("/proc/self/root"), host.directory(),
        host.directory() + "/roots/outside", host.directory() + "/roots/../home",
        host.directory() + "/roots-sibling"}) {
    const json result =
        Refused(battery, {"run", "--json", "--workspace", path, "--", "true"}, trial);
    const std::string kind = ErrorIn(result, "kind");
    trial.Check(kind == "refused", Grade::kInDoubt,
                std::string("--workspace ").append(path).append(": not refused: ").append(kind));
  }
}

bool HostHasInotify() {
  const UniqueFd fd(inotify_init1(IN_CLOEXEC));
  return fd.valid();
}

// 14: counters of the kernel that belong to the user must not run out on the host.
void HostKeepsInotify(Battery& battery, Trial& trial) {
  const Host& host = battery.host();
  json held;
  {
    const Appearance ready(host.workspace() + "/ready");
    const Row row = {.name = {}, .attack = {"hold_inotify", "ready"}, .expect = {}};
    Process holder(battery.Confined(row));
    trial.Require(ready.Await(), Grade::kInDoubt, "the call did not get ready");
    trial.Check(HostHasInotify(), Grade::kGotThrough, "the host has no inotify instance left");
    holder.Signal(SIGTERM);
    held = ResultIn(holder.Wait(), trial);
  }
  battery.CheckInvariants(held, trial);
}

void HostKeepsInotifyControl(Battery& battery, Trial& trial) {
  if (geteuid() != kOrdinaryUid) {
    trial.ControlSkipped("it would starve other programs of this user", "");
    return;
  }
  const Host& host = battery.host();
  const Appearance ready(host.workspace() + "/ready");
  Process holder(battery.Unconfined({"hold_inotify", "ready"}));
  trial.Require(ready.Await(), Grade::kInDoubt, "the control did not get ready");
  trial.Require(!HostHasInotify(), Grade::kInDoubt, "the control did not take all of inotify");
  holder.Signal(SIGKILL);
  holder.Wait();
  trial.ControlShown();
}

void Inotify(Battery& battery, Trial& trial) {
  HostKeepsInotify(battery, trial);
  HostKeepsInotifyControl(battery, trial);
}

}  // namespace

std::vector<Scenario> WorkspaceScenarios() {
  return {{"45 files handed in stay inside", FilesStayInside},
          {"46 a workspace outside the roots is refused", WorkspaceMustBeInside},
          {"14 the host keeps its inotify instances", Inotify}};
}

}  // namespace casemate::escape
