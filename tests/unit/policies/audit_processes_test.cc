#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/unit/policies/audit_fixture.h"

namespace casemate::policies {

using test::TempDir;
using test::Trail;

namespace {

constexpr int kCalls = 50;

// One server of several: waits for the start, opens the file itself (an SQLite connection must not
// cross a fork), and makes its calls. Returns the exit code.
int Serve(const std::string& dir, const std::string& incarnation, int start_fd) {
  char byte = 0;
  if (::read(start_fd, &byte, 1) != 0) {
    return 2;
  }
  auto policy = LoadYamlPolicy(ShippedPolicies().front().text, "default");
  auto store = Store::Open(dir + "/audit.db");
  if (!policy || !store) {
    return 3;
  }
  auto log = AuditLog::Open(**store, incarnation);
  if (!log) {
    return 4;
  }
  const nlohmann::json args = {{"network", "none"}};
  const nlohmann::json context = nlohmann::json::object();
  for (int i = 0; i < kCalls; ++i) {
    const Decision decision = (*policy)->Decide({"run", {}, args, context, NoHistory()});
    auto seq = (*log)->Begin({"run", {}, "cli", args, context, decision});
    if (!seq || !(*log)->End(*seq, {{"status", "exited"}})) {
      return 5;
    }
  }
  return 0;
}

}  // namespace

TEST_CASE("Four processes at once make one unbroken chain") {
  const TempDir dir;
  std::array<int, 2> start{};
  REQUIRE(::pipe2(start.data(), O_CLOEXEC) == 0);
  std::array<pid_t, 4> servers{};
  for (std::size_t i = 0; i < servers.size(); ++i) {
    servers.at(i) = ::fork();
    REQUIRE(servers.at(i) >= 0);
    if (servers.at(i) == 0) {
      ::close(start[1]);
      ::_exit(Serve(dir.path(), "server-" + std::to_string(i), start[0]));
    }
  }
  ::close(start[0]);
  ::close(start[1]);  // all at once, the making of the file and its tables included
  for (const pid_t server : servers) {
    int status = 0;
    REQUIRE(::waitpid(server, &status, 0) == server);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
  }
  Trail trail(dir.path(), "reader");
  const auto verification = trail.Verify();
  CHECK(verification.records == 4 * 2 * kCalls);
  CHECK(verification.problems.empty());
  CHECK(verification.unfinished_intents.empty());
  std::map<std::string, int> written;
  for (const AuditRecord& record : trail.All()) {
    ++written[(*ParseJson(record.body))["incarnation"].get<std::string>()];
  }
  CHECK(written.size() == 4);
  for (const auto& [incarnation, count] : written) {
    INFO(incarnation);
    CHECK(count == 2 * kCalls);
  }
}

TEST_CASE("Threads of one server share one log") {
  const TempDir dir;
  Trail trail(dir.path());
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int call = 0; call < 20; ++call) {
          auto seq = trail.TryBegin();
          if (!seq || !trail.log().End(*seq, nlohmann::json::object())) {
            ++failures;
          }
        }
      });
    }
  }
  CHECK(failures == 0);
  const auto verification = trail.Verify();
  CHECK(verification.records == 160);
  CHECK(verification.problems.empty());
}

}  // namespace casemate::policies
