// What Docker 20.10.24 and Podman 4.3.1 answered to the same requests (golden/), and what neither
// would say.
#include "sandbox/container/engine/decode.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/container/engine/answer.h"
#include "sandbox/container/engine/engine.h"
#include "sandbox/container/engine/json_lines.h"
#include "sandbox/container/engine/transport.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {
namespace {

using nlohmann::json;

std::string Golden(const std::string& name) {
  const std::ifstream file(std::string(CASEMATE_TEST_GOLDEN) + "/" + name);
  REQUIRE(file);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

json GoldenJson(const std::string& name) {
  return json::parse(Golden(name + ".json"));
}

template <typename T>
T Value(Result<T> result) {
  if (!result) {
    FAIL(Describe(result.error()));
  }
  return std::move(result).value();
}

TEST_CASE("Both engines say what they are", "[engine][decode]") {
  std::string oldest;
  const auto docker =
      Value(DecodeInfo(GoldenJson("docker_version"), GoldenJson("docker_info"), oldest));
  CHECK(oldest == "1.12");
  CHECK(docker.kind == EngineKind::kDocker);
  CHECK(docker.version == "20.10.24+dfsg1");
  CHECK(docker.api_version == "1.41");
  CHECK(docker.storage_driver == "vfs");
  CHECK(docker.cgroup_driver == "cgroupfs");
  CHECK(docker.cgroup_version == 1);
  CHECK_FALSE(docker.rootless);
  CHECK(docker.has_seccomp);
  CHECK(docker.runtime == "runc");
  CHECK(docker.root_directory == "/var/lib/docker");
  CHECK(docker.cpus == 2);
  const auto podman =
      Value(DecodeInfo(GoldenJson("podman_version"), GoldenJson("podman_info"), oldest));
  CHECK(oldest == "1.24");
  CHECK(podman.kind == EngineKind::kPodman);
  CHECK(podman.version == "4.3.1");
  CHECK(podman.api_version == "1.41");
  CHECK(podman.memory_bytes == 25276518400);
  CHECK(podman.has_seccomp);
  json info = GoldenJson("docker_info");
  info["SecurityOptions"] = {"name=rootless", "name=cgroupns"};
  info["CgroupVersion"] = "2";
  const auto rootless = Value(DecodeInfo(GoldenJson("docker_version"), info, oldest));
  CHECK(rootless.rootless);
  CHECK(rootless.cgroup_version == 2);
  CHECK_FALSE(rootless.has_seccomp);
  CHECK_FALSE(DecodeInfo(json::object(), info, oldest));
  CHECK_FALSE(DecodeInfo(json::array(), json(), oldest));
}

TEST_CASE("A row of the list is alike from both", "[engine][decode]") {
  for (const char* engine : {"docker", "podman"}) {
    CAPTURE(engine);
    const auto row = Value(DecodeSummary(GoldenJson(std::string(engine) + "_list")[0]));
    CHECK(row.id.size() == 64);
    CHECK(row.name == "golden");
    CHECK(row.image == "localhost/casemate-test:latest");
    CHECK(row.image_id.starts_with("sha256:"));
    CHECK(row.state == "running");
    CHECK(row.status.starts_with("Up "));
    CHECK(row.created_ms / 1'000'000 == 1795321);
    CHECK(row.labels == Labels{{"app", "web"}, {"tier", "front"}});
  }
}

TEST_CASE("A container's details are alike from both", "[engine][decode]") {
  for (const char* engine : {"docker", "podman"}) {
    CAPTURE(engine);
    const auto details = Value(DecodeDetails(GoldenJson(std::string(engine) + "_inspect")));
    CHECK(details.summary.name == "golden");
    CHECK(details.summary.image == "localhost/casemate-test:latest");
    CHECK(details.summary.image_id.size() == 71);
    CHECK(details.summary.state == "running");
    CHECK(details.summary.status == "running (healthy)");
    CHECK(details.summary.labels == Labels{{"app", "web"}, {"tier", "front"}});
    CHECK(details.pid > 0);
    CHECK(details.started_ms > details.summary.created_ms);
    CHECK(details.finished_ms == 0);
    CHECK(details.restart_policy == "on-failure");
    CHECK(details.health.status == "healthy");
    REQUIRE_FALSE(details.health.log.empty());
    CHECK(details.health.log[0].exit_code == 0);
    CHECK(details.health.log[0].ended_ms > details.started_ms);
    CHECK(details.limits.memory_bytes == 64 << 20);
    CHECK(details.limits.cpu_millis == 250);
    CHECK(details.limits.pids == 20);
    CHECK(details.command == std::vector<std::string>{"sh", "-c", "echo hello; sleep 100"});
    CHECK(details.user == "1000:1000");
    CHECK(details.working_directory == "/tmp");
    CHECK(details.read_only_root);
    CHECK_FALSE(details.privileged);
    CHECK_FALSE(details.tty);
    CHECK(details.network_mode == "none");
    CHECK(details.pid_mode.empty());
    CHECK(details.log_driver == "json-file");
    CHECK(details.log_path.starts_with("/var/lib/"));
    CHECK(details.log_unseen);
    CHECK(details.log_max_bytes == (details.log_path.starts_with("/var/lib/docker") ? 0 : -1));
    const auto mount = [&](const std::string& destination) {
      const auto found =
          std::find_if(details.mounts.begin(), details.mounts.end(),
                       [&](const Mount& each) { return each.destination == destination; });
      REQUIRE(found != details.mounts.end());
      return *found;
    };
    CHECK(mount("/data").kind == "bind");
    CHECK(mount("/data").source == "/srv");
    CHECK_FALSE(mount("/data").writable);
    CHECK(mount("/vol").kind == "volume");
    CHECK(mount("/vol").source == "vol1");
    CHECK(mount("/tmp").kind == "tmpfs");
    CHECK(mount("/tmp").writable);
  }
}

TEST_CASE("What bounds a log is told in bytes", "[engine][decode]") {
  const auto bound = [](const json& options) {
    json container = GoldenJson("docker_inspect");
    container["HostConfig"]["LogConfig"]["Config"] = options;
    return Value(DecodeDetails(container)).log_max_bytes;
  };
  const auto most = [&](const char* text) { return bound({{"max-size", text}}); };
  CHECK(bound(json::object()) == 0);
  CHECK(bound({{"max-file", "3"}}) == 0);
  CHECK(most("-1") == 0);
  CHECK(most("16777216") == 16'777'216);
  CHECK(most("512k") == 512'000);
  CHECK(most("10m") == 10'000'000);
  CHECK(most("10M") == 10'000'000);
  CHECK(most("1.5g") == 1'500'000'000);
  CHECK(most("10 MB") == 10'000'000);
  for (const char* wrong : {"m", "x10m", "10x", "10mm", "-5", "inf", "nan", "1e300", "99999999p"}) {
    CAPTURE(wrong);
    CHECK(most(wrong) == -1);
  }
  CHECK(bound(nullptr) == -1);
}

TEST_CASE("A log is measured where it can be seen", "[engine][decode]") {
  const casemate::testing::TempDir directory;
  std::ofstream(directory / "log") << "hello\n";
  const auto with = [](const std::string& path) {
    json container = GoldenJson("docker_inspect");
    container["LogPath"] = path;
    return Value(DecodeDetails(container));
  };
  CHECK(with(directory / "log").log_bytes == 6);
  CHECK_FALSE(with(directory / "log").log_unseen);
  CHECK(with(directory / "other").log_unseen);
  CHECK_FALSE(with("").log_unseen);  // it has none
}

TEST_CASE("States have one name for all engines", "[engine][decode]") {
  const auto state = [](const char* said) {
    const std::string id(64, 'a');
    const std::string listed =
        Value(DecodeSummary({{"Id", id}, {"State", said}, {"Names", json::array()}})).state;
    CHECK(Value(DecodeDetails({{"Id", id}, {"State", {{"Status", said}}}})).summary.state ==
          listed);
    return listed;
  };
  CHECK(state("stopped") == "exited");
  CHECK(state("stopping") == "running");
  CHECK(state("configured") == "created");
  CHECK(state("initialized") == "created");
  CHECK(state("restarting") == "restarting");
}

TEST_CASE("Ports of all forms", "[engine][decode]") {
  json container = GoldenJson("docker_inspect");
  container["NetworkSettings"]["Ports"] = {
      {"80/tcp",
       {{{"HostIp", "0.0.0.0"}, {"HostPort", "8080"}}, {{"HostIp", "::"}, {"HostPort", "8080"}}}},
      {"53/udp", nullptr},
      {"443", json::array()},
      {"99999/tcp", nullptr},
      {"x/tcp", nullptr}};
  const auto ports = Value(DecodeDetails(container)).summary.ports;
  REQUIRE(ports.size() == 4);
  CHECK(ports[0].port == 53);
  CHECK(ports[0].protocol == "udp");
  CHECK(ports[0].host_port == 0);
  CHECK(ports[1].port == 80);
  CHECK(ports[1].address == "0.0.0.0");
  CHECK(ports[1].host_port == 8080);
  CHECK(ports[3].port == 443);
  CHECK(ports[3].protocol == "tcp");
  json row = GoldenJson("docker_list")[0];
  row["Ports"] = json::parse(R"([{"IP":"127.0.0.1","PrivatePort":80,"PublicPort":8081,"Type":"tcp"},
                                 {"PrivatePort":70000,"Type":"tcp"}])");
  const auto listed = Value(DecodeSummary(row)).ports;
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].port == 0);
  CHECK(listed[1].host_port == 8081);
}

TEST_CASE("What an engine leaves out or spells otherwise is empty", "[engine][decode]") {
  const json bare = {{"Id", std::string(64, 'a')}};
  const auto details = Value(DecodeDetails(bare));
  CHECK(details.restart_policy == "no");
  CHECK(details.mounts.empty());
  CHECK(Value(DecodeSummary(bare)).name.empty());
  // Every member of another type, one after the other, and all of them at once.
  for (const json& wrong : {json(), json(7), json("x"), json::array({1, json::object()}),
                            json::object({{"a", json::array()}}), json(true), json(-1.5e300)}) {
    for (const char* name : {"docker_inspect", "podman_inspect"}) {
      json container = GoldenJson(name);
      for (auto& [key, value] : container.items()) {
        json changed = container;
        changed[key] = wrong;
        CHECK(DecodeDetails(changed).ok() == (key != "Id"));
        if (value.is_object()) {
          for (const auto& [inner, ignored] : value.items()) {
            changed = container;
            changed[key][inner] = wrong;
            CHECK(DecodeDetails(changed));
          }
        }
      }
    }
    json stats = GoldenJson("docker_stats");
    for (const auto& [key, value] : stats.items()) {
      json changed = stats;
      changed[key] = wrong;
      static_cast<void>(DecodeUsage(changed, 0));
    }
    static_cast<void>(DecodeEvent(wrong));
    CHECK_FALSE(DecodeSummary(wrong));
    CHECK_FALSE(DecodeImage(wrong));
  }
  for (const std::string& id : {std::string("../../x"), std::string(64, 'G'), std::string()}) {
    CHECK_FALSE(DecodeSummary({{"Id", id}}));
    CHECK_FALSE(DecodeImage({{"Id", id}}));
  }
}

TEST_CASE("Use of control groups v1, v2, and Podman's", "[engine][decode]") {
  const Usage docker = DecodeUsage(GoldenJson("docker_stats"), std::int64_t{8} << 30);
  CHECK(docker.read_ms / 1'000'000 == 1795321);
  CHECK(docker.cpu_ns == 44103626);
  CHECK(docker.system_cpu_ns == 167498550000000);
  CHECK(docker.memory_bytes == 716800);
  CHECK(docker.memory_limit == 67108864);
  CHECK(docker.pids == 1);
  const Usage podman = DecodeUsage(GoldenJson("podman_stats"), std::int64_t{8} << 30);
  CHECK(podman.cpu_ns == 45807081);
  CHECK(podman.memory_bytes == 679936);
  CHECK(podman.memory_limit == 67108864);
  CHECK(podman.disk_read == 0);
  json v1 = GoldenJson("docker_stats");
  v1["memory_stats"]["usage"] = 1000;
  v1["memory_stats"]["stats"]["total_inactive_file"] = 400;
  v1["memory_stats"]["stats"]["inactive_file"] = 1;
  CHECK(DecodeUsage(v1, 0).memory_bytes == 600);
  CHECK(DecodeUsage(v1, 0).cache_bytes == 400);
  v1["memory_stats"]["stats"]["total_inactive_file"] = 1000;  // cannot be: is not subtracted
  CHECK(DecodeUsage(v1, 0).memory_bytes == 1000);
  json v2 = json::parse(R"({"memory_stats":{"usage":1000,"stats":{"inactive_file":300},
    "limit":18446744073709551615},
    "networks":{"eth0":{"rx_bytes":1,"tx_bytes":2},"eth1":{"rx_bytes":10,"tx_bytes":20}},
    "blkio_stats":{"io_service_bytes_recursive":[{"op":"read","value":5},{"op":"write","value":6},
    {"op":"Read","value":7},{"op":"Sync","value":100}]}})");
  const Usage usage = DecodeUsage(v2, std::int64_t{8} << 30);
  CHECK(usage.memory_bytes == 700);
  CHECK(usage.memory_limit == 0);
  CHECK(usage.network_received == 11);
  CHECK(usage.network_sent == 22);
  CHECK(usage.disk_read == 12);
  CHECK(usage.disk_written == 6);
  v2["memory_stats"]["limit"] = std::int64_t{8} << 30;  // the whole machine
  CHECK(DecodeUsage(v2, std::int64_t{8} << 30).memory_limit == 0);
  v2["networks"]["eth0"]["rx_bytes"] = std::numeric_limits<std::int64_t>::max();
  CHECK(DecodeUsage(v2, 0).network_received >= 0);
}

TEST_CASE("Images and events are alike from both", "[engine][decode]") {
  for (const std::string engine : {"docker", "podman"}) {
    CAPTURE(engine);
    const auto image = Value(DecodeImage(GoldenJson(engine + "_image")));
    CHECK(image.id.size() == 71);
    CHECK(image.tags == std::vector<std::string>{"localhost/casemate-test:latest"});
    CHECK(image.architecture == "amd64");
    CHECK(image.size_bytes > 0);
    std::vector<std::string> actions;
    JsonLines lines("events", [&](const json& line) {
      const EngineEvent event = DecodeEvent(line);
      CHECK(event.type == "container");
      CHECK(event.id.size() == 64);
      CHECK(event.time_ns / 1'000'000'000'000 == 1795321);
      CHECK(std::count(event.attributes.begin(), event.attributes.end(),
                       std::pair<std::string, std::string>("name", "golden")) == 1);
      actions.push_back(event.action);
      return true;
    });
    CHECK(lines.Feed(Golden(engine + "_events.jsonl")));
    for (const char* action : {"create", "start"}) {
      CHECK(std::count(actions.begin(), actions.end(), action) == 1);
    }
    if (engine == "podman") {
      CHECK(std::count(actions.begin(), actions.end(), "die") == 1);
      CHECK(std::count(actions.begin(), actions.end(), "destroy") == 1);
      // As Docker says it.
      CHECK(std::count(actions.begin(), actions.end(), "health_status: starting") == 1);
    }
  }
}

TEST_CASE("Times as engines write them", "[engine][decode]") {
  const auto at = [](const char* text) { return TimeOf({{"t", text}}, "t"); };
  CHECK(at("1970-01-01T00:00:01Z") == 1'000'000'000);
  CHECK(at("2026-11-22T04:30:17.01579699Z") == 1795321817'015'796'990);
  CHECK(at("2026-11-22T06:30:17.5+02:00") == 1795321817'500'000'000);
  CHECK(at("2026-11-22T04:30:17") == 1795321817'000'000'000);
  for (const char* none : {"0001-01-01T00:00:00Z", "", "now", "2026-11-22", "2026-11-22T04:30:17+2",
                           "9999-12-31T23:59:59Z"}) {
    CAPTURE(none);
    CHECK(at(none) == 0);
  }
}

TEST_CASE("An answer that is too large is said to be", "[engine][decode]") {
  const auto parsed = ParseArray("x", std::string(kMaxAnswerBytes + 1, ' '));
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == ErrorCode::kResourceExhausted);
  CHECK(parsed.error().message.find("too large") != std::string::npos);
  CHECK(ExchangeOptions().max_body_bytes == kMaxAnswerBytes);
  CHECK(ParseArray("x", std::string(kMaxAnswerBytes - 2, ' ') + "[]"));
}

TEST_CASE("Raising a limit of memory takes no swap away", "[engine][decode]") {
  constexpr std::int64_t kMiB = std::int64_t{1} << 20;
  const auto details = [](json host) {
    return Value(DecodeDetails({{"Id", std::string(64, 'a')}, {"HostConfig", std::move(host)}}));
  };
  const auto with = [&](std::int64_t memory, std::int64_t swap) {
    return SwapWith(details({{"Memory", memory * kMiB}, {"MemorySwap", swap}}), 768 * kMiB);
  };
  CHECK(details({{"MemorySwap", 5}}).memory_swap == 5);
  CHECK(details({{"MemorySwap", -1}}).memory_swap == -1);
  CHECK(details(json::object()).memory_swap == 0);
  CHECK(with(512, 512 * kMiB) == 768 * kMiB);
  CHECK(with(512, 1024 * kMiB) == 1280 * kMiB);
  CHECK(with(512, -1) == -1);
  CHECK(with(0, -1) == -1);
  CHECK(with(0, 0) == 1536 * kMiB);
  CHECK(with(512, 0) == 1536 * kMiB);
  CHECK(with(512, 1 * kMiB) == 768 * kMiB);  // of an engine that knows no such thing
  CHECK(with(1024, 2048 * kMiB) == 1792 * kMiB);
}

TEST_CASE("Lines of JSON, wherever they are cut", "[engine][decode]") {
  const std::string text = "{\"a\":1}\r\n\n{\"b\":\"\\n\"}\n{\"c\":3}\n";
  for (std::size_t cut = 1; cut <= text.size(); ++cut) {
    std::string seen;
    JsonLines lines("x", [&](const json& line) {
      seen += line.dump();
      return true;
    });
    for (std::size_t at = 0; at < text.size(); at += cut) {
      REQUIRE(lines.Feed(std::string_view(text).substr(at, cut)));
    }
    CHECK(seen == R"({"a":1}{"b":"\n"}{"c":3})");
  }
  for (const std::string& bad :
       {std::string("nonsense\n"), std::string("[1]\n"), std::string((1 << 20) + 1, ' ')}) {
    JsonLines lines("x", [](const json&) { return true; });
    CHECK_FALSE(lines.Feed(bad));
    REQUIRE(lines.error().has_value());
    CHECK(lines.error()->code == ErrorCode::kInternal);
  }
  // Where lines that are none are left out, those around them are not.
  const std::string mixed =
      "{\"a\":1}\nnonsense\n[1]\n{\"b\":\"" + std::string(1000, 'x') + "\"}\n{\"c\":3}\n";
  for (std::size_t cut : {std::size_t{1}, std::size_t{7}, std::size_t{64}, mixed.size()}) {
    std::string seen;
    int bad = 0;
    JsonLines lines(
        "x",
        [&](const json& line) {
          seen += line.dump();
          return true;
        },
        100, [&] { ++bad; });
    for (std::size_t at = 0; at < mixed.size(); at += cut) {
      REQUIRE(lines.Feed(std::string_view(mixed).substr(at, cut)));
    }
    CHECK(seen == R"({"a":1}{"c":3})");
    CHECK(bad == 3);
    CHECK_FALSE(lines.error().has_value());
  }
  JsonLines enough("x", [](const json&) { return false; });
  CHECK_FALSE(enough.Feed("{}\n"));
  CHECK_FALSE(enough.error().has_value());
}

TEST_CASE("What an engine refuses is told in its words, made visible and cut", "[engine][decode]") {
  const Error gone = ErrorOfAnswer("x", 404, R"({"message":"No such container: a\u001b[31m"})");
  CHECK(gone.code == ErrorCode::kNotFound);
  CHECK(gone.message == R"(x: the engine answered 404: No such container: a\x1b[31m)");
  CHECK(ErrorOfAnswer("x", 409, "").code == ErrorCode::kInvalidArgument);
  CHECK(ErrorOfAnswer("x", 403, "no\n").message == "x: the engine answered 403: no");
  CHECK(ErrorOfAnswer("x", 403, "").code == ErrorCode::kPermissionDenied);
  CHECK(ErrorOfAnswer("x", 503, "").code == ErrorCode::kUnavailable);
  CHECK(ErrorOfAnswer("x", 500, "").code == ErrorCode::kInternal);
  CHECK(ErrorOfAnswer("x", 500, R"({"message":"write /x: no space left on device"})").code ==
        ErrorCode::kResourceExhausted);
  const Error state = ErrorOfAnswer(
      "x", 500,
      R"({"cause":"container state improper","message":"can only kill running","response":500})");
  CHECK(state.code == ErrorCode::kInvalidArgument);
  CHECK(state.message.ends_with("can only kill running: container state improper"));
  CHECK(ErrorOfAnswer("x", 500, std::string(100'000, 'y')).message.size() < 1100);
}

}  // namespace
}  // namespace casemate::container
