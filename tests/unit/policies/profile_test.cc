#include "policies/profiles/profile.h"

#include <set>

#include <catch2/catch.hpp>

#include "policies/grant.h"

namespace casemate::policies {

TEST_CASE("Intersect takes the smaller of each limit") {
  const Limits a{1, 20, 3, 40, 5, 60};
  const Limits b{10, 2, 30, 4, 50, 6};
  CHECK(Intersect(a, b) == Limits{1, 2, 3, 4, 5, 6});
  CHECK(Intersect(b, a) == Intersect(a, b));
  CHECK(Intersect(a, a) == a);
}

TEST_CASE("A rate of disk I/O is none only where neither has one") {
  const auto rate = [](std::int64_t a, std::int64_t b) {
    return Intersect({.io_mb_s = a}, {.io_mb_s = b}).io_mb_s;
  };
  CHECK(rate(0, 0) == 0);
  CHECK(rate(0, 5) == 5);
  CHECK(rate(5, 0) == 5);
  CHECK(rate(5, 7) == 5);
  for (const Profile& profile : ShippedProfiles()) {
    CHECK(profile.limits.io_mb_s == 0);
  }
}

TEST_CASE("The shipped profiles are complete and consistent") {
  const auto profiles = ShippedProfiles();
  REQUIRE(profiles.size() == 5);
  CHECK(profiles.front().name == "default");
  std::set<std::string> names;
  for (const Profile& profile : profiles) {
    INFO(profile.name);
    CHECK(names.insert(profile.name).second);
    CHECK_FALSE(profile.description.empty());
    const Limits& limits = profile.limits;
    CHECK((limits.memory_mb > 0 && limits.cpu_millis > 0 && limits.pids > 0));
    CHECK((limits.wall_ms > 0 && limits.output_kb > 0 && limits.disk_mb > 0));
    // The private disk is memory: it must fit.
    CHECK(limits.disk_mb < limits.memory_mb);
  }
}

TEST_CASE("FindProfile finds by exact name") {
  auto small = FindProfile("small");
  REQUIRE(small);
  CHECK(small->limits == Limits{128, 500, 32, 10'000, 64, 32});
  CHECK(FindProfile("inspect")->workspace_mode == WorkspaceMode::kReadOnly);
  CHECK(FindProfile("scratch")->workspace_mode == WorkspaceMode::kOverlay);
  CHECK(FindProfile("build")->limits.wall_ms == 600'000);
}

TEST_CASE("An unknown profile names the nearest and all others") {
  auto missing = FindProfile("defualt");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().field == "args.profile");
  CHECK_THAT(missing.error().message, Catch::Contains("`defualt`"));
  CHECK_THAT(missing.error().message, Catch::Contains("did you mean `default`?"));
  CHECK_THAT(missing.error().remedy, Catch::Contains("scratch"));
  CHECK_FALSE(FindProfile(""));
  CHECK_FALSE(FindProfile("Default"));
  // A hostile name can neither flood nor forge the message.
  auto hostile = FindProfile(std::string(100'000, 'x'));
  REQUIRE_FALSE(hostile);
  CHECK(hostile.error().message.size() < 500);
  CHECK_THAT(FindProfile("a\nb").error().message, !Catch::Contains("\n"));
}

TEST_CASE("Workspace modes have names") {
  CHECK(ToString(WorkspaceMode::kReadWrite) == "read_write");
  CHECK(ToString(WorkspaceMode::kReadOnly) == "read_only");
  CHECK(ToString(WorkspaceMode::kOverlay) == "overlay");
}

}  // namespace casemate::policies
