#include "tools/analysis/languages/languages.h"

#include <array>

#include "tools/analysis/language.h"

namespace casemate::analysis {

std::span<const Language> Languages() {
  static constexpr auto kLanguages = std::to_array<Language>({
      {"php",
       "composer.json index.php public/index.php wp-config.php wp-config-sample.php "
       "web/index.php htdocs/index.php wp-load.php wp-settings.php wp-content/index.php",
       AnalysePhp},
      {"ruby", "Gemfile gems.rb config.ru *.gemspec *.rb bin/server lib/main.rb src/main.rb",
       AnalyseRuby},
      {"elixir", "mix.exs", AnalyseElixir},
      {"python",
       "*.py pyproject.toml Pipfile environment.yml environment.yaml requirements* setup.cfg "
       "requirements/base.txt requirements/prod.txt requirements/production.txt",
       AnalysePython},
      {"java",
       "pom.xml build.gradle build.gradle.kts settings.gradle settings.gradle.kts build.sbt "
       "project.clj deps.edn",
       AnalyseJvm},
      {"dotnet", "*.csproj *.fsproj *.vbproj *.sln *.slnx", AnalyseDotnet},
      {"go", "go.mod go.work *.go", AnalyseGo},
      {"rust", "Cargo.toml", AnalyseRust},
      {"deno",
       "deno.json deno.jsonc deno.lock main.ts main.tsx server.ts app.ts mod.ts index.ts main.js "
       "server.js index.js deploy.ts bot.ts src/main.ts src/server.ts src/index.ts src/app.ts "
       "src/mod.ts",
       AnalyseDeno},
      {"node",
       "package.json package.json5 server.js server.mjs app.js index.js main.js index.mjs bot.js",
       AnalyseNode},
      {"c",
       "CMakeLists.txt meson.build Makefile makefile GNUmakefile configure configure.ac "
       "configure.in *.c *.cc *.cpp *.cxx",
       AnalyseNativeCode},
      {"dart", "pubspec.yaml", AnalyseDart},
      {"swift", "Package.swift", AnalyseSwift},
      {"haskell", "package.yaml *.cabal", AnalyseHaskell},
      {"zig", "build.zig", AnalyseZig},
      {"crystal", "shard.yml", AnalyseCrystal},
      {"gleam", "gleam.toml", AnalyseGleam},
      {"static",
       "Staticfile index.html public/index.html static/index.html www/index.html html/index.html "
       "dist/index.html htdocs/index.html hugo.toml hugo.yaml hugo.yml hugo.json config.toml "
       "config.yaml config.yml config/_default/hugo.toml config/_default/hugo.yaml "
       "config/_default/config.toml config/_default/config.yaml zola.toml _config.yml "
       "_config.yaml mkdocs.yml mkdocs.yaml book.toml conf.py docs/conf.py source/conf.py "
       "docs/source/conf.py pelicanconf.py _toc.yml _toc.yaml *.lektorproject",
       AnalyseStaticSite},
      {"shell", "*.sh start run", AnalyseShell},
  });
  return kLanguages;
}

}  // namespace casemate::analysis
