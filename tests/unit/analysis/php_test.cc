#include "tests/unit/analysis/project_files.h"

namespace casemate::analysis {

using test::ProjectFiles;
using test::ValueOf;

TEST_CASE("PHP: the version that tools would take comes first, the others are kept") {
  const App app = ProjectFiles{{".php-version", "8.2\n"},
                               {"composer.json",
                                R"({"require": {"php": "^8.1", "slim/slim": "^4"},
                                    "config": {"platform": {"php": "8.1.7"}}})"},
                               {"public/index.php", "<?php"}}
                      .OneApp();
  REQUIRE(app.version);
  CHECK(app.version->value == "8.2");
  REQUIRE(app.version->alternatives.size() == 2);
  CHECK(app.version->alternatives[0].source.field == "config.platform.php");
  CHECK(app.version->alternatives[1].value == "^8.1");
  CHECK(ValueOf(app.framework) == "slim");
  CHECK(app.traits.at("php.document_root") == "public");
}

TEST_CASE("PHP: a package for others is a library, and plugins are parts of WordPress") {
  const Analysis library =
      ProjectFiles{{"composer.json", R"({"name": "a/b", "type": "library"})"}}.Analyse();
  CHECK(library.apps.empty());
  CHECK(library.libraries.size() == 1);
  const App app =
      ProjectFiles{{"index.php", "<?php"},
                   {"wp-login.php", "<?php"},
                   {"wp-content/plugins/a/composer.json", R"({"type": "wordpress-plugin"})"}}
          .OneApp();
  CHECK(ValueOf(app.framework) == "wordpress");
}

TEST_CASE("PHP: extensions that are asked for bring Debian's packages") {
  const App app =
      ProjectFiles{{"composer.json", R"({"require": {"ext-zip": "*", "ext-json": "*"}})"},
                   {"index.php", "<?php"}}
          .OneApp();
  CHECK(app.traits.at("php.extensions") == "zip");
  REQUIRE(app.native_modules.size() == 1);
  CHECK(app.native_modules[0].value == "ext-zip");
}

TEST_CASE("PHP: a manifest that is damaged leaves what files tell") {
  const App app =
      ProjectFiles{{"composer.json", "{\"require\": "}, {"index.php", "<?php"}}.OneApp();
  CHECK(app.kind == AppKind::kService);
  CHECK(ValueOf(app.version) == "(none)");
}

}  // namespace casemate::analysis
