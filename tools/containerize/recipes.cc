#include "tools/containerize/recipes/recipes.h"

#include <algorithm>
#include <array>

namespace casemate::containerize {

std::span<const LanguageRecipe> Recipes() {
  static constexpr std::array<LanguageRecipe, 19> kRecipes = {{
      {"javascript typescript", NodeRecipe},
      {"python", PythonRecipe},
      {"go", GoRecipe},
      {"rust", RustRecipe},
      {"java kotlin scala clojure groovy", JvmRecipe},
      {"csharp fsharp visual-basic", DotnetRecipe},
      {"php", PhpRecipe},
      {"ruby", RubyRecipe},
      {"elixir", ElixirRecipe},
      {"deno", DenoRecipe},
      {"c cpp", NativeRecipe},
      {"static", StaticSiteRecipe},
      {"shell", ShellRecipe},
      {"dart", DartRecipe},
      {"swift", SwiftRecipe},
      {"haskell", HaskellRecipe},
      {"zig", ZigRecipe},
      {"crystal", CrystalRecipe},
      {"gleam", GleamRecipe},
  }};
  return kRecipes;
}

const LanguageRecipe* RecipeOf(const analysis::App& app) {
  for (const LanguageRecipe& recipe : Recipes()) {
    std::string_view rest = recipe.languages;
    while (!rest.empty()) {
      const std::string_view name = rest.substr(0, rest.find(' '));
      if (name == app.language.value) {
        return &recipe;
      }
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
  }
  return nullptr;
}

}  // namespace casemate::containerize
