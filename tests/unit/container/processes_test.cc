#include "sandbox/container/services/processes.h"

#include <catch2/catch.hpp>

#include "base/text.h"
#include "sandbox/container/services/proc_entry.h"
#include "tests/unit/container/fake_proc.h"

namespace casemate::container::test {
namespace {

ContainerDetails Container(int pid) {
  ContainerDetails details;
  details.pid = pid;
  details.summary.id = kId;
  details.summary.state = "running";
  return details;
}

std::vector<int> PidsOf(const FakeProc& proc, const ContainerDetails& details) {
  const auto table = ProcessTable::Scan(proc.path());
  REQUIRE(table);
  const auto processes = table->Of(details);
  std::vector<int> pids;
  if (processes) {
    for (const Process& process : *processes) {
      pids.push_back(process.pid);
    }
  }
  return pids;
}

TEST_CASE("A process is told with what the kernel knows of it", "[processes]") {
  const FakeProc proc;
  proc.Add({.pid = 50,
            .name = "redis-server",
            .arguments = {"redis-server *:6379"},
            .uid = 999,
            .inner_pid = 1});
  const auto table = ProcessTable::Scan(proc.path());
  REQUIRE(table);
  const auto processes = table->Of(Container(50));
  REQUIRE(processes);
  REQUIRE(processes->size() == 1);
  const Process& process = processes->front();
  CHECK(process.name == "redis-server");
  CHECK(process.arguments == std::vector<std::string>{"redis-server *:6379"});
  CHECK(process.uid == 999);
  CHECK(process.parent == 1);
  CHECK(process.inner_pid == 1);
  CHECK(process.state == 'S');
  CHECK_FALSE(process.zombie());
  CHECK(process.rss_bytes == 256 * sysconf(_SC_PAGESIZE));
  CHECK(process.cpu_ms == 200 * 1000 / sysconf(_SC_CLK_TCK));
  CHECK(process.started_ms == kBootSeconds * 1000 + 1000 * 1000 / sysconf(_SC_CLK_TCK));
}

TEST_CASE("The control group tells who belongs to a container", "[processes]") {
  const FakeProc proc;
  const std::string group = "/system.slice/docker-" + std::string(kId) + ".scope";
  proc.Add({.pid = 1, .parent = 0, .cgroup = "/init.scope"});
  proc.Add({.pid = 50, .cgroup = group});
  proc.Add({.pid = 40, .cgroup = group});  // by exec: of another parent
  proc.Add({.pid = 51, .parent = 50, .cgroup = group + "/nested"});
  proc.Add({.pid = 52, .parent = 40, .state = 'Z', .cgroup = "/"});  // version 1 says so of zombies
  proc.Add({.pid = 60, .cgroup = group + "x"});
  proc.Add({.pid = 61, .cgroup = "/docker/" + std::string(64, 'f')});
  CHECK(PidsOf(proc, Container(50)) == std::vector{50, 40, 51, 52});
}

TEST_CASE("The PID namespace tells where no control group does", "[processes]") {
  const FakeProc proc;
  proc.Link("self/ns/pid", "pid:[1]");
  const auto add = [&](int pid, int parent, const std::string& space) {
    proc.Add({.pid = pid, .parent = parent, .cgroup = "/", .pid_namespace = space});
  };
  add(1, 0, "pid:[1]");
  add(50, 1, "pid:[2]");
  add(51, 1, "pid:[2]");   // by exec
  add(52, 50, "pid:[3]");  // in a namespace that it made
  add(60, 1, "pid:[4]");
  ContainerDetails details = Container(50);
  details.started_ms = kBootSeconds * 1000 + 10'500;
  CHECK(PidsOf(proc, details) == std::vector{50, 51, 52});

  // The namespace of the host tells nothing: only what it started is its own.
  details.pid = 1;
  CHECK(PidsOf(proc, details) == std::vector{1, 50, 51, 52, 60});
  details.pid = 60;
  CHECK(PidsOf(proc, details) == std::vector{60});
}

TEST_CASE("A number of another machine's process is not believed", "[processes]") {
  const FakeProc proc;
  proc.Add({.pid = 50, .cgroup = "/user.slice"});
  ContainerDetails details = Container(50);
  const auto table = ProcessTable::Scan(proc.path());
  REQUIRE(table);
  details.started_ms = 0;
  CHECK_FALSE(table->Sees(details));
  details.started_ms = kBootSeconds * 1000 + 60'000;  // another time
  CHECK_FALSE(table->Sees(details));
  const auto processes = table->Of(details);
  REQUIRE_FALSE(processes);
  CHECK(processes.error().code == ErrorCode::kUnavailable);
  CHECK_FALSE(processes.error().remedy.empty());
  details.started_ms = kBootSeconds * 1000 + 10'000;
  CHECK(table->Sees(details));
  details.pid = 51;
  CHECK_FALSE(table->Sees(details));
  details.pid = 0;
  CHECK_FALSE(table->Sees(details));
}

TEST_CASE("What ended since the table was read is not told", "[processes]") {
  const FakeProc proc;
  proc.Add({.pid = 50});
  proc.Add({.pid = 51, .parent = 50});
  proc.Add({.pid = 52, .parent = 50});
  const auto table = ProcessTable::Scan(proc.path());
  REQUIRE(table);
  std::filesystem::remove_all(proc.path() + "/51");
  proc.Add({.pid = 52, .parent = 1, .start_ticks = 2000});  // a new process of the same number
  const auto processes = table->Of(Container(50));
  REQUIRE(processes);
  CHECK(processes->size() == 1);
}

TEST_CASE("Names and arguments of strangers are bounded and visible", "[processes]") {
  const FakeProc proc;
  proc.Add({.pid = 50,
            .name = "a) R 1 \x1b[31m\n(b",
            .arguments = {"/bin/x", "\x1b]0;title\x07", "\xff\xfe", std::string(100'000, 'y')}});
  proc.Write("50/cmdline",
             std::string("/bin/x\0\x1b]0;t\x07\0\xff\0", 16) + std::string(100'000, 'y'));
  const auto table = ProcessTable::Scan(proc.path());
  REQUIRE(table);
  const auto processes = table->Of(Container(50));
  REQUIRE(processes);
  const Process& process = processes->front();
  CHECK(process.state == 'S');
  CHECK(process.name == "a) R 1 \\x1b[31m\\x0a(b");
  CHECK(process.arguments.at(1) == "\\x1b]0;t\\x07");
  std::size_t bytes = 0;
  for (const std::string& argument : process.arguments) {
    CHECK(IsValidUtf8(argument));
    bytes += argument.size();
  }
  CHECK(bytes < 2 * kMaxArguments);
}

TEST_CASE("Files of /proc that are cut or senseless are no process", "[processes]") {
  const FakeProc proc;
  proc.Add({.pid = 50});
  for (const auto& [pid, text] :
       std::vector<std::pair<int, std::string>>{{51, ""},
                                                {52, "52 (app"},
                                                {53, "53 (app) S 1 1"},
                                                {54, ")("},
                                                {55, std::string(100'000, '(')},
                                                {56, "56 (app) SS" + std::string(60, ' ')},
                                                {57, "57 (app) S -1 " + std::string(100, '1')}}) {
    proc.Write(std::to_string(pid) + "/stat", text);
  }
  proc.Write("58", "a file");
  proc.Write("99999999999999999999/stat", "x");
  proc.Write("50/status", "");
  proc.Write("50/cgroup",
             "0::/docker/" + std::string(kId) + "\n:::\n\n" + std::string(50'000, ':'));
  CHECK(PidsOf(proc, Container(50)) == std::vector{50});
}

TEST_CASE("A tree without processes is an error", "[processes]") {
  const FakeProc proc;
  const auto table = ProcessTable::Scan(proc.path());
  REQUIRE_FALSE(table);
  CHECK(table.error().code == ErrorCode::kUnavailable);
  CHECK_FALSE(ProcessTable::Scan(proc.path() + "/none"));
}

TEST_CASE("Parents that form a ring end", "[processes]") {
  const FakeProc proc;
  proc.Add({.pid = 50, .parent = 51});
  proc.Add({.pid = 51, .parent = 50, .cgroup = "/"});
  CHECK(PidsOf(proc, Container(50)) == std::vector{50, 51});
}

TEST_CASE("The engine's top fills in", "[processes]") {
  const std::vector<std::string> titles = {"UID",   "PID", "PPID", "C",
                                           "STIME", "TTY", "TIME", "CMD"};
  const std::vector<std::vector<std::string>> rows = {
      {"root", "100", "90", "0", "10:00", "?", "0", "/usr/sbin/nginx -g daemon off;"},
      {"root", "x", "90", "0", "10:00", "?", "0", "bad"},
      {"root"},
      {},
      {"root", "101", "100", "0", "10:00", "?", "0", "nginx: worker\x1b[2J"}};
  const std::vector<Process> processes = ProcessesFromTop(titles, rows);
  REQUIRE(processes.size() == 2);
  CHECK(processes[0].pid == 100);
  CHECK(processes[0].parent == 90);
  CHECK(processes[0].name == "nginx");
  CHECK(processes[0].arguments.size() == 4);
  CHECK(processes[1].arguments.at(1) == "worker\\x1b[2J");
  CHECK(ProcessesFromTop({}, rows).empty());
}

TEST_CASE("Cut text ends with a whole character", "[processes]") {
  CHECK(Shown("aéé", 4) == "aé…");
  CHECK(Shown("aé", 3) == "aé");
  CHECK(Shown("\xa9\xa9\xa9\xa9", 2) == "…");
}

}  // namespace
}  // namespace casemate::container::test
