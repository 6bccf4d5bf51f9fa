// The tools that exist, by name. Filled once at start, then immutable; thread-safe to read.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "tools/tool.h"

namespace casemate::tools {

class Catalog {
 public:
  void Add(std::unique_ptr<Tool> tool);
  [[nodiscard]] const Tool* Find(std::string_view name) const;  // null: no such tool
  // In the order added, which is the order of tools/list.
  [[nodiscard]] const std::vector<std::unique_ptr<Tool>>& all() const { return tools_; }

 private:
  std::vector<std::unique_ptr<Tool>> tools_;
};

}  // namespace casemate::tools
