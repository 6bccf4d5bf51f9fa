#include "tools/run_limits.h"

#include <array>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fixtures.h"

namespace casemate::tools {
namespace {

using nlohmann::json;
using policies::Limits;
using test::Decoded;
using test::DecodeError;

constexpr Limits kGranted = {.memory_mb = 4096,
                             .cpu_millis = 4000,
                             .pids = 512,
                             .wall_ms = 600'000,
                             .output_kb = 1024,
                             .disk_mb = 2048};

json WithLimits(const json& limits) {
  return {{"command", {"ls"}}, {"limits", limits}};
}

TEST_CASE("each limit has a range") {
  const std::array<std::pair<const char*, json>, 13> wrong = {{{"memory_mb", 15},
                                                               {"memory_mb", 1'048'577},
                                                               {"cpus", 0.01},
                                                               {"cpus", 257},
                                                               {"pids", 0},
                                                               {"pids", 32'769},
                                                               {"output_kb", 0},
                                                               {"output_kb", 1025},
                                                               {"disk_mb", 0},
                                                               {"disk_mb", "1"},
                                                               {"io_mb_s", 0},
                                                               {"io_mb_s", 1.5},
                                                               {"io_mb_s", 1'048'577}}};
  for (const auto& [name, value] : wrong) {
    INFO(name << " " << value.dump());
    CHECK(DecodeError(WithLimits({{name, value}})).field == std::string("args.limits.") + name);
  }
  CHECK(DecodeError({{"command", {"ls"}}, {"timeout_ms", 0}}).field == "args.timeout_ms");
  CHECK(DecodeError({{"command", {"ls"}}, {"timeout_ms", 86'400'001}}).field == "args.timeout_ms");
  CHECK(DecodeError({{"command", {"ls"}}, {"limits", 5}}).field == "args.limits");
}

TEST_CASE("without limits the profile's hold, below the grant's") {
  const RunArgs run = Decoded({{"command", {"ls"}}});
  CHECK(*LimitsUnder(kGranted, run) == run.profile.limits);
  Limits tight = kGranted;
  tight.memory_mb = 100;
  tight.wall_ms = 5;
  const auto limits = LimitsUnder(tight, run);
  REQUIRE(limits);
  CHECK(limits->memory_mb == 100);
  CHECK(limits->wall_ms == 5);
  CHECK(limits->disk_mb == 50);  // never above memory
}

TEST_CASE("a stated limit above the grant is refused, not lowered") {
  const auto memory = LimitsUnder(kGranted, Decoded(WithLimits({{"memory_mb", 5000}})));
  REQUIRE_FALSE(memory);
  CHECK(memory.error().field == "args.limits.memory_mb");
  CHECK(memory.error().message ==
        "expected at most 4096, which policy grants for this call, got 5000");
  const auto cpus = LimitsUnder(kGranted, Decoded(WithLimits({{"cpus", 4.5}})));
  REQUIRE_FALSE(cpus);
  CHECK(cpus.error().message == "expected at most 4.0, which policy grants for this call, got 4.5");
  const auto wall = LimitsUnder(kGranted, Decoded({{"command", {"ls"}}, {"timeout_ms", 600'001}}));
  REQUIRE_FALSE(wall);
  CHECK(wall.error().field == "args.timeout_ms");
  CHECK(LimitsUnder(kGranted, Decoded(WithLimits({{"memory_mb", 4096}}))));
}

TEST_CASE("any rate of disk I/O may be stated where policy grants any, and no higher one") {
  const RunArgs stated = Decoded(WithLimits({{"io_mb_s", 20}}));
  CHECK(LimitsUnder(kGranted, stated)->io_mb_s == 20);
  Limits granted = kGranted;
  granted.io_mb_s = 10;
  const auto above = LimitsUnder(granted, stated);
  REQUIRE_FALSE(above);
  CHECK(above.error().field == "args.limits.io_mb_s");
  CHECK(LimitsUnder(granted, Decoded({{"command", {"ls"}}}))->io_mb_s == 10);
}

TEST_CASE("no limit on disk I/O is not shown as a low one") {
  const RunArgs run = Decoded({{"command", {"ls"}}});
  CHECK_FALSE(NormaliseRunArgs(run, "")["limits"].contains("io_mb_s"));
  const RunArgs limited = Decoded(WithLimits({{"io_mb_s", 20}}));
  CHECK(NormaliseRunArgs(limited, "")["limits"]["io_mb_s"] == 20);
}

TEST_CASE("disk lives in memory and cannot exceed it") {
  const Error error = DecodeError(WithLimits({{"memory_mb", 64}, {"disk_mb", 65}}));
  CHECK(error.field == "args.limits.disk_mb");
  CHECK(error.message.find("memory_mb, which is 64") != std::string::npos);
  CHECK(error.message.find("got 65") != std::string::npos);
  CHECK(Decoded(WithLimits({{"memory_mb", 64}, {"disk_mb", 64}})).limits.disk_mb == 64);
  // The profile's own disk limit follows a lowered memory.
  CHECK(Decoded(WithLimits({{"memory_mb", 64}})).limits.disk_mb == 32);
  Limits tight = kGranted;
  tight.memory_mb = 100;
  const auto granted_less = LimitsUnder(tight, Decoded(WithLimits({{"disk_mb", 200}})));
  REQUIRE_FALSE(granted_less);
  CHECK(granted_less.error().field == "args.limits.disk_mb");
}

TEST_CASE("disk_mb over a host directory is refused with the reason, but not over an overlay") {
  json args = {{"command", {"ls"}}, {"workspace", "/src"}, {"limits", {{"disk_mb", 10}}}};
  const Error error = DecodeError(args);
  CHECK(error.field == "args.limits.disk_mb");
  CHECK(error.message.find("cannot be limited") != std::string::npos);
  CHECK(error.remedy.find("scratch") != std::string::npos);
  args["profile"] = "inspect";
  CHECK(DecodeError(args).field == "args.limits.disk_mb");
  args["profile"] = "scratch";
  CHECK(Decoded(args).limits.disk_mb == 10);
}

TEST_CASE("files over a read-only workspace are refused") {
  json args = {{"command", {"ls"}},
               {"workspace", "/src"},
               {"profile", "inspect"},
               {"files", {{{"path", "a"}, {"content", ""}}}}};
  CHECK(DecodeError(args).field == "args.files");
  args.erase("workspace");
  CHECK(Decoded(args).files.size() == 1);
}

}  // namespace
}  // namespace casemate::tools
