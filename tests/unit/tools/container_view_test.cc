// What policy, models and people are told of containers.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/unit/tools/fixtures.h"
#include "tools/container_facts.h"
#include "tools/container_list.h"
#include "tools/container_report.h"

namespace casemate::tools {
namespace {

using nlohmann::json;

constexpr std::int64_t kNow = 1'800'000'000'000;
constexpr const char* kFiles = "/var/lib/casemate/containers";

container::ContainerDetails Web() {
  container::ContainerDetails details;
  details.summary.id = std::string(64, 'a');
  details.summary.name = "web";
  details.summary.image = "nginx:1.25";
  details.summary.image_id = "sha256:" + std::string(64, 'b');
  details.summary.state = "running";
  details.summary.labels = {{"io.casemate.principal", "alice"},
                            {"io.casemate.purpose", "service"},
                            {"io.casemate.tenant", "acme"}};
  details.summary.ports = {{"127.0.0.1", 8080, 80, "tcp"}, {"", 0, 443, "tcp"}};
  details.pid = 4711;
  details.started_ms = kNow - 3 * 3'600'000;
  details.mounts = {{"bind", std::string(kFiles) + "/0123", "/.casemate", false}};
  details.limits = {std::int64_t{128} << 20, 500, 64};
  return details;
}

ContainerReport Report() {
  ContainerReport report;
  report.details = Web();
  report.now_ms = kNow;
  report.measured = Measurement{};
  report.measured->usage.memory_bytes = std::int64_t{64} << 20;
  report.measured->usage.memory_limit = std::int64_t{128} << 20;
  report.measured->usage.pids = 3;
  report.measured->cpu_percent = 12.34;
  return report;
}

TEST_CASE("policy is told what a container is, and what makes it as good as root") {
  container::ContainerDetails details = Web();
  CHECK(FactsOf(details) == json({{"id", details.summary.id},
                                  {"name", "web"},
                                  {"image", "nginx:1.25"},
                                  {"state", "running"},
                                  {"own", false},
                                  {"dangers", json::array()}}));
  details.privileged = true;
  CHECK(FactsOf(details)["dangers"] == json({"privileged"}));
  CHECK(FactsOf(container::FoundImage{"docker.io/library/debian:latest", true, false, {}}) ==
        json({{"reference", "docker.io/library/debian:latest"},
              {"allowed", true},
              {"pinned", false}}));
  // What the name leads to now: an approval is for that.
  container::ImageDetails image;
  image.id = "sha256:" + std::string(64, 'b');
  CHECK(FactsOf(container::FoundImage{"docker.io/library/debian:latest", true, false,
                                      image})["id"] == image.id);
}

TEST_CASE("a container is its maker's, of the same tenant") {
  const Origin origin = OriginOf(Web(), kFiles);
  CHECK(IsOf(origin, {"alice", "acme", {}}));
  CHECK_FALSE(IsOf(origin, {"alice", "globex", {}}));
  CHECK_FALSE(IsOf(origin, {"bob", "acme", {}}));
  CHECK_FALSE(IsOf({"acme", "", "service"}, {"", "acme", {}}));
  container::ContainerDetails details = Web();
  details.summary.labels.pop_back();  // made by a version that did not tell tenants apart
  CHECK_FALSE(IsOf(OriginOf(details, kFiles), {"alice", "acme", {}}));
}

TEST_CASE("a running call is its caller's, and the operator's to look at") {
  const Origin call{"acme", "alice", "run"};
  CHECK_FALSE(IsHiddenFrom(call, {"alice", "acme", {}}));
  CHECK(IsHiddenFrom(call, {"alice", "globex", {"owner"}}));
  CHECK(IsHiddenFrom(call, {"bob", "acme", {"owner"}}));
  CHECK_FALSE(IsHiddenFrom(call, policies::Principal()));
  CHECK(IsHiddenFrom(call, {"local", "acme", {"owner"}}));
  CHECK(IsHiddenFrom(call, {"local", "local", {"agent"}}));
  CHECK(IsHiddenFrom({"", "", "run"}, {"bob", "acme", {}}));
  CHECK_FALSE(IsHiddenFrom({"acme", "alice", "service"}, {"bob", "acme", {}}));
}

TEST_CASE("labels alone make nobody's container: an image may bring them along") {
  CHECK(OriginOf(Web(), kFiles).principal == "alice");
  CHECK(OriginOf(Web(), kFiles).purpose == "service");
  const auto without = [](const auto& change) {
    container::ContainerDetails details = Web();
    change(details.mounts.front());
    return OriginOf(details, kFiles).principal;
  };
  CHECK(without([](container::Mount& mount) { mount.source = "/tmp/evil"; }).empty());
  CHECK(without([](container::Mount& mount) {
          mount.source = std::string(kFiles) + "-2/x";
        }).empty());
  CHECK(without([](container::Mount& mount) { mount.kind = "volume"; }).empty());
  CHECK(without([](container::Mount& mount) { mount.writable = true; }).empty());
  CHECK(without([](container::Mount& mount) { mount.destination = "/x"; }).empty());
  CHECK(OriginOf(Web(), "").principal.empty());
}

TEST_CASE("a report holds use, limits and ports") {
  const ContainerReport report = Report();
  const json shown = ReportJson(report);
  CHECK(shown["use"]["cpu_percent"] == 12.3);
  CHECK(shown["use"]["memory_percent"] == 50.0);
  CHECK(shown["limits"] == json({{"memory_mb", 128.0}, {"cpus", 0.5}, {"pids", 64}}));
  CHECK(shown["ports"] == json({"127.0.0.1:8080->80/tcp", "443/tcp"}));
  CHECK(shown["uptime_s"] == 3 * 3600);
  CHECK(shown["cut"].empty());
  test::CheckConforms(shown, {{"type", "object"}, {"properties", ReportSchema()}});
  const std::string text = ReportText(report);
  CHECK(text.find("web (aaaaaaaaaaaa): running, up 3 h 0 min") == 0);
  CHECK(text.find("cpu 12.3 % of 50 %, memory 64.0 MiB of 128.0 MiB, 3 of 64 pids") !=
        std::string::npos);
}

TEST_CASE("a hostile container does not make a report long, and hides nothing in it") {
  ContainerReport report = Report();
  container::ContainerDetails& details = report.details;
  for (int i = 0; i < 5000; ++i) {
    details.summary.labels.emplace_back("label" + std::to_string(i), std::string(4096, 'x'));
    details.summary.ports.push_back({"0.0.0.0", 1, i, "tcp"});
    details.mounts.push_back({"bind", "/" + std::string(4000, 'm'), "/d", true});
    details.networks.emplace_back(300, 'n');
    details.command.emplace_back("\x1b[2J\n");
    details.health.log.push_back({kNow, 1, std::string(4096, '\x1b')});
    report.services.services.emplace_back().name = std::string(4096, 's');
  }
  details.health.status = "unhealthy\x1b[2J";
  details.summary.image_id = "sha256:\x1b[2J";
  details.mounts.front().kind = "bind\x1b[2J";
  details.mounts.push_back({"bind", "/etc/\x1b[2J", "/x", true});  // a danger
  for (int i = 0; i < 100; ++i) {
    report.services.blind_spots.push_back("\x1b[2J" + std::string(4096, 'b'));
  }
  const json shown = ReportJson(report);
  // Values, not as JSON writes them.
  const auto has_escape = [](const json& value) {
    const json flat = value.flatten();
    return std::ranges::any_of(flat, [](const json& each) {
      return each.is_string() && each.get<std::string>().find('\x1b') != std::string::npos;
    });
  };
  CHECK_FALSE(has_escape(shown));
  CHECK(shown["dangers"].dump().find("host_mount:/etc/") != std::string::npos);
  CHECK(shown["blind_spots"].size() == 32);
  CHECK(shown.dump().size() < (std::size_t{64} << 10));
  CHECK(shown["labels"].size() == 32);
  CHECK(shown["health"]["log"].size() == 3);
  CHECK(shown["cut"].size() >= 5);
  CHECK(shown["cut"].dump().find("labels: 32 of 5003") != std::string::npos);
  const std::string text = ReportText(report);
  CHECK(text.size() < (std::size_t{8} << 10) + 100);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find(" and 4994 more") != std::string::npos);
}

std::vector<container::ContainerSummary> Many(int count) {
  std::vector<container::ContainerSummary> many;
  for (int i = 0; i < count; ++i) {
    container::ContainerSummary each;
    each.id = std::string(60, 'c') + std::to_string(1000 + i);
    each.name = "name" + std::to_string(1000 + i);
    each.image = i % 2 == 0 ? "nginx" : "redis";
    each.state = i % 3 == 0 ? "exited" : "running";
    each.status = i == 7 ? "Up 3 hours (unhealthy)" : "Up 3 hours";
    many.push_back(std::move(each));
  }
  return many;
}

TEST_CASE("a list begins with what needs attention, and can be narrowed") {
  auto all = Pick(Many(20), {});
  SortByNeed(all, {});
  CHECK(all.size() == 20);
  CHECK(all.front().name == "name1007");
  CHECK(all[1].state == "running");
  CHECK(all.back().state == "exited");
  CHECK(Pick(Many(20), {"exited", "", ""}).size() == 7);
  CHECK(Pick(Many(20), {"", "redis", ""}).size() == 10);
  CHECK(Pick(Many(20), {"", "name1003", ""}).size() == 1);
  CHECK(Pick(Many(20), {"dead", "", ""}).empty());
  json none;
  CHECK(ShowList({}, {}, none) == "No containers.\n");
}

TEST_CASE("what has crashed needs attention; what ended or was asked to does not") {
  const auto first = [](const std::string& state, const std::string& status) {
    auto two = Many(3);  // the first has ended
    two.erase(two.begin() + 1);
    two[0].state = state;
    two[0].status = status;
    SortByNeed(two, {});
    return two.front().name == "name1000";
  };
  CHECK(first("exited", "Exited (1) 2 minutes ago"));
  CHECK(first("exited", "Exited (137) 2 minutes ago"));
  CHECK(first("exited", "Exited (-1) 2 minutes ago"));
  CHECK(first("dead", "Dead"));
  CHECK_FALSE(first("exited", "Exited (0) 2 minutes ago"));
  CHECK_FALSE(first("exited", "Exited (143) 2 minutes ago"));
  for (const char* odd :
       {"", "Exited", "Exited (", "Exited (x)", "Exited (1", "Exited (99999999999)"}) {
    CAPTURE(odd);
    CHECK_FALSE(first("exited", odd));
  }
}

TEST_CASE("health that the list does not tell is told by what was measured") {
  auto two = Many(3);
  two.erase(two.begin());
  std::map<std::string, Measurement> measured;
  measured[two[0].id].health = "healthy";
  measured[two[1].id].health = "unhealthy";
  SortByNeed(two, measured);
  CHECK(two.front().name == "name1002");
  json rows;
  const std::string text = ShowList(two, measured, rows);
  CHECK(text.starts_with("name1002  Up 3 hours (unhealthy)  "));
  CHECK(rows[1]["status"] == "Up 3 hours (healthy)");
  two[0].status = "Up 3 hours (unhealthy)";
  CHECK(ShowList(two, measured, rows).starts_with("name1002  Up 3 hours (unhealthy)  "));
}

TEST_CASE("a long list is cut, and says how much of it") {
  const auto listed = Pick(Many(1000), {});
  std::map<std::string, Measurement> measured;
  for (const auto& container : listed) {
    measured[container.id].usage.memory_bytes = 1 << 20;
    measured[container.id].cpu_percent = 99.5;
  }
  json rows;
  const std::string text = ShowList(listed, measured, rows);
  CHECK(text.size() <= (std::size_t{8} << 10));
  const auto lines = std::count(text.begin(), text.end(), '\n');
  CHECK(static_cast<std::size_t>(lines) == rows.size() + 1);
  CHECK(text.find("[" + std::to_string(1000 - rows.size()) + " more: ") != std::string::npos);
  CHECK(text.find("cpu 100 %  mem 1.0 MiB") != std::string::npos);
}

TEST_CASE("durations and sizes read well") {
  CHECK(DurationText(-5) == "0 s");
  CHECK(DurationText(59'999) == "59 s");
  CHECK(DurationText(60'000) == "1 min");
  CHECK(DurationText(3'660'000) == "1 h 1 min");
  CHECK(DurationText(90'000'000) == "1 d 1 h");
  CHECK(BytesText(0) == "0 B");
  CHECK(BytesText(1536) == "1.5 KiB");
  CHECK(BytesText(std::int64_t{3} << 40) == "3.0 TiB");
}

}  // namespace
}  // namespace casemate::tools
