#include "sandbox/container/engine/discovery.h"

#include <filesystem>

#include <catch2/catch.hpp>

#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/container/engine/report.h"
#include "tests/unit/container/fake_engine.h"

namespace casemate::container {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace)

std::vector<std::string> Sockets(const std::vector<EngineCandidate>& candidates) {
  std::vector<std::string> sockets;
  for (const EngineCandidate& candidate : candidates) {
    sockets.push_back(candidate.error.has_value() ? "error" : candidate.socket);
  }
  return sockets;
}

const std::vector<std::string> kUsual = {"/run/user/7/docker.sock",
                                         "/run/user/7/podman/podman.sock", "/var/run/docker.sock",
                                         "/run/podman/podman.sock"};

std::vector<std::string> Before(std::string first) {
  std::vector<std::string> all = {std::move(first)};
  all.insert(all.end(), kUsual.begin(), kUsual.end());
  return all;
}

TEST_CASE("Where an engine may be", "[engine][discovery]") {
  DiscoveryInput input;
  CHECK(Sockets(FindCandidates(input)) ==
        std::vector<std::string>{"/var/run/docker.sock", "/run/podman/podman.sock"});
  input.runtime_dir = "/run/user/7";
  CHECK(Sockets(FindCandidates(input)) == kUsual);
  for (const EngineCandidate& candidate : FindCandidates(input)) {
    CHECK(candidate.is_guess);
  }
  input.docker_host = "unix:///srv/docker.sock";
  const auto named = FindCandidates(input);
  CHECK(Sockets(named) == Before("/srv/docker.sock"));
  CHECK(named[0].found == "DOCKER_HOST");
  CHECK_FALSE(named[0].is_guess);
  input.docker_host = "unix:///var/run/docker.sock";
  CHECK(Sockets(FindCandidates(input)).size() == 4);  // each once
  input.configured = "/my/own.sock";
  CHECK(Sockets(FindCandidates(input)) == std::vector<std::string>{"/my/own.sock"});
}

TEST_CASE("Only unix sockets", "[engine][discovery]") {
  for (const char* url : {"tcp://127.0.0.1:2375", "ssh://me@host", "unix://", "unix://rel/path",
                          "/x", "npipe:////./pipe/x", "fd://", "UNIX:///x"}) {
    CAPTURE(url);
    DiscoveryInput input;
    input.docker_host = url;
    const auto candidates = FindCandidates(input);
    REQUIRE(candidates[0].error.has_value());
    CHECK(candidates[0].error->code == ErrorCode::kInvalidArgument);
    CHECK(candidates[0].error->field == "DOCKER_HOST");
    CHECK(candidates[0].error->message.find(url) != std::string::npos);
  }
}

// The files of the docker command, in a directory of their own.
struct DockerFiles {
  casemate::testing::TempDir dir;
  DiscoveryInput input;

  DockerFiles() {
    input.docker_config = dir.path();
    input.runtime_dir = "/run/user/7";
  }
  void Config(const std::string& text) const { static_cast<void>(dir.Write("config.json", text)); }
  void Context(const std::string& name, const std::string& text) const {
    const std::string meta = "contexts/meta/" + Sha256Hex(name);
    std::filesystem::create_directories(dir / meta);
    static_cast<void>(dir.Write(meta + "/meta.json", text));
  }
};

TEST_CASE("The docker context in use", "[engine][discovery]") {
  const DockerFiles files;
  DiscoveryInput input = files.input;
  CHECK(Sockets(FindCandidates(input)) == kUsual);
  files.Config(R"({"auths":{},"currentContext":"work"})");
  auto candidates = FindCandidates(input);
  REQUIRE(candidates[0].error.has_value());
  CHECK(candidates[0].error->message.find("does not exist") != std::string::npos);
  files.Context("work", R"({"Name":"work","Endpoints":{"docker":{"Host":"unix:///w.sock"}}})");
  candidates = FindCandidates(input);
  CHECK(Sockets(candidates) == Before("/w.sock"));
  CHECK(candidates[0].found == "docker context `work`");
  files.Context("far", R"({"Endpoints":{"docker":{"Host":"tcp://1.2.3.4:2376"}}})");
  input.docker_context = "far";
  CHECK(FindCandidates(input)[0].error.has_value());
  input.docker_context = "default";
  CHECK(Sockets(FindCandidates(input)) == kUsual);
  input.docker_context = "";
  input.docker_host = "unix:///h.sock";  // comes before contexts, as for the docker command
  CHECK(Sockets(FindCandidates(input)) == Before("/h.sock"));
}

TEST_CASE("Damaged files of the docker command are told", "[engine][discovery]") {
  const DockerFiles files;
  for (const std::string& text : {std::string("{"), std::string("[]"), std::string(2 << 20, ' ')}) {
    files.Config(text);
    CHECK(FindCandidates(files.input)[0].error.has_value());
  }
  files.Config(R"({"currentContext":"a"})");
  files.Context("a", "nonsense");
  CHECK(FindCandidates(files.input)[0].error.has_value());
  files.Context("a", R"({"Endpoints":[]})");
  CHECK(FindCandidates(files.input)[0].error.has_value());
  files.Config(R"({"currentContext":7})");
  CHECK(Sockets(FindCandidates(files.input)) == kUsual);
}

// An engine that says its version and nothing else.
FakeEngine::Serve Version(std::string version, std::string info = "{}") {
  return [version = Ok(version), info = Ok(info)](FakeEngine::Peer& peer, int) {
    while (true) {
      const std::string request = peer.Request();
      if (request.empty() || !peer.Send(request.starts_with("GET /info ") ? info : version)) {
        return;
      }
    }
  };
}

constexpr const char* kDocker = R"({"Components":[{"Name":"Engine"}],"Version":"20.10.24",
  "ApiVersion":"1.41","MinAPIVersion":"1.12"})";

std::vector<EngineReport> Report(const std::string& socket) {
  DiscoveryInput input;
  input.configured = socket;
  return ReportEngines(input);
}

TEST_CASE("What doctor tells of engines", "[engine][discovery]") {
  const FakeEngine fine(
      Version(kDocker, R"({"Driver":"overlay2","CgroupDriver":"systemd","CgroupVersion":"2",
                   "MemoryLimit":true,"PidsLimit":true,"CpuCfsQuota":true,
                   "DefaultRuntime":"runc","SecurityOptions":["name=seccomp,profile=default","name=rootless"]})"));
  auto reports = Report(fine.socket());
  REQUIRE(reports.size() == 1);
  REQUIRE(reports[0].info.has_value());
  CHECK(Describe(reports[0]) ==
        "Docker 20.10.24, API 1.41, storage overlay2, cgroups v2 (systemd), "
        "runc, rootless, seccomp; " +
            fine.socket() + " (configuration)");
  const FakeEngine old(Version(R"({"Version":"19.03.15","ApiVersion":"1.40"})"));
  reports = Report(old.socket());
  REQUIRE(reports[0].error.has_value());
  CHECK(reports[0].error->code == ErrorCode::kUnavailable);
  CHECK(Describe(reports[0]).find("got Docker 19.03.15 (API 1.40): it is too old") !=
        std::string::npos);
  const FakeEngine silent([](FakeEngine::Peer& peer, int) { peer.Hold(); });
  const std::int64_t began = MonotonicNs();
  reports = Report(silent.socket());
  CHECK((MonotonicNs() - began) / 1'000'000 < 2000);
  REQUIRE(reports[0].error.has_value());
  CHECK(Describe(reports[0]).find("it hangs") != std::string::npos);
  const FakeEngine other(SayingOnce("220 smtp ready\r\n"));
  CHECK(Report(other.socket())[0].error.has_value());
  const casemate::testing::TempDir dir;
  CHECK(Describe(Report(dir / "none")[0]).find("no such socket") != std::string::npos);
}

TEST_CASE("An engine by its name", "[engine][discovery]") {
  const FakeEngine docker(Version(kDocker));
  CHECK(FindEngine("auto", docker.socket()));
  CHECK(FindEngine("docker", docker.socket()));
  const auto other = FindEngine("podman", docker.socket());
  REQUIRE_FALSE(other);
  CHECK(other.error().code == ErrorCode::kUnavailable);
  CHECK(other.error().message.find("is docker") != std::string::npos);
  CHECK(FindEngine("lxd", "").error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("Engines that are too old, and those that have given 1.41 up", "[engine][discovery]") {
  const auto connect = [](const std::string& version) {
    const FakeEngine engine(Version(version));
    return Engine::Connect(engine.socket());
  };
  const auto podman = [&](const std::string& version) {
    return connect(R"({"Components":[{"Name":"Podman Engine"}],"ApiVersion":"1.41","Version":")" +
                   version + "\"}");
  };
  CHECK(podman("4.3.0"));
  CHECK(podman("5.0.1-rc1"));
  CHECK_FALSE(podman("4.2.9"));
  CHECK_FALSE(podman("3.4.4"));
  const auto current = connect(kDocker);
  REQUIRE(current);
  CHECK((*current)->api_prefix() == "/v1.41");
  const auto newer = connect(R"({"Version":"29.0.0","ApiVersion":"1.52","MinAPIVersion":"1.44"})");
  REQUIRE(newer);
  CHECK((*newer)->api_prefix() == "/v1.44");
  for (const char* nonsense : {R"({"Version":"x","ApiVersion":"y"})", "{}", "[]", "", "{"}) {
    CHECK_FALSE(connect(nonsense));
  }
}

}  // namespace
}  // namespace casemate::container
