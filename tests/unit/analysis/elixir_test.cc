#include "tests/unit/analysis/project_files.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

namespace {
constexpr const char* kWeb =
    "def project do\n[app: :web, elixir: \"~> 1.15\", deps: deps()]\nend\n"
    "def application do\n[mod: {Web.Application, []}]\nend\n"
    "defp deps do\n[{:phoenix, \"~> 1.7\"}, {:floki, \"~> 0.3\", only: :test}]\nend\n";
}  // namespace

TEST_CASE("Elixir: a version brings the OTP that it was released for") {
  const App app = ProjectFiles{{"mix.exs", kWeb}}.OneApp();
  CHECK(ValueOf(app.version) == "~> 1.15");
  CHECK(app.traits.at("elixir.otp") == "26");
  CHECK(ValueOf(app.framework) == "phoenix");
  CHECK(app.dependencies.size() == 1);
}

TEST_CASE("Elixir: an umbrella is one application, its parts are libraries") {
  const Analysis analysis = ProjectFiles{
      {"mix.exs", "def project do\n[apps_path: \"apps\", deps: deps()]\nend\n"},
      {"apps/web/mix.exs", kWeb},
      {"deps/plug/mix.exs",
       kWeb}}.Analyse();
  REQUIRE(analysis.apps.size() == 1);
  CHECK(analysis.apps[0].directory.empty());
  CHECK(ValueOf(analysis.apps[0].framework) == "phoenix");
  CHECK(ValueOf(analysis.monorepo) == "mix");
}

TEST_CASE("Elixir: ports of other environments do not count") {
  const App app = ProjectFiles{{"mix.exs", kWeb},
                               {"config/test.exs", "http: [port: 4002]\n"},
                               {"config/runtime.exs",
                                "url: [host: h, port: 443],\nhttp: [ip: {0, 0}, port: 4100]\n"}}
                      .OneApp();
  REQUIRE(app.ports.size() == 1);
  CHECK(app.ports[0].value == "4100");
}

}  // namespace casemate::analysis
