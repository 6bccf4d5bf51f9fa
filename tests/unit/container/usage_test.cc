#include <catch2/catch.hpp>

#include "sandbox/container/services/cgroup_usage.h"
#include "sandbox/container/services/usage_rates.h"
#include "tests/unit/container/fake_proc.h"

namespace casemate::container::test {
namespace {

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

ContainerDetails Container() {
  ContainerDetails details;
  details.pid = 50;
  details.summary.id = kId;
  details.network_mode = "bridge";
  return details;
}

const std::string kNetDev =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
    "    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n"
    "  eth0: 1000 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\n"
    "eth1:a: 5 1 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n";

TEST_CASE("Use is read from control groups of version 2", "[usage]") {
  const FakeProc proc;
  const std::string path = "/system.slice/docker-" + std::string(kId) + ".scope";
  proc.Add({.pid = 50, .cgroup = path + "/container"});
  proc.Write("50/net/dev", kNetDev);
  proc.Write("self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  const std::string at = "sys/fs/cgroup" + path + "/";
  proc.Write(at + "cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
  proc.Write(at + "memory.current", std::to_string(100 * kMiB) + "\n");
  proc.Write(at + "memory.stat", "anon 5\ninactive_file " + std::to_string(30 * kMiB) + "\n");
  proc.Write(at + "memory.max", "max\n");
  proc.Write(at + "pids.current", "7\n");
  proc.Write(at + "io.stat", "8:0 rbytes=100 wbytes=200 rios=1\n8:16 rbytes=1 wbytes=x\nbad\n");
  const auto usage = CgroupUsage::Open(proc.path(), proc.path()).Read(Container());
  REQUIRE(usage);
  CHECK(usage->cpu_ns == 1'500'000);
  CHECK(usage->memory_bytes == 70 * kMiB);
  CHECK(usage->cache_bytes == 30 * kMiB);
  CHECK(usage->memory_limit == 0);
  CHECK(usage->pids == 7);
  CHECK(usage->disk_read == 101);
  CHECK(usage->disk_written == 200);
  CHECK(usage->network_received == 1005);
  CHECK(usage->network_sent == 207);
  CHECK(usage->read_ms > 0);

  ContainerDetails host = Container();
  host.network_mode = "host";
  CHECK(CgroupUsage::Open(proc.path(), proc.path()).Read(host)->network_received == 0);

  // Not counted: the engine must be asked, nothing is told as 0.
  std::filesystem::remove(proc.path() + "/" + at + "memory.current");
  CHECK_FALSE(CgroupUsage::Open(proc.path(), proc.path()).Read(Container()));
}

TEST_CASE("Use is read from control groups of version 1", "[usage]") {
  const FakeProc proc;
  const std::string path = "/docker/" + std::string(kId);
  proc.Add({.pid = 50});
  proc.Write("50/cgroup", "5:cpu,cpuacct:" + path + "\n4:memory:" + path + "\n3:pids:" + path +
                              "\n2:blkio:" + path + "\n0::/\n");
  proc.Write("self/mountinfo",
             "31 30 0:27 / /cg/cpu\\040acct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
             "32 30 0:28 /docker /cg/memory rw - cgroup cgroup rw,memory\n"
             "33 30 0:29 / /cg/pids rw - cgroup cgroup rw,pids\n"
             "34 30 0:30 / /cg/blkio rw - cgroup cgroup rw,blkio\n"
             "35 30 0:31 / /cg/unified rw - cgroup2 cgroup2 rw\n"
             "cut line - \n");
  proc.Write("cg/cpu acct" + path + "/cpuacct.usage", "123456\n");
  const std::string memory = "cg/memory/" + std::string(kId) + "/";  // the mount's root is /docker
  proc.Write(memory + "memory.usage_in_bytes", "5000\n");
  proc.Write(memory + "memory.stat", "inactive_file 1\ntotal_inactive_file 6000\n");
  proc.Write(memory + "memory.limit_in_bytes", "9223372036854771712\n");
  proc.Write("cg/pids" + path + "/pids.current", "3\n");
  proc.Write("cg/blkio" + path + "/blkio.throttle.io_service_bytes",
             "8:0 Read 10\n8:0 Write 20\n8:0 Total 30\n8:16 Read 18446744073709551615\n"
             "8:32 Read 18446744073709551615\nTotal 30\n");
  const auto usage = CgroupUsage::Open(proc.path(), proc.path()).Read(Container());
  REQUIRE(usage);
  CHECK(usage->cpu_ns == 123456);
  CHECK(usage->memory_bytes == 0);  // more cache than use: the two were read one after the other
  CHECK(usage->cache_bytes == 5000);
  CHECK(usage->memory_limit == 0);
  CHECK(usage->pids == 3);
  CHECK(usage->disk_read == INT64_MAX);
  CHECK(usage->disk_written == 20);

  proc.Write(memory + "memory.limit_in_bytes", "4096\n");
  CHECK(CgroupUsage::Open(proc.path(), proc.path()).Read(Container())->memory_limit == 4096);
}

TEST_CASE("Use of a group that is not the container's own is not told", "[usage]") {
  const FakeProc proc;
  proc.Write("self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
  const auto usage_of = [&](const std::string& group) {
    proc.Add({.pid = 50, .cgroup = group});
    const std::string at = "cg" + group + "/";
    proc.Write(at + "cpu.stat", "usage_usec 1\n");
    proc.Write(at + "memory.current", "1\n");
    proc.Write(at + "memory.stat", "inactive_file 0\n");
    return CgroupUsage::Open(proc.path(), proc.path()).Read(Container());
  };
  CHECK(usage_of("/docker/" + std::string(kId)));
  CHECK_FALSE(usage_of("/"));
  CHECK_FALSE(usage_of("/user.slice"));
  CHECK_FALSE(usage_of("/../" + std::string(kId)));
  ContainerDetails stopped = Container();
  stopped.pid = 0;
  CHECK_FALSE(CgroupUsage::Open(proc.path(), proc.path()).Read(stopped));
  ContainerDetails unnamed = Container();
  proc.Add({.pid = 50, .cgroup = "/user.slice"});
  for (const char* id :
       {"", "u", "user.slice"}) {  // what is shorter than an id is part of any path
    unnamed.summary.id = id;
    CHECK_FALSE(CgroupUsage::Open(proc.path(), proc.path()).Read(unnamed));
  }
}

TEST_CASE("Counters of interfaces that make no sense count as nothing", "[usage]") {
  for (const std::string_view text :
       {"", "a\nb\n", "a\nb\neth0:\n", "a\nb\neth0: 1 2 3\n", "a\nb\n: 1 2 3 4 5 6 7 8 9\n"}) {
    CHECK(ParseNetDev(text).received == 0);
  }
  CHECK(ParseNetDev("a\nb\neth0: -1 2 3 4 5 6 7 8 x\neth1: 99999999999999999999 0 0 0 0 0 0 0 4\n")
            .sent == 4);
}

Usage Reading(std::int64_t ms, std::int64_t cpu_ns, std::int64_t bytes) {
  Usage usage;
  usage.read_ms = ms;
  usage.cpu_ns = cpu_ns;
  usage.network_received = bytes;
  usage.network_sent = 2 * bytes;
  usage.disk_read = 3 * bytes;
  usage.disk_written = 4 * bytes;
  return usage;
}

TEST_CASE("Rates are what changed over the time between", "[usage]") {
  const auto rates = RatesBetween(Reading(1000, 0, 0), Reading(1500, 750'000'000, 1000));
  REQUIRE(rates);
  CHECK(rates->interval_ms == 500);
  CHECK(rates->cpu_percent == Approx(150));
  CHECK(rates->network_received == Approx(2000));
  CHECK(rates->network_sent == Approx(4000));
  CHECK(rates->disk_read == Approx(6000));
  CHECK(rates->disk_written == Approx(8000));
}

TEST_CASE("Readings that tell nothing have no rates", "[usage]") {
  CHECK_FALSE(RatesBetween(Reading(1000, 0, 0), Reading(1000, 1, 1)));
  CHECK_FALSE(RatesBetween(Reading(1000, 0, 0), Reading(1019, 1, 1)));
  CHECK(RatesBetween(Reading(1000, 0, 0), Reading(1020, 1, 1)));
  CHECK_FALSE(RatesBetween(Reading(2000, 0, 0), Reading(1000, 1, 1)));  // the clock was set back
  CHECK_FALSE(RatesBetween(Reading(1000, 9, 9), Reading(2000, 1, 9)));  // started anew
  CHECK_FALSE(RatesBetween(Reading(1000, 1, 9), Reading(2000, 9, 1)));
  CHECK_FALSE(RatesBetween(Reading(INT64_MIN, INT64_MIN, 0), Reading(INT64_MAX, INT64_MAX, 0)));
}

TEST_CASE("One reading tells the mean since the start", "[usage]") {
  CHECK(*MeanCpuPercent(Reading(3000, 1'000'000'000, 0), 1000) == Approx(50));
  CHECK_FALSE(MeanCpuPercent(Reading(3000, 1, 0), 0));
  CHECK_FALSE(MeanCpuPercent(Reading(3000, 1, 0), 3000));
}

}  // namespace
}  // namespace casemate::container::test
