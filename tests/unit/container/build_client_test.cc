#include "sandbox/container/build/build_client.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "sandbox/container/build/build_reply.h"
#include "tests/unit/container/build_fixture.h"
#include "tests/unit/container/build_server.h"
#include "tests/unit/container/tar_reader.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {

namespace {

using test::BuildServer;
using test::ContextOf;
using test::Put;
using test::Recorded;
using test::SeenBuild;
using test::Telling;
using Peer = BuildServer::Peer;

const std::string kId = "sha256:" + std::string(64, 'a');
const std::string kBuilt = R"({"aux":{"ID":")" + kId + "\"}}\n";

// An engine that gives one answer, and a context to build from.
struct Setup {
  Setup(bool podman, BuildServer::ServeBuild serve, bool reads_body = true)
      : fake(podman, std::move(serve), reads_body) {
    Put(dir, "Dockerfile", "FROM scratch\nCOPY note.txt /\n");
    Put(dir, "note.txt", "note");
    auto connected = Engine::Connect(fake.path());
    if (!connected) {
      FAIL(Describe(connected.error()));
    }
    engine = *std::move(connected);
  }
  Result<BuildResult> Run(const BuildRequest& request = {}, const std::stop_token& stop = {}) {
    return Build(*engine, ContextOf(dir), request, told.sink(), stop);
  }
  casemate::testing::TempDir dir;
  BuildServer fake;
  std::unique_ptr<Engine> engine;
  Telling told;
};

BuildServer::ServeBuild Says(std::string body, std::size_t piece = 1 << 16, int status = 200) {
  return [=](Peer& peer, const SeenBuild&) { return peer.Answer(status, body, piece); };
}

BuildResult Value(const Result<BuildResult>& result) {
  if (!result) {
    FAIL(Describe(result.error()));
  }
  return *result;
}

TEST_CASE("what BuildKit tells becomes steps, however it is cut", "[container][build]") {
  for (const std::size_t piece : {1, 7, 1000, 1 << 20}) {
    Setup setup(false, Says(Recorded("buildkit.jsonl"), piece));
    const BuildResult result = Value(setup.Run());
    CAPTURE(piece, setup.told.All());
    CHECK(result.succeeded);
    CHECK(result.builder == Builder::kBuildKit);
    CHECK(result.image_id.starts_with("sha256:"));
    CHECK(result.image_id.size() == 71);
    CHECK(result.steps == 4);
    CHECK(result.cached_steps == 0);
    CHECK(result.error.empty());
    CHECK_FALSE(result.failing_step);
    CHECK(setup.told.lines ==
          std::vector<std::string>{"begun tools 1/2 COPY", "done tools 1/2 COPY",
                                   "begun tools 2/2 RUN", "done tools 2/2 RUN",
                                   "begun stage-1 1/2 COPY", "done stage-1 1/2 COPY",
                                   "begun stage-1 2/2 RUN", "done stage-1 2/2 RUN"});
    CHECK(setup.told.out == "hello world\nno endsecond\n");
    CHECK(setup.told.err == "oops\n");
    CHECK(setup.told.progress > 0);
  }
}

TEST_CASE("steps from the cache are told as such by all builders", "[container][build]") {
  struct Row {
    const char* name;
    bool podman;
    BuilderChoice choice;
    int steps;
    int cached;
  };
  for (const Row& row : {Row{"buildkit-cached.jsonl", false, BuilderChoice::kAuto, 4, 4},
                         Row{"legacy-cached.jsonl", false, BuilderChoice::kLegacy, 7, 5},
                         Row{"podman-cached.jsonl", true, BuilderChoice::kAuto, 7, 2}}) {
    Setup setup(row.podman, Says(Recorded(row.name)));
    const BuildResult result = Value(setup.Run({.builder = row.choice}));
    CAPTURE(row.name, setup.told.All());
    CHECK(result.succeeded);
    CHECK(result.steps == row.steps);
    CHECK(result.cached_steps == row.cached);
    CHECK(std::count_if(setup.told.lines.begin(), setup.told.lines.end(),
                        [](const std::string& line) { return line.starts_with("cached "); }) ==
          row.cached);
  }
}

TEST_CASE("the builders that print lines tell steps, too", "[container][build]") {
  SECTION("Docker's legacy builder") {
    Setup setup(false, Says(Recorded("legacy.jsonl"), 3));
    const BuildResult result = Value(setup.Run({.builder = BuilderChoice::kLegacy}));
    CHECK(result.builder == Builder::kLegacy);
    CHECK(result.steps == 7);
    CHECK(setup.told.lines ==
          std::vector<std::string>{
              "begun 1/7 FROM", "done 1/7 FROM", "begun 2/7 COPY", "done 2/7 COPY", "begun 3/7 ARG",
              "done 3/7 ARG", "begun 4/7 RUN", "done 4/7 RUN", "begun 5/7 FROM", "done 5/7 FROM",
              "begun 6/7 COPY", "done 6/7 COPY", "begun 7/7 RUN", "done 7/7 RUN"});
    CHECK(setup.told.out == "hello world\nno endsecond\n");
    CHECK(setup.told.err == "oops\n");
  }
  SECTION("Podman") {
    Setup setup(true, Says(Recorded("podman.jsonl"), 3));
    const BuildResult result = Value(setup.Run());
    CHECK(result.builder == Builder::kPodman);
    CHECK(result.steps == 7);
    CHECK(setup.told.lines ==
          std::vector<std::string>{"begun 1/2 1/4 FROM", "done 1/2 1/4 FROM", "begun 1/2 2/4 COPY",
                                   "done 1/2 2/4 COPY", "begun 1/2 3/4 ARG", "done 1/2 3/4 ARG",
                                   "begun 1/2 4/4 RUN", "done 1/2 4/4 RUN", "begun 2/2 1/3 FROM",
                                   "done 2/2 1/3 FROM", "begun 2/2 2/3 COPY", "done 2/2 2/3 COPY",
                                   "begun 2/2 3/3 RUN", "done 2/2 3/3 RUN"});
    CHECK(setup.told.out == "hello world\nno endoops\nsecond\n");  // it tells no stderr
  }
}

TEST_CASE("a build that fails is a result: which step, why, its exit code and last words",
          "[container][build]") {
  struct Row {
    const char* name;
    bool podman;
    BuilderChoice choice;
    int number;
    int total;
    const char* error;
  };
  for (const Row& row :
       {Row{"buildkit-failed.jsonl", false, BuilderChoice::kAuto, 2, 2, "exit code: 7"},
        Row{"legacy-failed.jsonl", false, BuilderChoice::kLegacy, 7, 7, "non-zero code: 7"},
        Row{"podman-failed.jsonl", true, BuilderChoice::kAuto, 3, 3, "exit status 7"}}) {
    Setup setup(row.podman, Says(Recorded(row.name)));
    const BuildResult result = Value(setup.Run({.builder = row.choice}));
    CAPTURE(row.name, setup.told.All());
    CHECK_FALSE(result.succeeded);
    CHECK(result.image_id.empty());
    REQUIRE(result.failing_step);
    CHECK(result.failing_step->number == row.number);
    CHECK(result.failing_step->total == row.total);
    CHECK(result.failing_step->name.starts_with("RUN ["));
    CHECK(result.exit_code == 7);
    CHECK(result.error.ends_with(row.error));
    CHECK(result.log_tail == "before\n");
    CHECK(setup.told.lines.back().starts_with("failed "));
  }
}

TEST_CASE("an engine without BuildKit builds with what it has", "[container][build]") {
  for (const char* refusal : {R"({"message":"buildkit is not supported by daemon"})",
                              R"({"message":"invalid version \"2\""})"}) {
    Setup setup(false, [&](Peer& peer, const SeenBuild& request) {
      return request.head.find("version=2") != std::string::npos
                 ? peer.Answer(400, refusal)
                 : peer.Answer(200, Recorded("legacy.jsonl"));
    });
    const BuildResult result = Value(setup.Run());
    CHECK(result.builder == Builder::kLegacy);
    CHECK(setup.told.lines.front().starts_with("note: the engine has no BuildKit"));
    const auto builds = setup.fake.builds();
    REQUIRE(builds.size() == 2);
    CHECK(builds[0].body == builds[1].body);  // the context is sent anew
  }
  SECTION("one that passes over the version it is asked for") {
    Setup setup(false, Says(Recorded("legacy.jsonl")));
    CHECK(Value(setup.Run()).builder == Builder::kLegacy);
  }
}

TEST_CASE("the context arrives whole, and the query says what was asked for",
          "[container][build]") {
  Setup setup(false, Says(kBuilt));
  BuildRequest request;
  request.target = "stage";
  request.tags = {"a/b:1", "c:2"};
  request.build_args = {{"X", "a=b&c d"}};
  request.labels = {{"l.m", "\"quoted\""}};
  request.no_cache = true;
  const BuildResult result = Value(setup.Run(request));
  CHECK(result.image_id == kId);
  const SeenBuild seen = setup.fake.builds().at(0);
  CHECK(test::PathsOf(test::ReadTar(seen.body)) ==
        std::vector<std::string>{"Dockerfile", "note.txt"});
  CHECK(result.context_bytes == static_cast<std::int64_t>(seen.body.size()));
  CHECK(
      seen.head.starts_with("POST /v1.41/build?version=2&dockerfile=Dockerfile&t=a%2Fb%3A1&t=c%3A2"
                            "&target=stage&buildargs=%7B%22X%22%3A%22a%3Db%26c%20d%22%7D"
                            "&labels=%7B%22l.m%22%3A%22%5C%22quoted%5C%22%22%7D"
                            "&networkmode=none&rm=1&forcerm=1&nocache=1 HTTP/1.1\r\n"));
  CHECK(seen.head.find("Content-Type: application/x-tar\r\n") != std::string::npos);
}

TEST_CASE("networks and limits are said as each builder understands them", "[container][build]") {
  const casemate::testing::TempDir dir;
  Put(dir, "Dockerfile", "FROM scratch\n");
  const BuildContext context = ContextOf(dir);
  BuildRequest request;
  request.limits = {.memory_bytes = 1 << 20, .cpu_millis = 250, .pids = 0};
  request.ulimits = {{"nofile", 10, 20}};
  const auto has = [&](Builder builder, std::string_view part) {
    return BuildQuery(request, context, builder).find(part) != std::string::npos;
  };
  CHECK(has(Builder::kBuildKit, "&networkmode=none&"));
  CHECK_FALSE(has(Builder::kBuildKit, "memory"));
  CHECK(has(Builder::kLegacy, "&memory=1048576&memswap=1048576&cpuperiod=100000&cpuquota=25000&"));
  CHECK(has(Builder::kLegacy, "&ulimits=%5B%7B%22Hard%22%3A20%2C%22Name%22%3A%22nofile%22"));
  CHECK(has(Builder::kPodman, "&ulimits=%5B%22nofile%3D10%3A20%22%5D&"));
  CHECK(has(Builder::kPodman, "&memory=1048576&"));
  // Podman builds in the host's network unless it is told of a namespace.
  CHECK(has(Builder::kPodman,
            "&networkmode=NetworkDisabled&nsoptions=%5B%7B%22Name%22%3A%22network"
            "%22%2C%22Host%22%3Afalse"));
  request.network = BuildNetwork::kDefault;
  CHECK(has(Builder::kPodman, "&networkmode=NetworkDefault&nsoptions="));
  CHECK(has(Builder::kLegacy, "&networkmode=default&"));
  request.limits.cpu_millis = 1;
  CHECK(has(Builder::kLegacy, "&cpuquota=1000&"));  // the least that the kernel takes
}

TEST_CASE("limits that a builder cannot hold refuse the build, unless they may be missing",
          "[container][build]") {
  BuildRequest request;
  request.limits = {.memory_bytes = 1 << 20, .cpu_millis = 500, .pids = 10};
  SECTION("BuildKit holds none") {
    Setup setup(false, Says(kBuilt));
    const auto refused = setup.Run(request);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::kPermissionDenied);
    CHECK(refused.error().field == "limits");
    CHECK(refused.error().message.ends_with("memory, cpu, pids"));
    CHECK(setup.fake.builds().empty());
    request.allow_unheld_limits = true;
    CHECK(Value(setup.Run(request)).unheld_limits ==
          std::vector<std::string>{"memory", "cpu", "pids"});
  }
  SECTION("others hold memory and cpu") {
    for (const bool podman : {false, true}) {
      Setup setup(podman, Says(kBuilt));
      request.builder = BuilderChoice::kLegacy;
      const auto refused = setup.Run(request);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().message.ends_with(": pids"));
      BuildRequest without = request;
      without.limits.pids = 0;
      CHECK(Value(setup.Run(without)).unheld_limits.empty());
    }
  }
}

TEST_CASE("a fallback does not lose the limits", "[container][build]") {
  // BuildKit was refused, and the legacy builder holds what it holds: the query says so.
  Setup setup(false, [&](Peer& peer, const SeenBuild& request) {
    return request.head.find("version=2") != std::string::npos
               ? peer.Answer(400, R"({"message":"no BuildKit"})")
               : peer.Answer(200, kBuilt);
  });
  BuildRequest request;
  request.limits.memory_bytes = 1 << 20;
  request.allow_unheld_limits = true;
  CHECK(Value(setup.Run(request)).unheld_limits.empty());
  CHECK(setup.fake.builds().at(1).head.find("&memory=1048576&") != std::string::npos);
}

TEST_CASE("a Dockerfile does not leave its network in Podman", "[container][build]") {
  struct Row {
    std::string_view text;
    bool refused;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"FROM x\nRUN --network=host id\n", true},
           {"FROM x\nRUN --mount=type=cache,target=/c --network=host id\n", true},
           {"FROM x\nRUN --net\\\nwork=host id\n", true},
           {"FROM x\nRUN --net\\  \r\n# note\n\nwork=host id\n", true},
           {"# escape=`\nFROM x\nRUN --net`\nwork=host id\n", true},
           {"FROM x\nRUN --net'work'=host id\n", true},
           {"FROM x\nRUN --\"network\"=host id\n", true},
           {"FROM x\nRUN --netw\\ork=host id\n", true},
           {"FROM x\nARG F=network=host\nRUN --$F id\n", true},
           {"FROM x\nRUN --ne${T}work=host id\n", true},
           {"FROM x\nONBUILD RUN --network=host id\n", true},
           {"FROM x\n# RUN --network=host\nRUN id\n", false},
           {"FROM x\nRUN tool --prefix=$HOME --no-network -- $X\n", true},  // `-- $X`: one too many
           {"FROM x\nRUN tool --prefix=$HOME --no-network\n", false},
           {"FROM x\nRUN curl https://network\n", false}}) {
    CAPTURE(row.text);
    Setup setup(true, Says(kBuilt));
    Put(setup.dir, "Dockerfile", row.text);
    const auto result = setup.Run();
    CHECK(result.ok() == !row.refused);
    if (row.refused) {
      CHECK(result.error().code == ErrorCode::kPermissionDenied);
      CHECK(setup.fake.builds().empty());
    }
  }
  Setup setup(true, Says(kBuilt));
  Put(setup.dir, "Dockerfile.in", "#include \"/etc/passwd\"\n");
  const auto result =
      Build(*setup.engine, ContextOf(setup.dir, {.dockerfile = "Dockerfile.in"}), {}, {}, {});
  REQUIRE_FALSE(result);
  CHECK(result.error().field == "dockerfile");
  // BuildKit asks for an entitlement that is not given, and the legacy builder knows no such flag.
  Setup docker(false, Says(kBuilt));
  Put(docker.dir, "Dockerfile", "FROM x\nRUN --network=host id\n");
  CHECK(docker.Run());
}

TEST_CASE("what is asked for is checked before anything is sent", "[container][build]") {
  struct Row {
    BuildRequest request;
    std::string field;
  };
  std::vector<Row> rows;
  rows.push_back({{.tags = {"fine", "Not Fine"}}, "tags[1]"});
  rows.push_back({{.tags = {"x@sha256:" + std::string(64, '0')}}, "tags[0]"});
  rows.push_back({{.target = "a b"}, "target"});
  rows.push_back({{.build_args = {{"A=B", "c"}}}, "build_args[0]"});
  rows.push_back({{.build_args = {{"", "c"}}}, "build_args[0]"});
  rows.push_back({{.build_args = {{"A", "\xFF"}}}, "build_args[0]"});
  rows.push_back({{.labels = {{"ok", ""}, {"a\nb", ""}}}, "labels[1]"});
  rows.push_back({{.build_args = {{"A", std::string(400'000, 'x')}}}, "build_args"});
  rows.push_back({{.limits = {.memory_bytes = -1}}, "limits"});
  rows.push_back({{.ulimits = {{"nofile", 5, 4}}}, "ulimits[0]"});
  rows.push_back({{.ulimits = {{"no file", 4, 4}}}, "ulimits[0]"});
  rows.push_back({{.tags = std::vector<std::string>(1001, "x")}, "build"});
  Setup setup(false, Says(kBuilt));
  for (const Row& row : rows) {
    CAPTURE(row.field);
    const auto result = setup.Run(row.request);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::kInvalidArgument);
    CHECK(result.error().field == row.field);
  }
  CHECK(setup.fake.builds().empty());
}

TEST_CASE("answers that are none are errors", "[container][build]") {
  struct Row {
    std::string body;
    int status;
    ErrorCode code;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"no json\n", 200, ErrorCode::kInternal},
           {"[1]\n", 200, ErrorCode::kInternal},
           {R"({"id":"moby.buildkit.trace","aux":"!"})"
            "\n",
            200, ErrorCode::kInvalidArgument},
           {R"({"id":"moby.buildkit.trace","aux":5})"
            "\n",
            200, ErrorCode::kUnavailable},
           {std::string(13 << 20, 'x'), 200, ErrorCode::kInternal},
           {R"({"stream":"Step 1/1 : FROM x"})"
            "\n",
            200, ErrorCode::kUnavailable},  // it ends without saying how
           {R"({"aux":{"ID":"sha256:short"}})"
            "\n",
            200, ErrorCode::kUnavailable},
           {R"({"aux":{"ID":5}})"
            "\n",
            200, ErrorCode::kUnavailable},
           {"", 200, ErrorCode::kUnavailable},
           {R"({"message":"dockerfile parse error"})", 400, ErrorCode::kInvalidArgument},
           {R"({"message":"it is broken"})", 500, ErrorCode::kInternal}}) {
    CAPTURE(row.body.substr(0, 60), row.status);
    Setup setup(false, Says(row.body, 1 << 16, row.status));
    const auto result = setup.Run();
    REQUIRE_FALSE(result);
    CHECK(result.error().code == row.code);
    CHECK(result.error().message.starts_with("building an image"));
  }
}

TEST_CASE("an engine that dies in the middle of a build is unavailable", "[container][build]") {
  Setup setup(false, [](Peer& peer, const SeenBuild&) {
    peer.Send(Peer::Head(200) + Peer::Chunk(R"({"stream":"Step 1/1 : FROM x"})"
                                            "\n"));
    return false;
  });
  const auto result = setup.Run({.builder = BuilderChoice::kLegacy});
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::kUnavailable);
  CHECK(setup.told.Has("begun 1/1 FROM"));
}

TEST_CASE("a build that is taken back closes its connection", "[container][build]") {
  std::stop_source stop;
  std::atomic<bool> closed = false;
  Setup setup(false, [&](Peer& peer, const SeenBuild&) {
    peer.Send(Peer::Head(200) + Peer::Chunk(R"({"stream":"Step 1/1 : FROM x"})"
                                            "\n"));
    closed = peer.WaitForEnd();
    closed.notify_all();
    return false;
  });
  const BuildSink sink = [&](const BuildEvent&) { stop.request_stop(); };
  const auto result = Build(*setup.engine, ContextOf(setup.dir),
                            {.builder = BuilderChoice::kLegacy}, sink, stop.get_token());
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::kCancelled);
  closed.wait(false);
  CHECK(closed);
}

TEST_CASE("an engine that answers before it has read the context is heard", "[container][build]") {
  Setup setup(
      false,
      [](Peer& peer, const SeenBuild&) {
        peer.Answer(500, R"({"message":"no space left on device"})");
        return false;
      },
      false);
  Put(setup.dir, "large", std::string(8 << 20, 'l'));
  const auto result = setup.Run();
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::kResourceExhausted);
}

TEST_CASE("a context that changes while it is sent ends the build with its own error",
          "[container][build]") {
  Setup setup(false, Says(kBuilt));
  const BuildContext context = ContextOf(setup.dir);
  std::filesystem::remove(setup.dir / "note.txt");
  const auto result = Build(*setup.engine, context, {}, {}, {});
  REQUIRE_FALSE(result);
  CHECK(result.error().field == "context");
}

TEST_CASE("commands cannot fake steps, and floods are bounded", "[container][build]") {
  const auto stream = [](const std::string& text) { return R"({"stream":")" + text + "\"}\n"; };
  std::string body = stream("Step 1/2 : RUN one") + stream("\\n");
  body += stream("Step 1/2 : RUN again\\n") + stream("Step 9/9 : RUN nine\\n") +
          stream("Step 2/3 : RUN other\\n") + stream("Step x\\n") +
          stream("Successfully built nothing\\n") + stream("COMMIT\\n");
  body += stream("Step 2/2 : RUN \\u001b[31mred") + stream("\\n");
  for (int i = 0; i < 100; ++i) {
    body += stream(std::string(1000, 'f'));
  }
  Setup setup(false, Says(body + kBuilt));
  const BuildResult result =
      Value(setup.Run({.builder = BuilderChoice::kLegacy, .max_log_bytes = 50'000}));
  CHECK(result.steps == 2);
  CHECK(setup.told.lines ==
        std::vector<std::string>{"begun 1/2 RUN", "done 1/2 RUN", "begun 2/2 RUN", "done 2/2 RUN"});
  CHECK(setup.told.out.starts_with("Step 1/2 : RUN again\nStep 9/9 : RUN nine\n"));
  CHECK(setup.told.out.find("COMMIT\n") != std::string::npos);
  CHECK(setup.told.out.size() == 50'000);
  CHECK(result.log_bytes_dropped > 50'000);
}

TEST_CASE("exit codes are read at the end of what engines say", "[container][build]") {
  CHECK(ExitCodeOf("did not complete successfully: exit code: 137") == 137);
  CHECK(ExitCodeOf("while running runtime: exit status 1\n") == 1);
  CHECK(ExitCodeOf("returned a non-zero code: 255") == 255);
  CHECK_FALSE(ExitCodeOf("exit code: 7 was seen before"));
  CHECK_FALSE(ExitCodeOf("exit code: 256"));
  CHECK_FALSE(ExitCodeOf("exit code: -1"));
  CHECK_FALSE(ExitCodeOf("exit code: "));
  CHECK_FALSE(ExitCodeOf(""));
}

}  // namespace

}  // namespace casemate::container
