// A real process in namespaces of its own, found from outside: by root, and by a user without
// rights.
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "sandbox/container/services/cgroup_usage.h"
#include "sandbox/container/services/find_services.h"
#include "sandbox/container/services/proc_entry.h"

namespace casemate::container::test {
namespace {

constexpr uid_t kNobody = 65533;

// Listens on TCP over both protocols, UDP and a unix socket, leaves one child uncollected, tells
// its port, and ends when its stdin does.
constexpr const char* kProgram = R"python(
import os, socket, sys
tcp = socket.socket(); tcp.bind(("0.0.0.0", 0)); tcp.listen()
name = socket.socket(socket.AF_UNIX); name.bind("\0casemate-live"); name.listen()
try:
    six = socket.socket(socket.AF_INET6); six.bind(("::", 0)); six.listen()
except OSError:
    six = None
child = os.fork()
if child == 0:
    os._exit(0)
os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
print(tcp.getsockname()[1], six.getsockname()[1] if six else 0, flush=True)
sys.stdin.read()
)python";

// The started program; killed and collected at the end.
class Listening {
 public:
  Listening() {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
      return;
    }
    const UniqueFd child_in(in[0]);
    const UniqueFd child_out(out[1]);
    stdin_.Reset(in[1]);
    stdout_.Reset(out[0]);
    const unsigned long space = geteuid() == 0 ? 0 : CLONE_NEWUSER;
    pid_ = static_cast<pid_t>(
        syscall(SYS_clone, space | CLONE_NEWNET | CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0));
    if (pid_ == 0) {
      dup2(child_in.get(), STDIN_FILENO);
      dup2(child_out.get(), STDOUT_FILENO);
      execlp("python3", "python3", "-c", kProgram, nullptr);
      _exit(127);
    }
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  // False: no namespaces, or no python.
  bool Ready() {
    std::string line;
    for (char c = 0; pid_ > 0 && c != '\n'; line += c) {
      if (read(stdout_.get(), &c, 1) != 1) {
        return false;
      }
    }
    return sscanf(line.c_str(), "%d %d", &port_, &port_v6_) == 2;
  }

  [[nodiscard]] ContainerDetails Details() const {
    ContainerDetails details;
    details.pid = pid_;
    details.summary.id = std::string(64, 'e');
    details.summary.state = "running";
    details.started_ms = WallClockMs();
    details.network_mode = "bridge";
    return details;
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] int port_v6() const { return port_v6_; }

 private:
  UniqueFd stdin_;
  UniqueFd stdout_;
  pid_t pid_ = -1;
  int port_ = 0;
  int port_v6_ = 0;
};

const SignatureTable& Table() {
  static const SignatureTable kTable = *SignatureTable::WithBuiltIn();
  return kTable;
}

std::optional<ServiceReport> Look(const ContainerDetails& details) {
  const auto processes = ProcessTable::Scan("/proc");
  return processes ? std::optional(FindServices(details, *processes, Table())) : std::nullopt;
}

// What a look tells, in a line: to compare across processes.
std::string Told(const std::optional<ServiceReport>& report) {
  std::string told;
  if (report) {
    for (const Service& service : report->services) {
      told += service.kind + "(" + std::to_string(service.inner_pid) + ")";
      for (const ServicePort& port : service.ports) {
        told += " " + std::to_string(port.port);
      }
    }
    told += " zombies " + std::to_string(report->zombies);
  }
  return told;
}

std::string Expected(const Listening& listening) {
  std::vector<int> ports = {listening.port()};
  if (listening.port_v6() != 0 && listening.port_v6() != listening.port()) {
    ports.push_back(listening.port_v6());
  }
  std::ranges::sort(ports);
  std::string told = "python(1)";
  for (const int port : ports) {
    told += " " + std::to_string(port);
  }
  return told + " zombies 1";
}

TEST_CASE("A real process in its own namespaces is found from outside", "[live]") {
  Listening listening;
  if (!listening.Ready()) {
    WARN("SKIPPED: no namespaces can be made here, or python3 is not installed");
    return;
  }
  const auto report = Look(listening.Details());
  REQUIRE(report);
  CHECK(Told(report) == Expected(listening));
  // Of a process in another user namespace only root may see the descriptors on every kernel.
  CHECK(report->blind_spots.size() <= (geteuid() == 0 ? 0 : 1));
  REQUIRE(report->services.size() == 1);
  CHECK(report->services[0].pid == listening.pid());
  if (report->blind_spots.empty()) {
    CHECK(report->services[0].unix_sockets == std::vector<std::string>{"@casemate-live"});
  }
  CHECK(report->processes.size() == 2);
  CHECK(report->processes[0].rss_bytes > 0);
  CHECK(std::abs(report->processes[0].started_ms - WallClockMs()) < 60'000);

  ContainerDetails stranger = listening.Details();
  stranger.started_ms -= 3'600'000;
  CHECK(Look(stranger)->services.empty());
}

TEST_CASE("A user without rights sees the same but whose sockets they are", "[live]") {
  Listening listening;
  if (geteuid() != 0 || !listening.Ready()) {
    WARN("SKIPPED: needs root, namespaces and python3");
    return;
  }
  std::array<int, 2> out{};
  REQUIRE(pipe2(out.data(), O_CLOEXEC) == 0);
  const ContainerDetails details = listening.Details();
  const pid_t child = fork();
  if (child == 0) {
    std::string told = "cannot become another user";
    if (setresgid(kNobody, kNobody, kNobody) == 0 && setresuid(kNobody, kNobody, kNobody) == 0) {
      const auto report = Look(details);
      told = Told(report) + (report && report->blind_spots.size() == 1 ? " one blind spot" : "");
    }
    _exit(write(out[1], told.data(), told.size()) == static_cast<ssize_t>(told.size()) ? 0 : 1);
  }
  const UniqueFd from(out[0]);
  close(out[1]);
  std::array<char, 512> told{};
  const ssize_t length = read(from.get(), told.data(), told.size());
  waitpid(child, nullptr, 0);
  REQUIRE(length > 0);
  CHECK(std::string(told.data(), static_cast<std::size_t>(length)) ==
        Expected(listening) + " one blind spot");
}

// Control groups of a name like a container's, below our own; removed at the end.
class Groups {
 public:
  explicit Groups(const std::string& id) {
    const std::string own = ReadStart("/proc/self/cgroup", 65536).value_or("");
    const std::string mounts = ReadStart("/proc/self/mountinfo", 1 << 20).value_or("");
    std::string_view rest = mounts;
    while (!rest.empty()) {
      const auto fields = Fields(TakeUntil(rest, '\n'));
      const auto dash = std::ranges::find(fields, std::string_view("-"));
      if (fields.end() - dash < 4 || !dash[1].starts_with("cgroup") || fields[3] != "/") {
        continue;
      }
      for (const CgroupLine& line : ParseCgroups(own)) {
        const bool v2 = dash[1] == "cgroup2" && line.hierarchy == "0";
        const bool v1 = !line.controllers.empty() && dash[3].find(line.controllers) != dash[3].npos;
        const std::string group = std::string(fields[4]) +
                                  std::string(line.path == "/" ? "" : line.path) + "/casemate-" +
                                  id;
        std::error_code problem;
        if ((v2 || v1) && std::filesystem::create_directory(group, problem)) {
          groups_.push_back(group);
        }
      }
    }
  }
  Groups(const Groups&) = delete;
  Groups& operator=(const Groups&) = delete;
  ~Groups() {
    for (const std::string& group : groups_) {
      rmdir(group.c_str());
    }
  }

  void Enter(pid_t pid) const {
    for (const std::string& group : groups_) {
      std::ofstream(group + "/cgroup.procs") << pid;
    }
  }

 private:
  std::vector<std::string> groups_;
};

TEST_CASE("Use of a real process is read from its control groups", "[live]") {
  std::string id = std::to_string(getpid()) + std::to_string(MonotonicNs());
  id.resize(64, 'c');
  const Groups groups(id);
  Listening listening;  // ends before its groups are removed
  if (!listening.Ready()) {
    WARN("SKIPPED: no namespaces can be made here, or python3 is not installed");
    return;
  }
  groups.Enter(listening.pid());
  ContainerDetails details = listening.Details();
  details.summary.id = id;
  details.started_ms = 0;  // only the control group can tell
  const auto processes = ProcessTable::Scan("/proc");
  REQUIRE(processes);
  const auto usage = CgroupUsage::Open("/proc").Read(details);
  if (!processes->Sees(details) || !usage) {
    WARN("SKIPPED: no control group that counts can be made here");
    return;
  }
  CHECK(processes->Of(details)->size() >= 1);
  CHECK(usage->memory_limit == 0);
  CHECK(usage->pids >= 1);
  CHECK(usage->network_received == 0);  // a new namespace: nothing but a loopback that is down
  const auto again = CgroupUsage::Open("/proc").Read(details);
  REQUIRE(again);
  CHECK(again->cpu_ns >= usage->cpu_ns);
}

}  // namespace
}  // namespace casemate::container::test
