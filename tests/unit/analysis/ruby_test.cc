#include "tests/unit/analysis/project_files.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

TEST_CASE("Ruby: gems of development are no dependencies") {
  const App app = ProjectFiles{{"Gemfile",
                                "gem 'sinatra'\ngroup :development, :test do\n  gem 'pg'\nend\n"
                                "gem 'rspec', group: :test\n# gem 'redis'\n"},
                               {"app.rb", "require 'sinatra'\n"}}
                      .OneApp();
  REQUIRE(app.dependencies.size() == 1);
  CHECK(app.dependencies[0].name == "sinatra");
  CHECK(app.services.empty());
  CHECK(app.traits.at("ruby.without") == "development test");
}

TEST_CASE("Ruby: the lock file tells Bundler's version and, last, Ruby's") {
  const App app =
      ProjectFiles{{"Gemfile", "ruby '~> 3.2'\ngem 'rackup'\n"},
                   {"Gemfile.lock", "RUBY VERSION\n   ruby 3.2.4p170\n\nBUNDLED WITH\n   2.5.6\n"},
                   {"config.ru", "run App"}}
          .OneApp();
  CHECK(ValueOf(app.version) == "~> 3.2");
  CHECK(app.version->alternatives.at(0).value == "3.2.4");
  CHECK(ValueOf(app.package_manager_version) == "2.5.6");
}

TEST_CASE("Ruby: a variable with a block has a default, one that is fetched alone is required") {
  const App app = ProjectFiles{{"main.rb",
                                "a = ENV.fetch(\"A\") {\n  1\n}\nb = ENV.fetch('B')\n"
                                "c = ENV.fetch('C') do\n  2\nend\nd = ENV['D']\n"}}
                      .OneApp();
  REQUIRE(app.environment.size() == 4);
  CHECK_FALSE(app.environment[0].is_required);
  CHECK(app.environment[1].is_required);
  CHECK_FALSE(app.environment[2].is_required);
  CHECK_FALSE(app.environment[3].is_required);
}

TEST_CASE("Ruby: what the Procfile says stands before what a gem suggests") {
  const App app = ProjectFiles{{"Gemfile", "gem 'rails'\ngem 'sidekiq'\n"},
                               {"config.ru", "run Rails.application"},
                               {"config/application.rb", "module Shop\nend\n"},
                               {"Procfile", "web: bin/web\nworker: bin/work\n"}}
                      .OneApp();
  CHECK(ValueOf(app.run) == "bin/web");
  REQUIRE(app.processes.size() == 1);
  CHECK(app.processes[0].command.value == "bin/work");
}

}  // namespace casemate::analysis
