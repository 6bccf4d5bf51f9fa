// What happens to decisions when opa hangs or dies.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "tests/unit/opa/fixtures.h"

namespace casemate::policies {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kPatienceNs = 30'000 * kNsPerMs;

// Asks until `done`, or for as long as any machine may need. Every other answer is a refusal of the
// engine itself.
template <typename Done>
bool AskUntil(const PolicyEngine& engine, const Done& done) {
  const std::int64_t until = MonotonicNs() + kPatienceNs;
  while (MonotonicNs() < until) {
    const Decision decision = Ask(engine, {{"network", "none"}});
    if (decision.effect == Effect::kAllow ? !decision.grant
                                          : !decision.reason.starts_with("policy_error:opa_")) {
      return false;
    }
    if (done(decision)) {
      return true;
    }
    std::this_thread::yield();
  }
  return false;
}

// Every thread of it: until then one may still answer.
void Stop(pid_t pid) {
  REQUIRE(kill(pid, SIGSTOP) == 0);
  const auto runs = [&] {
    for (const auto& task :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
      std::ifstream file(task.path() / "stat");
      std::string stat;
      std::getline(file, stat);
      if (const std::size_t end = stat.rfind(") "); stat.compare(end, 3, ") T") != 0) {
        return true;
      }
    }
    return false;
  };
  const std::int64_t until = MonotonicNs() + kPatienceNs;
  while (runs() && MonotonicNs() < until) {
    std::this_thread::yield();
  }
}

bool Allows(const Decision& decision) {
  return decision.effect == Effect::kAllow;
}
bool Refuses(const Decision& decision) {
  return decision.effect == Effect::kDeny;
}

TEST_CASE("A hanging opa costs each call its budget and no more, and is replaced", "[opa]") {
  Place place;
  const auto engine = place.Engine(kPolicy, 25);
  REQUIRE(AskUntil(*engine, Allows));
  const pid_t pid = engine->status().process.pid;
  Stop(pid);
  for (int i = 0; i < 5; ++i) {
    const std::int64_t began = MonotonicNs();
    const Decision decision = Ask(*engine, {{"network", "none"}});
    CHECK((MonotonicNs() - began) / kNsPerMs < 1000);
    CHECK(decision.effect == Effect::kDeny);
    CHECK_THAT(decision.reason, Catch::StartsWith("policy_error:opa_timeout"));
  }
  REQUIRE(AskUntil(*engine, Allows));
  const OpaProcessStatus status = engine->status().process;
  CHECK(status.restarts == 1);
  CHECK(status.healthy);
  CHECK(status.pid != pid);
  CHECK_THAT(status.last_error, Catch::Contains("did not answer about its health"));
  CHECK_FALSE(std::filesystem::exists(place.private_dir() + "/server-1"));
}

TEST_CASE("A killed opa is started again; until then everything is refused", "[opa]") {
  Place place;
  const auto engine = place.Engine(kPolicy);
  for (int round = 1; round <= 2; ++round) {
    const pid_t pid = engine->status().process.pid;
    REQUIRE(pid > 0);
    REQUIRE(kill(pid, SIGKILL) == 0);
    REQUIRE(AskUntil(*engine, Refuses));
    REQUIRE(AskUntil(*engine, Allows));
    CHECK(engine->status().process.restarts == round);
    CHECK(engine->status().process.pid != pid);
  }
  CHECK_THAT(engine->status().process.last_error, Catch::Contains("signal 9"));
}

TEST_CASE("One that cannot be started again decides nothing", "[opa]") {
  Place place;
  const auto engine = place.Engine(kPolicy);
  REQUIRE(std::filesystem::remove(place.private_dir() + "/program/opa"));
  REQUIRE(kill(engine->status().process.pid, SIGKILL) == 0);
  REQUIRE(AskUntil(*engine, [&](const Decision& decision) {
    return Refuses(decision) &&
           engine->status().process.last_error.find("program/opa") != std::string::npos;
  }));
  CHECK_THAT(Ask(*engine, {{"network", "none"}}).reason,
             Catch::StartsWith("policy_error:opa_unavailable"));
  CHECK_FALSE(engine->status().process.healthy);
}

TEST_CASE("After its end nothing is allowed, and nothing is left", "[opa]") {
  Place place;
  auto engine = place.Engine(kPolicy);
  const pid_t pid = engine->status().process.pid;
  engine->Shutdown();
  CHECK(kill(pid, 0) != 0);
  CHECK_THAT(Ask(*engine, {{"network", "none"}}).reason,
             Catch::StartsWith("policy_error:opa_unavailable"));
  engine.reset();
  CHECK(place.Left().empty());
}

TEST_CASE("With the launcher opa goes, too", "[opa]") {
  Place place;
  const auto engine = place.Engine(kPolicy);
  const pid_t pid = engine->status().process.pid;
  REQUIRE(kill(place.launcher_->pid(), SIGKILL) == 0);
  REQUIRE(AskUntil(*engine, Refuses));
  const std::int64_t until = MonotonicNs() + kPatienceNs;
  while (kill(pid, 0) == 0 && MonotonicNs() < until) {
    std::this_thread::yield();
  }
  CHECK(kill(pid, 0) != 0);
}

}  // namespace
}  // namespace casemate::policies
