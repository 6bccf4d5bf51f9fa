#include "tools/catalog.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/text.h"
#include "tools/header_params.h"

namespace casemate::tools {

namespace {

constexpr std::size_t kMaxNameBytes = 64;  // MCP; our own stay below 31, for hosts prefix them

// Tools have no hyphens: some hosts turn them into underscores.
bool IsName(std::string_view name, bool may_hyphen) {
  return !name.empty() && name.size() <= kMaxNameBytes && std::ranges::all_of(name, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || (may_hyphen && c == '-');
  });
}

template <typename T>
const T* FindByName(const std::vector<std::unique_ptr<T>>& items, std::string_view name) {
  const auto found =
      std::ranges::find_if(items, [&](const auto& item) { return item->spec().name == name; });
  return found == items.end() ? nullptr : found->get();
}

template <typename T>
Result<void> AddNamed(std::vector<std::unique_ptr<T>>& items, std::unique_ptr<T> item) {
  const std::string& name = item->spec().name;
  const std::string shown = "`" + EscapeControls(ToValidUtf8(name), false) + "`";
  constexpr bool kMayHyphen = std::is_same_v<T, Prompt>;
  if (!IsName(name, kMayHyphen)) {
    return InvalidArgument("name", std::string("expected [a-z0-9_") + (kMayHyphen ? "-" : "") +
                                       "]{1,64}, got " + shown);
  }
  if (FindByName(items, name) != nullptr) {
    return InvalidArgument("name", "expected a new name, got " + shown + " for the second time");
  }
  items.push_back(std::move(item));
  return {};
}

}  // namespace

Result<void> Catalog::Add(std::unique_ptr<Tool> tool) {
  const nlohmann::json& schema = tool->spec().input_schema;
  return Add(std::move(tool), schema);
}

Result<void> Catalog::Add(std::unique_ptr<Tool> tool, const nlohmann::json& checked) {
  const auto refused = [&](Error error) {
    error.message = "tool `" + tool->spec().name + "`: " + error.message;
    return error;
  };
  if (auto linted = LintHeaderParams(tool->spec().input_schema); !linted) {
    return refused(std::move(linted).error());
  }
  auto schema = ArgumentSchema::Compile(checked);
  if (!schema) {
    return refused(std::move(schema).error());
  }
  const Tool* key = tool.get();
  auto added = AddNamed(tools_, std::move(tool));
  if (added) {
    schemas_.emplace(key, *std::move(schema));
  }
  return added;
}

Result<void> Catalog::Add(std::unique_ptr<Prompt> prompt) {
  return AddNamed(prompts_, std::move(prompt));
}

void Catalog::Add(std::unique_ptr<ResourceProvider> provider) {
  providers_.push_back(std::move(provider));
}

const Tool* Catalog::FindTool(std::string_view name) const {
  return FindByName(tools_, name);
}

const Prompt* Catalog::FindPrompt(std::string_view name) const {
  return FindByName(prompts_, name);
}

const ResourceProvider* Catalog::ProviderOf(std::string_view uri) const {
  const auto found =
      std::ranges::find_if(providers_, [&](const auto& provider) { return provider->Owns(uri); });
  return found == providers_.end() ? nullptr : found->get();
}

}  // namespace casemate::tools
