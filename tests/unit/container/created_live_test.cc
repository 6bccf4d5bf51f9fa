// Against real engines, Docker and Podman: `tests/engines/with-engines --docker --podman --
// unit_container "[engines]"`. Hidden, for a machine need not have them.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/container/engine/engine.h"
#include "tests/unit/container/fixtures.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

template <typename T>
T Value(Result<T> result) {
  if (!result) {
    FAIL(Describe(result.error()));
  }
  return std::move(result).value();
}

void Done(const Result<void>& result) {
  if (!result) {
    FAIL(Describe(result.error()));
  }
}

struct Place {
  std::unique_ptr<Engine> engine;
  ImageDetails image;
};

ContainerSpec Spec(const Place& place, std::vector<std::string> command,
                   const std::function<void(ContainerSpec&)>& change = {}) {
  ContainerSpecBuilder builder(TestPolicy::Everything(), {place.image.id, false},
                               place.engine->info());
  ContainerSpec& spec = builder.spec();
  spec.name = "casemate-test-" + RandomHex(6);
  spec.user = "1000:1000";
  spec.command = std::move(command);
  spec.labels = {{"casemate.test", "1"}};
  if (change) {
    change(spec);
  }
  return Value(std::move(builder).Build());
}

// One container, removed at the end.
class Created {
 public:
  Created(const Engine& engine, const ContainerSpec& spec)
      : engine_(engine), id_(Value(engine.Create(spec))) {}
  Created(const Created&) = delete;
  Created& operator=(const Created&) = delete;
  ~Created() { [[maybe_unused]] const auto removed = engine_.Remove(id_, true); }
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  const Engine& engine_;
  std::string id_;
};

struct Output {
  std::string out;
  std::string err;
};

// Until the engine ends the stream.
Output ReadAll(EngineStream& stream) {
  Output output;
  std::string bytes = stream.TakeEarly();
  while (true) {
    std::string_view rest = bytes;
    while (true) {
      auto piece = Value(stream.decoder().Next(rest));
      if (!piece.has_value()) {
        break;
      }
      (piece->stream == StdStream::kStdout ? output.out : output.err).append(piece->bytes);
    }
    pollfd entry = {stream.fd(), POLLIN, 0};
    REQUIRE(poll(&entry, 1, 20'000) == 1);
    std::array<char, 4096> buffer{};
    const ssize_t got = read(stream.fd(), buffer.data(), buffer.size());
    if (got <= 0) {
      return output;
    }
    bytes.assign(buffer.data(), static_cast<std::size_t>(got));
  }
}

Place Open(const std::string& socket) {
  Place place;
  place.engine = Value(Engine::Connect(socket));
  place.image = Value(place.engine->InspectImage(TestImage()));
  INFO(place.engine->info().version);
  return place;
}

#define FOR_EACH_ENGINE(place)                                \
  REQUIRE_FALSE(Engines().empty());                           \
  const std::string socket = GENERATE(from_range(Engines())); \
  CAPTURE(socket);                                            \
  const Place place = Open(socket)

TEST_CASE("An engine tells what it is", "[.][engines]") {
  FOR_EACH_ENGINE(place);
  const EngineInfo& info = place.engine->info();
  CHECK(info.api_version == "1.41");
  CHECK_FALSE(info.storage_driver.empty());
  CHECK((info.cgroup_driver == "cgroupfs" || info.cgroup_driver == "systemd"));
  CHECK((info.cgroup_version == 1 || info.cgroup_version == 2));
  CHECK(info.has_seccomp);
  CHECK_FALSE(info.rootless);
  CHECK(info.runtime == "runc");
  CHECK(info.memory_bytes > 0);
  Done(place.engine->Ping());
}

TEST_CASE("A new container is as closed as its specification", "[.][engines]") {
  FOR_EACH_ENGINE(place);
  const casemate::testing::TempDir dir;
  const std::string file = dir.Write("file", "from the host");
  const Created made(*place.engine, Spec(place, {"cat", "/work/file"}, [&](ContainerSpec& spec) {
    spec.environment = {"A=b c"};
    spec.working_directory = "/tmp";
    spec.tmpfs = {{"/tmp", std::int64_t{1} << 20, 01777}};
    spec.binds = {{dir.path(), "/work", false}};
  }));
  const auto details = Value(place.engine->Inspect(made.id()));
  CHECK(details.summary.id == made.id());
  CHECK(details.summary.state == "created");
  CHECK(details.summary.image_id == place.image.id);
  CHECK(details.limits.memory_bytes == std::int64_t{128} << 20);
  CHECK(details.limits.cpu_millis == 500);
  CHECK(details.limits.pids == 32);
  CHECK(details.read_only_root);
  CHECK_FALSE(details.privileged);
  CHECK(details.network_mode == "none");
  CHECK(details.user == "1000:1000");
  CHECK(details.working_directory == "/tmp");
  CHECK(details.added_capabilities.empty());
  CHECK(std::count(details.security_options.begin(), details.security_options.end(),
                   "no-new-privileges") == 1);
  CHECK(details.started_ms == 0);
  CHECK(details.pid == 0);
  const auto bind = std::find_if(details.mounts.begin(), details.mounts.end(),
                                 [](const Mount& mount) { return mount.destination == "/work"; });
  REQUIRE(bind != details.mounts.end());
  CHECK(bind->kind == "bind");
  CHECK(bind->source == dir.path());
  CHECK_FALSE(bind->writable);
  CHECK(std::count_if(details.mounts.begin(), details.mounts.end(), [](const Mount& mount) {
          return mount.kind == "tmpfs" && mount.destination == "/tmp";
        }) == 1);
}

TEST_CASE("Attach, start and wait: a fresh run with input and both outputs", "[.][engines]") {
  FOR_EACH_ENGINE(place);
  const Created made(
      *place.engine,
      Spec(place,
           {"sh", "-c",
            "cat; echo bad >&2; id -u; cat /proc/self/status | grep -E 'CapEff|NoNewPrivs'; "
            "ulimit -n; (echo x > /no) 2>/dev/null || echo read-only; exit 7"},
           [](ContainerSpec& spec) { spec.open_stdin = true; }));
  auto stream = Value(place.engine->Attach(made.id(), true));
  Done(place.engine->Start(made.id()));
  REQUIRE(write(stream.fd(), "hello\n", 6) == 6);
  Done(stream.CloseStdin());
  const Output output = ReadAll(stream);
  CHECK(Value(place.engine->Wait(made.id(), {})) == 7);
  CHECK(output.err == "bad\n");
  CHECK(output.out.starts_with("hello\n1000\n"));
  CHECK(output.out.find("CapEff:\t0000000000000000\n") != std::string::npos);
  CHECK(output.out.find("NoNewPrivs:\t1\n") != std::string::npos);
  CHECK(output.out.find("read-only\n") != std::string::npos);
  const auto details = Value(place.engine->Inspect(made.id()));
  CHECK(details.summary.state == "exited");
  CHECK(details.exit_code == 7);
  CHECK(details.started_ms > 0);
  CHECK(details.finished_ms >= details.started_ms);
}

TEST_CASE("Exec, kill, pause, logs, stats, list and removal", "[.][engines]") {
  FOR_EACH_ENGINE(place);
  const Engine& engine = *place.engine;
  const ContainerSpec spec =
      Spec(place,
           {"sh", "-c",
            "trap 'exit 3' TERM; echo first; echo second >&2; while true; do sleep 0.1; done"},
           [](ContainerSpec& each) { each.labels.emplace_back("casemate.kind", "live"); });
  const Created made(engine, spec);
  Done(engine.Start(made.id()));
  Done(engine.Start(made.id()));  // is so already

  const auto list = Value(engine.List({false, {"casemate.kind=live"}}));
  REQUIRE(list.size() == 1);
  CHECK(list[0].id == made.id());
  CHECK(list[0].name == spec.name);
  CHECK(list[0].state == "running");
  CHECK(list[0].image_id == place.image.id);
  CHECK(list[0].created_ms > 0);
  CHECK(Value(engine.List({true, {"casemate.kind=other"}})).empty());
  CHECK(Value(engine.Inspect(spec.name)).pid > 0);
  CHECK(Value(engine.Inspect(made.id().substr(0, 12))).summary.id == made.id());

  const auto exec =
      Value(engine.CreateExec(made.id(), {{"sh", "-c", "cat; echo $A >&2; pwd; id -u; exit 4"},
                                          {"A=val"},
                                          "/bin",
                                          "1001:1001",
                                          true,
                                          false}));
  auto stream = Value(engine.StartExec(exec, false));
  REQUIRE(write(stream.fd(), "in\n", 3) == 3);
  Done(stream.CloseStdin());
  const Output output = ReadAll(stream);
  CHECK(output.out == "in\n/bin\n1001\n");
  CHECK(output.err == "val\n");
  const auto state = Value(engine.InspectExec(exec));
  CHECK_FALSE(state.running);
  CHECK(state.exit_code == 4);

  const auto tty = Value(engine.CreateExec(
      made.id(),
      {{"sh", "-c", "echo raw; tty >/dev/null && echo is a tty"}, {}, "", "", false, true}));
  auto raw = Value(engine.StartExec(tty, true));
  CHECK(ReadAll(raw).out.starts_with("raw\r\n"));

  std::string out;
  std::string err;
  Done(engine.Logs(made.id(), {},
                   [&](StdStream from, std::string_view bytes) {
                     (from == StdStream::kStdout ? out : err).append(bytes);
                     return true;
                   },
                   {}));
  CHECK(out == "first\n");
  CHECK(err == "second\n");

  const Usage usage = Value(engine.Stats(made.id()));
  CHECK(usage.read_ms > 0);
  CHECK(usage.cpu_ns > 0);
  CHECK(usage.memory_bytes > 0);
  CHECK(usage.memory_limit == std::int64_t{128} << 20);
  CHECK(usage.pids > 0);

  Done(engine.Pause(made.id()));
  CHECK(Value(engine.Inspect(made.id())).summary.state == "paused");
  Done(engine.Unpause(made.id()));
  Done(engine.Kill(made.id(), "SIGTERM"));
  CHECK(Value(engine.Wait(made.id(), {})) == 3);
  const auto again = engine.Kill(made.id(), "SIGTERM");
  REQUIRE_FALSE(again);
  CAPTURE(again.error().message);
  CHECK(again.error().code == ErrorCode::kInvalidArgument);
  Done(engine.Remove(made.id(), false));
  const auto gone = engine.Inspect(made.id());
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == ErrorCode::kNotFound);
}

TEST_CASE("Waiting, following logs and events end when they are taken back", "[.][engines]") {
  FOR_EACH_ENGINE(place);
  const Engine& engine = *place.engine;
  const Created made(engine, Spec(place, {"sleep", "1000"}));
  Done(engine.Start(made.id()));
  std::stop_source stop;
  std::atomic<int> cancelled = 0;
  const auto expect = [&](const auto& body) {
    return std::jthread([&, body] {
      const auto result = body(stop.get_token());
      cancelled += !result && result.error().code == ErrorCode::kCancelled ? 1 : 0;
    });
  };
  {
    const std::array threads = {
        expect([&](std::stop_token token) { return engine.Wait(made.id(), token); }),
        expect([&](std::stop_token token) {
          return engine.Logs(
              made.id(), {.follow = true}, [](StdStream, std::string_view) { return true; }, token);
        }),
        expect([&](std::stop_token token) {
          return engine.Events({}, [](const EngineEvent&) { return true; }, token);
        })};
    stop.request_stop();
  }
  CHECK(cancelled == 3);
}

TEST_CASE("Events tell what happened, from a moment on", "[.][engines]") {
  FOR_EACH_ENGINE(place);
  const Engine& engine = *place.engine;
  const ContainerSpec spec = Spec(place, {"true"});
  std::string id;
  std::int64_t created_ms = 0;
  {
    const Created made(engine, spec);
    id = made.id();
    Done(engine.Start(id));
    CHECK(Value(engine.Wait(id, {})) == 0);
    created_ms = Value(engine.Inspect(id)).summary.created_ms;
  }
  std::vector<std::string> actions;
  std::string exit_code;
  Done(engine.Events({(created_ms - 1000) * 1'000'000, 0, {"container"}},
                     [&](const EngineEvent& event) {
                       CHECK(event.type == "container");
                       if (event.id == id) {
                         CHECK(event.time_ns / 1'000'000 >= created_ms - 1000);
                         actions.push_back(event.action);
                         for (const auto& [name, value] : event.attributes) {
                           if (event.action == "die" &&
                               (name == "exitCode" || name == "containerExitCode")) {
                             exit_code = value;
                           }
                         }
                       }
                       return event.action != "destroy" || event.id != id;
                     },
                     {}));
  std::vector<std::string> wanted;
  for (const std::string& action : actions) {
    if (action == "create" || action == "start" || action == "die" || action == "destroy") {
      wanted.push_back(action);
    }
  }
  CHECK(wanted == std::vector<std::string>{"create", "start", "die", "destroy"});
  CHECK(exit_code == "0");

  // What has passed ends by itself.
  std::vector<std::string> past;
  const std::int64_t now = WallClockMs() * 1'000'000;
  Done(engine.Events({(created_ms - 1000) * 1'000'000, now, {"container"}},
                     [&](const EngineEvent& event) {
                       if (event.id == id) {
                         past.push_back(event.action);
                       }
                       return true;
                     },
                     {}));
  CHECK(std::count(past.begin(), past.end(), "start") == 1);
  CHECK(std::count(past.begin(), past.end(), "die") == 1);
}

TEST_CASE("Stop, restart and new limits", "[.][engines]") {
  FOR_EACH_ENGINE(place);
  const Engine& engine = *place.engine;
  const Created made(engine, Spec(place, {"sleep", "1000"}));
  Done(engine.Start(made.id()));
  const auto before = Value(engine.Inspect(made.id()));
  Done(engine.Restart(made.id(), 0));
  const auto after = Value(engine.Inspect(made.id()));
  CHECK(after.pid != before.pid);
  CHECK(after.summary.state == "running");
  constexpr std::int64_t kMemory = std::int64_t{192} << 20;
  const auto updated = engine.Update(made.id(), {kMemory, 0, 0}, SwapWith(after, kMemory));
  if (engine.info().kind == EngineKind::kDocker) {
    Done(updated);
    const auto bounded = Value(engine.Inspect(made.id()));
    CHECK(bounded.limits.memory_bytes == kMemory);
    CHECK(bounded.memory_swap - kMemory == after.memory_swap - after.limits.memory_bytes);
  } else {
    REQUIRE_FALSE(updated);  // its compatible API has no such thing before 4.5
    CAPTURE(updated.error().message);
    CHECK(updated.error().code != ErrorCode::kInternal);
  }
  Done(engine.Stop(made.id(), 0));
  Done(engine.Stop(made.id(), 0));
  CHECK(Value(engine.Inspect(made.id())).exit_code == 137);
}

TEST_CASE("What is not there is not found", "[.][engines]") {
  FOR_EACH_ENGINE(place);
  const Engine& engine = *place.engine;
  CHECK(engine.Inspect("casemate-test-none").error().code == ErrorCode::kNotFound);
  CHECK(engine.Stats("casemate-test-none").error().code == ErrorCode::kNotFound);
  CHECK(engine.Start("casemate-test-none").error().code == ErrorCode::kNotFound);
  CHECK(engine.Wait("casemate-test-none", {}).error().code == ErrorCode::kNotFound);
  CHECK(engine.Attach("casemate-test-none", true).error().code == ErrorCode::kNotFound);
  CHECK(engine.StartExec(std::string(64, 'a'), false).error().code == ErrorCode::kNotFound);
  CHECK(engine.InspectExec(std::string(64, 'a')).error().code == ErrorCode::kNotFound);
  CHECK(engine.InspectImage("casemate-test/none:1").error().code == ErrorCode::kNotFound);
  CHECK(
      engine.CreateExec("casemate-test-none", {{"true"}, {}, "", "", false, false}).error().code ==
      ErrorCode::kNotFound);
  const Created made(engine, Spec(place, {"true"}));
  const auto exec = engine.CreateExec(made.id(), {{"true"}, {}, "", "", false, false});
  REQUIRE_FALSE(exec);
  CAPTURE(exec.error().message);
  CHECK(exec.error().code == ErrorCode::kInvalidArgument);  // it does not run
}

TEST_CASE("Fifty commands at once", "[.][engines]") {
  FOR_EACH_ENGINE(place);
  const Engine& engine = *place.engine;
  const Created made(
      engine, Spec(place, {"sleep", "1000"}, [](ContainerSpec& spec) { spec.limits.pids = 128; }));
  Done(engine.Start(made.id()));
  std::atomic<int> fine = 0;
  std::atomic<int> next = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        while (next++ < 50) {
          const auto exec =
              engine.CreateExec(made.id(), {{"sh", "-c", "exit 5"}, {}, "", "", false, false});
          auto stream = exec ? engine.StartExec(*exec, false) : Result<EngineStream>(exec.error());
          if (!stream) {
            continue;
          }
          std::array<char, 256> buffer{};
          pollfd entry = {stream->fd(), POLLIN, 0};
          while (poll(&entry, 1, 30'000) == 1 &&
                 read(stream->fd(), buffer.data(), buffer.size()) > 0) {
          }
          const auto state = engine.InspectExec(*exec);
          fine += state && !state->running && state->exit_code == 5 ? 1 : 0;
        }
      });
    }
  }
  CHECK(fine == 50);
}

}  // namespace
}  // namespace casemate::container
