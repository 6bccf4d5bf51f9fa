// Builds by real engines: BuildKit, Docker's legacy builder, Podman's. What the client promises of
// each of them is looked up in what they did.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "sandbox/container/build/build_client.h"
#include "tests/engines/control.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {

namespace {

constexpr std::int64_t kPatienceNs = 30'000'000'000;

struct Way {
  const char* name;
  const char* variable;  // with the engine's socket
  Builder builder;
  BuilderChoice choice;
};
constexpr Way kWays[] = {
    {"BuildKit", "CASEMATE_TEST_DOCKER", Builder::kBuildKit, BuilderChoice::kAuto},
    {"legacy", "CASEMATE_TEST_DOCKER", Builder::kLegacy, BuilderChoice::kLegacy},
    {"Podman", "CASEMATE_TEST_PODMAN", Builder::kPodman, BuilderChoice::kAuto},
};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  INFO("start this by ctest, or: tests/engines/with-engines --docker --podman -- COMMAND");
  REQUIRE(value != nullptr);
  return value;
}

class Project {
 public:
  explicit Project(const Way& way) : way_(way) {
    auto connected = Engine::Connect(Variable(way.variable));
    if (!connected) {
      FAIL(Describe(connected.error()));
    }
    engine = *std::move(connected);
  }
  void Dockerfile(const std::string& steps) const {
    Put("Dockerfile", "FROM " + Variable("CASEMATE_TEST_IMAGE") + "\n" + steps);
  }
  void Put(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(dir_ / path).parent_path());
    std::ofstream(dir_ / path) << content;
  }
  void Link(const std::string& target, const std::string& path) const {
    std::filesystem::create_symlink(target, dir_ / path);
  }
  void Mode(const std::string& path, int mode) const {
    std::filesystem::permissions(dir_ / path, static_cast<std::filesystem::perms>(mode));
  }
  Result<BuildResult> Try(BuildRequest request = {}, const BuildSink& sink = {},
                          const std::stop_token& stop = {}) const {
    const UniqueFd fd(open(dir_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const auto context = BuildContext::Scan(fd.get(), {}, {});
    REQUIRE(context);
    request.builder = way_.choice;
    return Build(*engine, *context, request, sink, stop);
  }
  BuildResult Run(const BuildRequest& request = {}) const {
    std::string log;
    const auto result = Try(request, [&](const BuildEvent& event) { log += event.text; });
    if (!result) {
      FAIL(way_.name << ": " << Describe(result.error()));
    }
    CHECK(result->builder == way_.builder);
    UNSCOPED_INFO(result->error << "\n" << log);
    return *result;
  }

  std::unique_ptr<Engine> engine;

 private:
  const Way& way_;
  casemate::testing::TempDir dir_;
};

// Whether a process with this word among its arguments runs on this machine.
bool Runs(const std::string& word) {
  for (const std::string& pid : ListNames("/proc")) {
    const auto command = ReadFile("/proc/" + pid + "/cmdline", 1 << 16);
    if (pid.find_first_not_of("0123456789") == std::string::npos && command &&
        command->find(word) != std::string::npos) {
      return true;
    }
  }
  return false;
}

TEST_CASE("an image is built, tagged, labelled, and found in the cache") {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const Project project(way);
    const std::string tag = "casemate-test/built-" + RandomHex(4) + ":1";
    project.Dockerfile(
        "ARG WHO=nobody\nCOPY . /ctx/\n"
        "RUN test -f /ctx/keep/me && test ! -e /ctx/drop && test ! -e /ctx/keep/not && "
        "test \"$(readlink /ctx/sub/link)\" = ../etc/passwd && "
        "test \"$(stat -c %a:%u:%g /ctx/keep/me)\" = 750:0:0\n"
        "RUN echo hello $WHO\n");
    project.Put("keep/me", "kept");
    project.Put("keep/not", "");
    project.Put("drop/x", "");
    project.Put(".dockerignore", "drop\nkeep/*\n!keep/me\n");
    project.Put("added", RandomHex(4));  // nothing of it is in the cache
    project.Put("sub/file", "");
    project.Link("../etc/passwd", "sub/link");
    project.Mode("keep/me", 0750);
    const BuildRequest request{.tags = {tag},
                               .build_args = {{"WHO", "you & \"me\""}},
                               .labels = {{"test.label", "a=b c"}}};
    std::string log;
    const auto first = project.Try(request, [&](const BuildEvent& event) {
      log += event.kind == BuildEventKind::kStepLog ? event.text : std::string_view();
    });
    if (!first) {
      FAIL(Describe(first.error()));
    }
    INFO(first->error << "\n" << log);
    REQUIRE(first->succeeded);
    CHECK(log.find("hello you & \"me\"") != std::string::npos);
    const auto image = project.engine->InspectImage(tag);
    REQUIRE(image);
    CHECK(image->id == first->image_id);
    const BuildResult second = project.Run(request);
    CHECK(second.succeeded);
    CHECK(second.image_id == first->image_id);
    CHECK(second.cached_steps >= 3);
    CHECK(second.cached_steps > first->cached_steps);
    const BuildResult anew = project.Run({.tags = {tag}, .no_cache = true});
    CHECK(anew.succeeded);
    CHECK(anew.cached_steps <= 1);  // BuildKit's base image
  }
}

TEST_CASE("what a builder reads is ignored like all else, or the result says that it is not",
          "[engines][builds]") {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const Project project(way);
    project.Dockerfile("COPY . /ctx/\nRUN echo; ls -A /ctx\n");
    project.Put(".dockerignore", "Dockerfile\n.dockerignore\n");
    project.Put("added", RandomHex(4));
    std::string log;
    const auto result = project.Try({}, [&](const BuildEvent& event) { log += event.text; });
    REQUIRE(result);
    INFO(result->error << "\n" << log);
    REQUIRE(result->succeeded);
    const bool is_copied = log.find("\nDockerfile\n") != std::string::npos;
    CHECK(is_copied == (way.builder == Builder::kBuildKit));
    CHECK(result->not_ignored == (is_copied
                                      ? std::vector<std::string>{".dockerignore", "Dockerfile"}
                                      : std::vector<std::string>{}));
    CHECK(is_copied == (log.find("BuildKit could copy") != std::string::npos));
  }
}

TEST_CASE("a command that fails is named with its exit code and last words") {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const Project project(way);
    project.Dockerfile("RUN echo fine\nRUN echo last words; exit 9\nRUN echo never\n");
    const BuildResult result = project.Run();
    CHECK_FALSE(result.succeeded);
    CHECK(result.exit_code == 9);
    REQUIRE(result.failing_step);
    CHECK(result.failing_step->name.find("exit 9") != std::string::npos);
    CHECK(result.failing_step->total == 4);
    CHECK(result.failing_step->number == 3);
    CHECK(result.log_tail.find("last words\n") != std::string::npos);
  }
}

TEST_CASE("commands of a build have no network") {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const Project project(way);
    // Neither routes nor addresses but those of the loopback.
    project.Dockerfile(
        "RUN test \"$(wc -l < /proc/net/route)\" -le 1 && "
        "! ip -o addr | grep -v ' lo ' | grep -q inet\n");
    CHECK(project.Run({.no_cache = true}).succeeded);
  }
}

TEST_CASE("limits hold where they are said to") {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const Project project(way);
    project.Dockerfile("RUN dd if=/dev/zero of=/dev/null bs=100M count=1\n");
    CHECK(project.Run({.no_cache = true}).succeeded);
    const BuildRequest limited{.limits = {.memory_bytes = 32 << 20, .cpu_millis = 500, .pids = 0},
                               .no_cache = true};
    if (way.builder == Builder::kBuildKit) {
      const auto refused = project.Try(limited);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().field == "limits");
      continue;
    }
    const BuildResult killed = project.Run(limited);
    CHECK_FALSE(killed.succeeded);
    CHECK(killed.unheld_limits.empty());
    REQUIRE(killed.failing_step);
    CHECK(killed.failing_step->name.find("dd if") != std::string::npos);
  }
}

TEST_CASE("a build that is taken back ends in the engine, too") {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const Project project(way);
    const std::string word = "word" + RandomHex(8);
    // Podman waits for the end of the command that runs; none may follow it.
    const bool is_podman = way.builder == Builder::kPodman;
    project.Dockerfile("RUN echo started; sleep " + std::string(is_podman ? "2" : "600") +
                       "; : " + word + "\nRUN sleep 600; : next" + word + "\n");
    std::stop_source stop;
    const auto result = project.Try(
        {},
        [&](const BuildEvent& event) {
          if (event.kind == BuildEventKind::kStepLog && event.text.starts_with("started")) {
            stop.request_stop();
          }
        },
        stop.get_token());
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::kCancelled);
    CHECK((result.error().message.find("Podman") != std::string::npos) == is_podman);
    const std::int64_t deadline = MonotonicNs() + kPatienceNs;
    while (Runs(word) && MonotonicNs() < deadline) {
      poll(nullptr, 0, 20);
    }
    CHECK_FALSE(Runs(word));
  }
}

TEST_CASE("an engine that dies in the middle of a build is told, and builds when it is back") {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const Project project(way);
    const std::string word = "word" + RandomHex(8);
    project.Dockerfile("RUN echo started; sleep 600; : " + word + "\n");
    std::optional<testing::Killed> killed;
    const auto result = project.Try({}, [&](const BuildEvent& event) {
      if (event.kind == BuildEventKind::kStepLog && event.text.starts_with("started")) {
        killed.emplace(way.builder == Builder::kPodman ? "podman" : "docker");
      }
    });
    REQUIRE(killed);
    REQUIRE_FALSE(result);
    INFO(Describe(result.error()));
    CHECK(result.error().code == ErrorCode::kUnavailable);
    CHECK_FALSE(result.error().remedy.empty());
    const auto absent = project.Try();
    REQUIRE_FALSE(absent);
    CHECK(absent.error().code == ErrorCode::kUnavailable);
    killed->Start();
    project.Dockerfile("RUN echo again\n");
    CHECK(project.Run({.no_cache = true}).succeeded);
  }
}

TEST_CASE("what an engine objects to is told in its words") {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const Project project(way);
    project.Dockerfile("BOGUS instruction\n");
    const auto result = project.Try();
    const std::string words = result ? result->error : result.error().message;
    CAPTURE(words);
    CHECK((!result || !result->succeeded));
    CHECK(words.find("BOGUS") != std::string::npos);
  }
}

}  // namespace

}  // namespace casemate::container
