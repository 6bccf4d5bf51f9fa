// The contract of backends over real engines: fresh containers and one that exists.
#include <fcntl.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "sandbox/container/containers.h"
#include "sandbox/container/run/image_backend.h"
#include "tests/unit/sandbox/backend_contract.h"
#include "tests/unit/temp_dir.h"

namespace casemate::container {
namespace {

using policies::ContainerRight;
using sandbox::test::EverydayLimits;

class Policy : public policies::PolicyEngine {
 public:
  static policies::Grant GrantOf(const std::vector<ContainerRight>& rights) {
    policies::Rights all{EverydayLimits(), policies::WorkspaceAccess::kHostWrite, false, {}};
    for (const ContainerRight right : rights) {
      all.containers.Add(right);
    }
    return Issue(all, "test-decision", {.id = "tester"});
  }
};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  INFO("start this by ctest, or: tests/engines/with-engines --docker --podman -- COMMAND");
  REQUIRE(value != nullptr);
  return value;
}

ContainersOptions OptionsFor(const std::string& variable, const std::string& directory) {
  ContainersOptions options;
  options.socket = Variable(variable.c_str());
  options.images = {*ParseImageRule("casemate-test/*", "images"),
                    *ParseImageRule("localhost/casemate-test/*", "images")};
  options.directory = directory;
  options.engine_directory = directory;
  options.incarnation = "test-" + RandomHex(8);
  return options;
}

FoundImage TestImage(Containers& containers) {
  auto image = containers.FindImage(Variable("CASEMATE_TEST_IMAGE"));
  INFO((image ? image->reference : Describe(image.error())));
  REQUIRE(image);
  REQUIRE(image->details);
  return *std::move(image);
}

// A container that runs until it is removed.
class Standing {
 public:
  Standing(Containers& containers, const policies::Grant& grant) : engine_(*containers.engine()) {
    const FoundImage image = TestImage(containers);
    ContainerSpecBuilder builder(grant, {image.details->id, image.is_pinned}, engine_->info());
    builder.spec().command = {"sleep", "100000"};
    builder.spec().user = "65532:65532";
    builder.spec().tmpfs = {{"/tmp", 8 << 20, 01777}};
    auto spec = std::move(builder).Build();
    INFO((spec ? std::string() : Describe(spec.error())));
    REQUIRE(spec);
    auto made = engine_->Create(*spec);
    INFO((made ? std::string() : Describe(made.error())));
    REQUIRE(made);
    id_ = *made;
    REQUIRE(engine_->Start(id_));
  }
  ~Standing() { [[maybe_unused]] const auto removed = engine_->Remove(id_, true); }
  Standing(const Standing&) = delete;
  Standing& operator=(const Standing&) = delete;
  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  std::shared_ptr<const Engine> engine_;
  std::string id_;
};

std::size_t CountAll(Containers& containers) {
  const auto all = (*containers.engine())->List({});
  REQUIRE(all);
  return all->size();
}

}  // namespace

TEST_CASE("fresh containers keep the contract of backends, and none is left") {
  const std::string engine = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(engine);
  testing::TempDir directory;
  Containers containers(OptionsFor(engine, directory.path()));
  auto backend = containers.BackendOf(TestImage(containers));
  INFO((backend ? std::string() : Describe(backend.error())));
  REQUIRE(backend);
  const auto grant = Policy::GrantOf({ContainerRight::kCreate, ContainerRight::kUnpinned});
  sandbox::test::BackendContract(**backend, grant, {}).Check();
  CHECK(CountAll(containers) == 0);
}

TEST_CASE("a container that exists keeps the contract of backends, and nothing is left in it") {
  const std::string engine = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(engine);
  testing::TempDir directory;
  Containers containers(OptionsFor(engine, directory.path()));
  const auto grant =
      Policy::GrantOf({ContainerRight::kCreate, ContainerRight::kUnpinned, ContainerRight::kUse});
  const Standing standing(containers, grant);
  auto details = containers.Find(standing.id());
  REQUIRE(details);
  auto backend = containers.BackendIn(*details);
  REQUIRE(backend);
  sandbox::test::BackendContract(**backend, grant,
                                 {.files_place = "/tmp/casemate-", .holds_limits = false})
      .Check();
}

TEST_CASE("what a grant does not name is refused") {
  testing::TempDir directory;
  Containers containers(OptionsFor("CASEMATE_TEST_DOCKER", directory.path()));
  const FoundImage image = TestImage(containers);
  auto backend = containers.BackendOf(image);
  REQUIRE(backend);
  sandbox::Command command;
  command.argv = {"true"};
  command.limits = EverydayLimits();
  const auto refused =
      (*backend)->Start(Policy::GrantOf({}), std::move(command), {}, nullptr, false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kPermissionDenied);
  CHECK(refused.error().message.find("`create`") != std::string::npos);
}

TEST_CASE("a command in a fresh container is confined") {
  const std::string engine = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(engine);
  testing::TempDir directory;
  Containers containers(OptionsFor(engine, directory.path()));
  auto backend = containers.BackendOf(TestImage(containers));
  REQUIRE(backend);
  const auto grant = Policy::GrantOf({ContainerRight::kCreate, ContainerRight::kUnpinned});
  sandbox::Command command;
  command.argv = {"/bin/sh", "-c",
                  "id -u; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status; "
                  "touch /x 2>/dev/null && echo writable; ls /sys/class/net; "
                  "unshare -r true 2>/dev/null && echo unshared; cat /proc/1/environ | head -c 1"};
  command.limits = EverydayLimits();
  auto run = (*backend)->Start(grant, std::move(command), {}, nullptr, false);
  REQUIRE(run);
  const auto outcome = (*run)->Wait();
  REQUIRE(outcome);
  INFO(sandbox::test::Told(*outcome));
  const std::string& out = outcome->out.head;
  CHECK(out.find("65532\n") == 0);
  CHECK(out.find("CapEff:\t0000000000000000") != std::string::npos);
  CHECK(out.find("NoNewPrivs:\t1") != std::string::npos);
  CHECK(out.find("Seccomp:\t2") != std::string::npos);
  CHECK(out.find("writable") == std::string::npos);
  CHECK(out.find("unshared") == std::string::npos);
  CHECK(out.find("eth0") == std::string::npos);
}

TEST_CASE("a workspace that was exchanged after the decision runs nothing") {
  const std::string engine = GENERATE("CASEMATE_TEST_DOCKER", "CASEMATE_TEST_PODMAN");
  INFO(engine);
  testing::TempDir directory;
  Containers containers(OptionsFor(engine, directory.path() + "/state"));
  const std::string place = directory.path() + "/workspace";
  const auto open_it = [&] { return open(place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); };
  std::filesystem::create_directory(place);
  std::filesystem::permissions(place, std::filesystem::perms::all);
  REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
  auto backend = containers.BackendOf(TestImage(containers));
  REQUIRE(backend);
  const auto grant =
      Policy::GrantOf({ContainerRight::kCreate, ContainerRight::kUnpinned, ContainerRight::kRoot});
  const auto run_there = [&](UniqueFd opened) {
    sandbox::Command command;
    command.argv = {"/bin/sh", "-c", "echo here > made"};
    command.limits = EverydayLimits();
    command.workspace = sandbox::WorkspaceKind::kReadWrite;
    command.workspace_fd = std::move(opened);
    command.workspace_path = place;
    auto run = (*backend)->Start(grant, std::move(command), {}, nullptr, false);
    REQUIRE(run);
    return (*run)->Wait();
  };
  const auto honest = run_there(UniqueFd(open_it()));
  INFO((honest ? sandbox::test::Told(*honest) : Describe(honest.error())));
  REQUIRE(honest);
  CHECK(std::filesystem::exists(place + "/made"));

  UniqueFd judged(open_it());
  std::filesystem::rename(place, directory.path() + "/elsewhere");
  std::filesystem::create_directory(place);
  std::filesystem::permissions(place, std::filesystem::perms::all);
  const auto exchanged = run_there(std::move(judged));
  REQUIRE_FALSE(exchanged);
  CHECK(exchanged.error().code == ErrorCode::kPermissionDenied);
  CHECK_FALSE(std::filesystem::exists(place + "/made"));
}

}  // namespace casemate::container
