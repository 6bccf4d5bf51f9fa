#include "policies/identity/incarnation.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>

#include <catch2/catch.hpp>

#include "tests/unit/policies/fixtures.h"

namespace casemate::policies {

using test::TempDir;
namespace fs = std::filesystem;

namespace {

std::string LockPath(const TempDir& dir, const std::string& id) {
  return dir.path() + "/incarnations/" + id;
}

// A process that begins an incarnation and is killed. Returns its id.
std::string KilledIncarnation(const TempDir& dir) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto incarnation = Incarnation::Begin(dir.path());
    const std::string id = incarnation ? incarnation->id() : "";
    if (::write(ends[1], id.data(), id.size()) < 0) {
      ::_exit(1);
    }
    ::raise(SIGKILL);
  }
  ::close(ends[1]);
  std::array<char, 64> text{};
  const auto size = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  REQUIRE(size > 0);
  return {text.data(), static_cast<std::size_t>(size)};
}

}  // namespace

TEST_CASE("An incarnation lives until its object ends") {
  const TempDir dir;
  std::string id;
  {
    auto incarnation = Incarnation::Begin(dir.path());
    REQUIRE(incarnation);
    id = incarnation->id();
    CHECK(id.size() <= 40);
    CHECK(id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz-") == std::string::npos);
    CHECK(Incarnation::IsAlive(dir.path(), id));
    CHECK(Incarnation::ClaimDead(dir.path()).empty());
    struct stat info = {};
    REQUIRE(::stat(LockPath(dir, id).c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0600);
    // Moving hands the lock on; the shell left behind removes nothing.
    const Incarnation moved = *std::move(incarnation);
    CHECK(Incarnation::IsAlive(dir.path(), id));
  }
  CHECK_FALSE(Incarnation::IsAlive(dir.path(), id));
  CHECK_FALSE(fs::exists(LockPath(dir, id)));
}

TEST_CASE("Only the dead are claimed, and by one server only") {
  const TempDir dir;
  auto alive = Incarnation::Begin(dir.path());
  REQUIRE(alive);
  const std::string dead_id = KilledIncarnation(dir);
  CHECK_FALSE(Incarnation::IsAlive(dir.path(), dead_id));
  auto claimed = Incarnation::ClaimDead(dir.path());
  REQUIRE(claimed.size() == 1);
  CHECK(claimed[0].id == dead_id);
  CHECK(Incarnation::ClaimDead(dir.path()).empty());

  SECTION("forgotten: gone for good") {
    claimed[0].Forget();
    CHECK_FALSE(fs::exists(LockPath(dir, dead_id)));
    CHECK(Incarnation::ClaimDead(dir.path()).empty());
    claimed[0].Forget();  // a second time does nothing
  }
  SECTION("not forgotten: the next start tries again") {
    claimed.clear();
    CHECK(Incarnation::ClaimDead(dir.path()).size() == 1);
  }
  CHECK(Incarnation::IsAlive(dir.path(), alive->id()));
}

TEST_CASE("What is left to the reaper is claimed like the dead") {
  const TempDir dir;
  auto incarnation = Incarnation::Begin(dir.path());
  REQUIRE(incarnation.ok());
  incarnation->LeaveToReaper();
  CHECK_FALSE(Incarnation::IsAlive(dir.path(), incarnation->id()));
  auto dead = Incarnation::ClaimDead(dir.path());
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].id == incarnation->id());
}

TEST_CASE("Forget does not remove a file that is no longer ours") {
  const TempDir dir;
  const std::string id = KilledIncarnation(dir);
  auto claimed = Incarnation::ClaimDead(dir.path());
  REQUIRE(claimed.size() == 1);
  REQUIRE(fs::remove(LockPath(dir, id)));
  std::ofstream(LockPath(dir, id)) << "another";
  claimed[0].Forget();
  CHECK(fs::exists(LockPath(dir, id)));
}

TEST_CASE("Ids that are paths, planted links and odd files are ignored") {
  const TempDir dir;
  auto alive = Incarnation::Begin(dir.path());
  REQUIRE(alive);
  std::ofstream(dir.path() + "/victim") << "x";
  fs::create_symlink("../victim", LockPath(dir, "aaaa"));
  REQUIRE(::mkfifo(LockPath(dir, "bbbb").c_str(), 0600) == 0);
  fs::create_directory(LockPath(dir, "cccc"));
  std::ofstream(LockPath(dir, "Not_An_Id")) << "x";
  CHECK(Incarnation::ClaimDead(dir.path()).empty());
  CHECK(fs::exists(dir.path() + "/victim"));
  CHECK_FALSE(Incarnation::IsAlive(dir.path(), "../victim"));
  CHECK_FALSE(Incarnation::IsAlive(dir.path(), ""));
  // What cannot be judged is taken to be alive, so that nobody reaps it.
  CHECK(Incarnation::IsAlive(dir.path(), "aaaa"));
}

TEST_CASE("A state directory that cannot be written is an error") {
  const TempDir dir;
  std::ofstream(dir.path() + "/file") << "x";
  CHECK_FALSE(Incarnation::Begin(dir.path() + "/file"));
  CHECK(Incarnation::ClaimDead(dir.path() + "/missing").empty());
  CHECK_FALSE(Incarnation::IsAlive(dir.path() + "/missing", "aaaa"));
}

TEST_CASE("Starting servers survive reapers at work") {
  // Reapers take and forget every free lock as fast as they can, among them files that their owners
  // have created but not yet locked. No server that began may ever lose its lock.
  const TempDir dir;
  std::array<int, 2> stop{};
  REQUIRE(::pipe2(stop.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  std::array<pid_t, 2> reapers{};
  for (pid_t& reaper : reapers) {
    reaper = ::fork();
    REQUIRE(reaper >= 0);
    if (reaper == 0) {
      ::close(stop[1]);
      char byte = 0;
      while (::read(stop[0], &byte, 1) < 0) {  // EAGAIN until the parent closes its end
        for (auto& dead : Incarnation::ClaimDead(dir.path())) {
          dead.Forget();
        }
      }
      ::_exit(0);
    }
  }
  int lost = 0;
  int begun = 0;
  for (int round = 0; round < 300; ++round) {
    auto incarnation = Incarnation::Begin(dir.path());
    if (incarnation) {
      ++begun;
      lost += Incarnation::IsAlive(dir.path(), incarnation->id()) ? 0 : 1;
    }
  }
  ::close(stop[1]);
  for (const pid_t reaper : reapers) {
    CHECK(::waitpid(reaper, nullptr, 0) == reaper);
  }
  ::close(stop[0]);
  CHECK(lost == 0);
  CHECK(begun == 300);
}

}  // namespace casemate::policies
