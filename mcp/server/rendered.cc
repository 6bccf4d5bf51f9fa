#include "mcp/server/rendered.h"

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace casemate::mcp {

Rendered RenderedResults::Get(const std::string& key, const std::function<nlohmann::json()>& make) {
  const std::lock_guard lock(mutex_);
  if (const auto found = texts_.find(key); found != texts_.end()) {
    return found->second;
  }
  auto text = std::make_shared<const std::string>(DumpJson(make()));
  if (texts_.size() >= kMaxTexts) {
    texts_.clear();
  }
  return texts_.emplace(key, std::move(text)).first->second;
}

}  // namespace casemate::mcp
