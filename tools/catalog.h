// What exists: tools, prompts and resource providers. Filled at start, then immutable; thread-safe
// to read. Each Add refuses what a client could not use (kInvalidArgument).
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tools/prompt.h"
#include "tools/resource.h"
#include "tools/schema_check.h"
#include "tools/tool.h"

namespace casemate::tools {

class Catalog {
 public:
  // Errors: a name that is not [a-z0-9_]{1,64} or that is taken; an input schema with keywords that
  // are not checked (schema_lint.h).
  Result<void> Add(std::unique_ptr<Tool> tool);
  // Checks arguments against `checked` instead of the input schema that clients see.
  Result<void> Add(std::unique_ptr<Tool> tool, const nlohmann::json& checked);
  Result<void> Add(std::unique_ptr<Prompt> prompt);
  void Add(std::unique_ptr<ResourceProvider> provider);

  [[nodiscard]] const Tool* FindTool(std::string_view name) const;  // null: no such tool
  // What the arguments of a tool of this catalog must conform to.
  [[nodiscard]] const ArgumentSchema& SchemaOf(const Tool& tool) const {
    return schemas_.at(&tool);
  }
  [[nodiscard]] const Prompt* FindPrompt(std::string_view name) const;  // null: no such prompt
  // The provider whose URIs look like this; null: none.
  [[nodiscard]] const ResourceProvider* ProviderOf(std::string_view uri) const;
  // In the order added, which is the order of the lists that clients see.
  [[nodiscard]] const std::vector<std::unique_ptr<Tool>>& tools() const { return tools_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Prompt>>& prompts() const { return prompts_; }
  [[nodiscard]] const std::vector<std::unique_ptr<ResourceProvider>>& providers() const {
    return providers_;
  }

 private:
  std::vector<std::unique_ptr<Tool>> tools_;
  std::map<const Tool*, ArgumentSchema> schemas_;
  std::vector<std::unique_ptr<Prompt>> prompts_;
  std::vector<std::unique_ptr<ResourceProvider>> providers_;
};

}  // namespace casemate::tools
