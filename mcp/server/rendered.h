// RenderedResults: the texts of results that many requests get alike (what is offered, the list of
// tools), each serialised once. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace casemate::mcp {

// A result's members, serialised.
using Rendered = std::shared_ptr<const std::string>;

class RenderedResults {
 public:
  // What `make` returned for this key before, or returns now. The key must tell apart all that the
  // result depends on.
  Rendered Get(const std::string& key, const std::function<nlohmann::json()>& make);

 private:
  static constexpr std::size_t kMaxTexts = 64;  // beyond that all are forgotten

  std::mutex mutex_;
  std::map<std::string, Rendered> texts_;  // guarded by mutex_
};

}  // namespace casemate::mcp
