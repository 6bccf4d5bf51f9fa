#include <catch2/catch.hpp>

#include "sandbox/container/services/find_services.h"
#include "tests/unit/container/fake_proc.h"

namespace casemate::container::test {
namespace {

const SignatureTable& Table() {
  static const SignatureTable kTable = *SignatureTable::WithBuiltIn();
  return kTable;
}

Process Running(int pid, int parent, std::vector<std::string> arguments, int uid = 0) {
  Process process;
  process.pid = pid;
  process.parent = parent;
  process.name = arguments.front().substr(arguments.front().rfind('/') + 1);
  process.name = process.name.substr(0, process.name.find(':')).substr(0, 15);
  process.arguments = std::move(arguments);
  process.uid = uid;
  process.state = 'S';
  return process;
}

Listener Tcp(int port, std::vector<int> pids = {}, int uid = 0,
             const std::string& address = "0.0.0.0") {
  return {.protocol = "tcp",
          .address = address,
          .port = port,
          .uid = uid,
          .inode = static_cast<std::uint64_t>(port),
          .pids = std::move(pids)};
}

struct Seen : Observation {
  Seen(std::vector<Process> running, std::vector<Listener> sockets, bool holders) {
    processes = std::move(running);
    listeners.sockets = std::move(sockets);
    listeners_known = true;
    holders_known = holders;
  }
};

// "kind port,port" of each.
std::vector<std::string> Told(const Observation& observation) {
  std::vector<std::string> told;
  for (const Service& service : IdentifyServices(observation, Table())) {
    std::string line = service.kind;
    for (const ServicePort& port : service.ports) {
      line += " " + std::to_string(port.port);
    }
    told.push_back(line);
    CHECK(service.confidence >= 0);
    CHECK(service.confidence < 1);
    CHECK((service.kind != "unknown" || service.confidence == 0));
    CHECK_FALSE(service.evidence.empty());
  }
  return told;
}

using Lines = std::vector<std::string>;

TEST_CASE("Master and workers are one service with its ports", "[identify]") {
  const Seen seen({Running(1, 0, {"nginx: master process nginx"}),
                   Running(2, 1, {"nginx: worker process"}, 101),
                   Running(3, 1, {"nginx: worker process"}, 101)},
                  {Tcp(80, {1, 2, 3}), Tcp(80, {1}, 0, "::"), Tcp(443, {1, 2, 3})}, true);
  const auto services = IdentifyServices(seen, Table());
  REQUIRE(services.size() == 1);
  CHECK(services[0].kind == "nginx");
  CHECK(services[0].pid == 1);
  CHECK(services[0].ports.size() == 2);
  CHECK(services[0].confidence > 0.95);
}

TEST_CASE("Services of one container are told apart", "[identify]") {
  CHECK(Told(Seen({Running(1, 0, {"/usr/bin/supervisord"}), Running(2, 1, {"redis-server *:6379"}),
                   Running(3, 1, {"redis-server *:6380"}), Running(4, 1, {"node", "app.js"}),
                   Running(5, 1, {"/usr/sbin/cron"}), Running(6, 4, {"psql", "-h", "db"})},
                  {Tcp(6379, {2}), Tcp(6380, {3}), Tcp(3000, {4})}, true)) ==
        Lines{"node 3000", "redis 6379", "redis 6380", "cron"});
}

TEST_CASE("A runtime that does not listen is no service, a server is", "[identify]") {
  const Seen seen({Running(1, 0, {"node", "job.js"}), Running(2, 1, {"postgres"})}, {}, true);
  CHECK(Told(seen) == Lines{"postgres"});
  CHECK(IdentifyServices(seen, Table())[0].confidence < 0.7);
}

TEST_CASE("A socket on unix counts as listening", "[identify]") {
  const Seen seen({Running(1, 0, {"python3", "app.py"})},
                  {{.protocol = "unix",
                    .address = "/run/app.sock",
                    .port = 0,
                    .uid = -1,
                    .inode = 5,
                    .pids = {1}}},
                  true);
  const auto services = IdentifyServices(seen, Table());
  REQUIRE(services.size() == 1);
  CHECK(services[0].unix_sockets == Lines{"/run/app.sock"});
  CHECK(services[0].ports.empty());
}

TEST_CASE("An unknown program is named, not guessed", "[identify]") {
  const Seen seen({Running(1, 0, {"/app/server"})}, {Tcp(5432, {1})}, true);
  CHECK(Told(seen) == Lines{"unknown 5432"});
  CHECK(IdentifyServices(seen, Table())[0].name == "server");
}

TEST_CASE("A port alone never tells a kind", "[identify]") {
  CHECK(Told(Seen({}, {Tcp(5432), Tcp(6379), Tcp(12345)}, true)) ==
        Lines{"unknown 5432", "unknown 6379", "unknown 12345"});
  const auto services = IdentifyServices(Seen({}, {Tcp(5432)}, true), Table());
  CHECK_THAT(services[0].evidence[0], Catch::Contains("PostgreSQL"));
  // With the image it is a guess.
  Seen with_image({}, {Tcp(5432), Tcp(80)}, true);
  with_image.image = "postgres:16";
  CHECK(Told(with_image) == Lines{"unknown 80", "postgres 5432"});
  CHECK(IdentifyServices(with_image, Table())[1].confidence == kConfidenceOfImageAndPort);
}

TEST_CASE("Without a view of holders, custom and exclusion give ports to processes", "[identify]") {
  // The only one that could.
  CHECK(Told(Seen({Running(1, 0, {"/sbin/tini"}), Running(2, 1, {"node", "app.js"})}, {Tcp(4711)},
                  false)) == Lines{"node 4711"});
  // Customary for one of two.
  CHECK(Told(Seen({Running(1, 0, {"postgres"}, 70), Running(2, 0, {"/app/x"}, 70)},
                  {Tcp(5432, {}, 70)}, false)) == Lines{"postgres 5432"});
  // By its user.
  CHECK(Told(Seen({Running(1, 0, {"/app/x"}, 10), Running(2, 0, {"/app/y"}, 11)},
                  {Tcp(4711, {}, 11)}, false)) == Lines{"unknown 4711"});
  CHECK(IdentifyServices(Seen({Running(1, 0, {"/app/x"}, 10), Running(2, 0, {"/app/y"}, 11)},
                              {Tcp(4711, {}, 11)}, false),
                         Table())[0]
            .name == "y");
  // Several could: not told.
  const auto services = IdentifyServices(
      Seen({Running(1, 0, {"/app/x"}), Running(2, 0, {"/app/y"})}, {Tcp(4711)}, false), Table());
  REQUIRE(services.size() == 1);
  CHECK(services[0].name == "unknown");
  CHECK(services[0].pid == 0);
}

TEST_CASE("Where holders are seen nothing is guessed", "[identify]") {
  CHECK(Told(Seen({Running(1, 0, {"node", "app.js"})}, {Tcp(3000)}, true)) ==
        Lines{"unknown 3000"});
}

TEST_CASE("A shared network's sockets are not taken for the container's", "[identify]") {
  Seen seen({Running(1, 0, {"node", "app.js"}), Running(2, 0, {"redis-server *:6379"})},
            {Tcp(22), Tcp(6379), Tcp(9999)}, false);
  seen.shares_network = true;
  CHECK(Told(seen) == Lines{"redis 6379"});
  CHECK(IdentifyServices(seen, Table())[0].confidence < 0.7);
  seen.holders_known = true;
  CHECK(Told(seen) == Lines{"redis"});
  seen.listeners.sockets = {Tcp(22), Tcp(6379, {2})};
  CHECK(Told(seen) == Lines{"redis 6379"});
}

TEST_CASE("The engine's resolver and waiting UDP clients are no services", "[identify]") {
  Seen seen({Running(1, 0, {"/app/x"})}, {Tcp(40001, {}, 0, "127.0.0.11")}, false);
  seen.listeners.sockets.push_back(
      {.protocol = "udp", .address = "0.0.0.0", .port = 51000, .uid = 0, .inode = 9, .pids = {1}});
  CHECK(Told(seen).empty());
}

TEST_CASE("Ports that only the container itself reaches are marked", "[identify]") {
  const auto services = IdentifyServices(
      Seen({Running(1, 0, {"node", "app.js"})},
           {Tcp(9229, {1}, 0, "127.0.0.1"), Tcp(3000, {1}, 0, "127.0.0.1"), Tcp(3000, {1})}, true),
      Table());
  REQUIRE(services.size() == 1);
  REQUIRE(services[0].ports.size() == 2);
  CHECK_FALSE(services[0].ports[0].loopback_only);
  CHECK(services[0].ports[1].loopback_only);
}

TEST_CASE("Zombies and rings of parents do no harm", "[identify]") {
  Process zombie = Running(2, 1, {"nginx"});
  zombie.state = 'Z';
  CHECK(Told(Seen({zombie}, {}, true)).empty());
  CHECK(Told(Seen({Running(1, 2, {"nginx"}), Running(2, 1, {"nginx"})}, {Tcp(80, {1, 2})}, true))
            .size() <= 2);
}

TEST_CASE("Of an engine far away, its top and declared ports are used", "[identify]") {
  Observation far;
  far.processes = {Running(100, 1, {"nginx: master process nginx"})};
  far.declared = {{.address = "", .host_port = 0, .port = 80, .protocol = "tcp"},
                  {.address = "0.0.0.0", .host_port = 81, .port = 80, .protocol = "tcp"},
                  {.address = "", .host_port = 0, .port = 7, .protocol = "udp"}};
  CHECK(Told(far) == Lines{"unknown 7", "nginx 80"});
  CHECK(IdentifyServices(far, Table())[1].confidence < 0.9);
}

TEST_CASE("A container is looked into by files alone", "[identify]") {
  const FakeProc proc;
  proc.Add({.pid = 50,
            .name = "redis-server",
            .arguments = {"redis-server *:6379"},
            .inner_pid = 1,
            .sockets = {100}});
  proc.Add({.pid = 51, .parent = 50, .name = "x", .state = 'Z', .shows_files = false});
  proc.Write("50/net/tcp", kInternetHeading + InternetRow("00000000:18EB", "0A", 0, 100));
  ContainerDetails details;
  details.pid = 50;
  details.summary.id = kId;
  details.network_mode = "bridge";
  const ServiceReport report = FindServices(details, *ProcessTable::Scan(proc.path()), Table());
  REQUIRE(report.services.size() == 1);
  CHECK(report.services[0].kind == "redis");
  CHECK(report.services[0].inner_pid == 1);
  CHECK(report.zombies == 1);
  CHECK(report.blind_spots.empty());

  // As a server without rights sees it.
  std::filesystem::remove_all(proc.path() + "/50/fd");
  const ServiceReport blind = FindServices(details, *ProcessTable::Scan(proc.path()), Table());
  REQUIRE(blind.services.size() == 1);
  CHECK(blind.services[0].ports.size() == 1);
  CHECK(blind.blind_spots.size() == 1);

  // An engine elsewhere: only what it says itself.
  details.pid = 99;
  const ServiceReport far = FindServices(details, *ProcessTable::Scan(proc.path()), Table(),
                                         {Running(5, 1, {"redis-server *:6379"})});
  REQUIRE(far.services.size() == 1);
  CHECK(far.services[0].kind == "redis");
  CHECK(far.listeners.sockets.empty());
  CHECK(far.blind_spots.size() == 1);

  details.pid = 0;
  CHECK(FindServices(details, *ProcessTable::Scan(proc.path()), Table()).services.empty());
}

}  // namespace
}  // namespace casemate::container::test
