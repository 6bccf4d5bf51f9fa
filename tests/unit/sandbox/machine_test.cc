// What /proc/sys and the marks of containers say, on machines that were prepared, and what to do.
#include "sandbox/native/machine.h"

#include <cerrno>
#include <filesystem>

#include <catch2/catch.hpp>

#include "sandbox/native/apparmor_profile.h"
#include "tests/unit/temp_dir.h"

namespace casemate::sandbox::test {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;

// A root directory with the files of one machine.
struct Root {
  Root() {
    Put("proc/sys/kernel/osrelease", "6.8.0-31-generic\n");
    Put("proc/sys/user/max_user_namespaces", "15000\n");
    InPidNamespace("pid:[4026531836]");
  }
  void Put(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(dir / path).parent_path());
    static_cast<void>(dir.Write(path, text));
  }
  void InPidNamespace(const std::string& name) const {
    fs::create_directories(dir / "proc/self/ns");
    fs::remove(dir / "proc/self/ns/pid");
    fs::create_symlink(name, dir / "proc/self/ns/pid");
  }
  [[nodiscard]] Machine Look() const { return LookAtMachine(dir.path()); }
  [[nodiscard]] std::string Remedy() const { return UserNamespaceRemedy(Look(), EPERM, "LOAD"); }
  testing::TempDir dir;
};

}  // namespace

TEST_CASE("a machine without switches set gets the list of all") {
  const Root root;
  const Machine machine = root.Look();
  CHECK(machine.kernel == "6.8.0-31-generic");
  CHECK(machine.container.empty());
  CHECK_FALSE(machine.apparmor_restricts);
  CHECK_FALSE(machine.clone_is_off);
  CHECK_FALSE(machine.none_allowed);
  CHECK_THAT(root.Remedy(), Contains("unprivileged_userns_clone") && Contains("AppArmor") &&
                                Contains("max_user_namespaces"));
}

TEST_CASE("the switch that is set is the one that is named") {
  Root root;
  SECTION("Ubuntu's AppArmor") {
    root.Put("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n");
    CHECK_THAT(root.Remedy(), Contains("restrict_unprivileged_userns=1") && Contains("LOAD") &&
                                  !Contains("clone") && !Contains("max_user"));
  }
  SECTION("the same switched off") {
    root.Put("proc/sys/kernel/apparmor_restrict_unprivileged_userns", "0\n");
    CHECK_THAT(root.Remedy(), !Contains("LOAD"));
  }
  SECTION("Debian's switch") {
    root.Put("proc/sys/kernel/unprivileged_userns_clone", "0\n");
    CHECK(root.Remedy() == "sudo sysctl -w kernel.unprivileged_userns_clone=1");
  }
  SECTION("none allowed") {
    root.Put("proc/sys/user/max_user_namespaces", "0\n");
    CHECK_THAT(root.Remedy(), Contains("user.max_user_namespaces=") && !Contains("clone"));
  }
  SECTION("two at once") {
    root.Put("proc/sys/kernel/unprivileged_userns_clone", "0\n");
    root.Put("proc/sys/user/max_user_namespaces", "0\n");
    CHECK_THAT(root.Remedy(), Contains("clone=1; sudo sysctl -w user."));
  }
}

TEST_CASE("a container is told by its PID namespace, and named by its mark") {
  Root root;
  root.Put(".dockerenv", "");
  CHECK(root.Look().container.empty());  // a virtual machine made from an image
  root.InPidNamespace("pid:[4026532201]");
  CHECK(root.Look().container == "docker");
  CHECK_THAT(root.Remedy(), Contains("seccomp=unconfined") && Contains("apparmor=unconfined") &&
                                Contains("systempaths=unconfined"));
  fs::remove(root.dir / ".dockerenv");
  CHECK(root.Look().container == "unknown");
  root.Put("run/systemd/container", "lxc\n");
  CHECK(root.Look().container == "lxc");
  root.Put("run/.containerenv", "");
  CHECK(root.Look().container == "podman");
  CHECK_THAT(root.Remedy(), Contains("podman run") && Contains("unmask=ALL"));
}

TEST_CASE("only the very combinations that were tried count") {
  Machine machine;
  machine.kernel = "6.1.0-41-cloud-amd64";
  machine.landlock_abi = 2;
  machine.cgroup_version = 2;
  CHECK(IsTried(machine));
  CHECK(Describe(machine) ==
        "Linux 6.1.0-41-cloud-amd64, Landlock ABI 2, control groups v2, ordinary user");
  for (const char* kernel : {"6.10.3", "6.2", "6", "", "5.6.1"}) {
    Machine other = machine;
    other.kernel = kernel;
    INFO(kernel);
    CHECK_FALSE(IsTried(other));
  }
  Machine other = machine;
  other.landlock_abi = 3;
  CHECK_FALSE(IsTried(other));
  other = machine;
  other.cgroup_version = 0;
  CHECK_FALSE(IsTried(other));
  CHECK_THAT(Describe(other), Contains("no control groups"));
  other = machine;
  other.container = "docker";
  CHECK_FALSE(IsTried(other));
  CHECK_THAT(Describe(other), Contains("in a container (docker)"));
  CHECK(TriedCombinations().size() >= 4);
}

TEST_CASE("the AppArmor profile names the program and grants user namespaces") {
  const auto profile = AppArmorProfileFor("/opt/casemate-1.0/bin/casemate");
  REQUIRE(profile);
  CHECK_THAT(*profile, Contains("\nprofile casemate /opt/casemate-1.0/bin/casemate "
                                "flags=(unconfined) {\n  userns,\n") &&
                           Contains("\nabi <abi/4.0>,\n"));
  CHECK_THAT(std::string(ShippedAppArmorProfile()),
             Contains("\nprofile casemate /usr{,/local}/bin/casemate flags=(unconfined) {\n"));
}

TEST_CASE("no profile is made for a path that means something else in it") {
  for (const char* path :
       {"/home/me/my casemate", "/a*", "/a{b,c}", "/a@{HOME}", "/a\n}", "/a\"", "/a#", "rel", ""}) {
    const auto profile = AppArmorProfileFor(path);
    INFO(path);
    REQUIRE_FALSE(profile);
    CHECK_FALSE(profile.error().remedy.empty());
  }
}

TEST_CASE("the installed profile is used where there is one for this program") {
  const Root root;
  const std::string printed =
      "/usr/bin/casemate doctor --apparmor-profile | sudo tee /etc/apparmor.d/casemate && sudo "
      "apparmor_parser -r /etc/apparmor.d/casemate";
  CHECK(LoadAppArmorProfile("/usr/bin/casemate", root.dir.path()) == printed);
  root.Put("usr/share/casemate/apparmor/casemate", "");
  CHECK(LoadAppArmorProfile("/usr/bin/casemate", root.dir.path()) ==
        "sudo cp /usr/share/casemate/apparmor/casemate /etc/apparmor.d/casemate && sudo "
        "apparmor_parser -r /etc/apparmor.d/casemate");
  // It lies beside, and does not name it.
  root.Put("opt/share/casemate/apparmor/casemate", "");
  CHECK_THAT(LoadAppArmorProfile("/opt/bin/casemate", root.dir.path()),
             Catch::StartsWith("/opt/bin/casemate doctor --apparmor-profile"));
}

}  // namespace casemate::sandbox::test
