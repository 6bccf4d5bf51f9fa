// casemate_escape [--user UID] [--served] [Catch2 options]: the abuse battery over the real
// binary. Each attack is a test case of its own. `--user` runs all of it as that user; only root
// can.
// `--served` sends the attacks to one `casemate serve`, in sandboxes made ahead.
#define CATCH_CONFIG_RUNNER
#include <unistd.h>

#include <functional>
#include <iostream>
#include <memory>
#include <optional>

#include <catch2/catch.hpp>

#include "sandbox/selftest/battery/battery.h"
#include "sandbox/selftest/battery/scenarios.h"

namespace casemate::escape {
namespace {

constexpr int kSkipped = 77;  // CTest's SKIP_RETURN_CODE

class Test : public Catch::ITestInvoker {
 public:
  explicit Test(std::function<void()> body) : body_(std::move(body)) {}
  void invoke() const override { body_(); }

 private:
  std::function<void()> body_;
};

// Catch2 owns the test from here on.
void Register(const std::string& name, const std::string& tag, std::function<void()> body) {
  Catch::AutoReg registration(new Test(std::move(body)), CATCH_INTERNAL_LINEINFO, "",
                              Catch::NameAndTags{name, "[" + tag + "]"});
}

void RegisterRows(Battery& battery, const std::string& theme, std::vector<Row> rows) {
  for (Row& row : rows) {
    const std::string name = theme + ": " + row.name;
    Register(name, theme, [&battery, row = std::move(row)] { battery.Check(row); });
  }
}

void RegisterAll(Battery& battery, bool is_served) {
  RegisterRows(battery, "resources", ResourceRows());
  RegisterRows(battery, "process", ProcessRows());
  RegisterRows(battery, "kernel", KernelRows());
  RegisterRows(battery, "mounts", MountRows());
  RegisterRows(battery, "network", NetworkRows());
  RegisterRows(battery, "files", FileRows());
  if (is_served) {  // scenarios are about whole processes
    Register("served: in sandboxes made ahead", "served", [&battery] {
      const Tally& tally = battery.tally();
      std::cout << tally.made_ahead << " of " << tally.served << " in sandboxes made ahead\n";
      CHECK(2 * tally.made_ahead >= tally.served);
    });
    return;
  }
  for (const Scenario& scenario : Scenarios()) {
    Register("scenario: " + scenario.name, "scenario",
             [&battery, run = scenario.run] { run(battery); });
  }
}

int Main(int argc, char** argv) {
  Catch::Session session;
  uid_t user = 0;
  using Catch::clara::Opt;
  bool is_served = false;
  session.cli(session.cli() | Opt(user, "uid")["--user"]("run the battery as this user") |
              Opt(is_served)["--served"]("by way of `casemate serve`"));
  if (const int code = session.applyCommandLine(argc, argv); code != 0) {
    return code;
  }
  if (user != 0 && geteuid() != 0) {
    std::cout << "SKIPPED: only root can run the battery as another user; it runs as uid "
              << geteuid() << " in the other test\n";
    return kSkipped;
  }
  BecomeSubreaper();
  Host host(user != 0 ? std::optional<uid_t>(user) : std::nullopt);
  std::cout << "the battery runs as " << (host.root() ? "root" : "an ordinary user") << '\n';
  std::optional<Served> served;
  if (is_served) {
    served.emplace(Battery(host).Confined({.name = {}, .attack = {}, .expect = {}}));
  }
  Battery battery(host, served.has_value() ? &*served : nullptr);
  RegisterAll(battery, is_served);
  return session.run();
}

}  // namespace
}  // namespace casemate::escape

int main(int argc, char** argv) {
  try {
    return casemate::escape::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "casemate_escape: " << error.what() << '\n';
    return 2;
  }
}
