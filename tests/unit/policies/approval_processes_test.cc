// Several servers on one state directory, and one approval.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include <catch2/catch.hpp>

#include "tests/unit/policies/approval_fixture.h"

namespace casemate::policies {

using test::Cli;
using test::TempDir;
using test::Trail;

namespace {

constexpr int kGotIt = 10;
constexpr int kNothing = 11;
constexpr const char* kHash = "the same call";

// What a server does with the call, once all may start; the result is an exit code.
int TryOnce(const std::string& dir, const std::string& incarnation, int start_fd) {
  char byte = 0;
  if (::read(start_fd, &byte, 1) != 0) {
    return 2;
  }
  auto policy = LoadYamlPolicy(test::kAskPolicy, "policy");
  auto store = Store::Open(dir + "/audit.db");
  if (!policy || !store) {
    return 3;
  }
  auto log = AuditLog::Open(**store, incarnation);
  if (!log) {
    return 4;
  }
  ApprovalDesk desk(**store, **log);
  const nlohmann::json none = nlohmann::json::object();
  const Decision decision = (*policy)->Decide({"run", {}, none, none, NoHistory()});
  const auto taken = desk.Take({"run", kHash, {}, "test", {}}, decision);
  if (!taken) {
    return 5;
  }
  return taken->proof ? kGotIt : kNothing;
}

}  // namespace

TEST_CASE("of several processes exactly one gets an approval") {
  const TempDir dir;
  {
    Trail trail(dir.path(), "first");
    const auto policy = test::Load(test::kAskPolicy);
    ApprovalDesk desk(trail.store(), trail.log());
    const ApprovalCall call{"run", kHash, {}, "test", {}};
    const auto asked =
        desk.Request(call, test::DecideCall(*policy, nlohmann::json::object()), {"", ""});
    REQUIRE(asked);
    REQUIRE(desk.Grant(asked->id, Cli(), false));
  }
  std::array<int, 2> start{};
  REQUIRE(::pipe2(start.data(), O_CLOEXEC) == 0);
  std::array<pid_t, 6> servers{};
  for (std::size_t i = 0; i < servers.size(); ++i) {
    servers.at(i) = ::fork();
    REQUIRE(servers.at(i) >= 0);
    if (servers.at(i) == 0) {
      ::close(start[1]);
      ::_exit(TryOnce(dir.path(), "server-" + std::to_string(i), start[0]));
    }
  }
  ::close(start[0]);
  ::close(start[1]);
  int got = 0;
  for (const pid_t server : servers) {
    int status = 0;
    REQUIRE(::waitpid(server, &status, 0) == server);
    REQUIRE(WIFEXITED(status));
    CHECK((WEXITSTATUS(status) == kGotIt || WEXITSTATUS(status) == kNothing));
    got += WEXITSTATUS(status) == kGotIt ? 1 : 0;
  }
  CHECK(got == 1);
  Trail trail(dir.path(), "reader");
  int used = 0;
  for (const AuditRecord& record : trail.All()) {
    used += nlohmann::json::parse(record.body)["kind"] == "approval_used" ? 1 : 0;
  }
  CHECK(used == 1);
  CHECK(trail.Verify().problems.empty());
}

}  // namespace casemate::policies
