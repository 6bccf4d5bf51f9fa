// The fixtures that the official conformance suite (@modelcontextprotocol/conformance) expects of a
// server, registered through the public API only. Test-only; never installed.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "tools/catalog.h"
#include "tools/changes.h"
#include "tools/tool.h"

namespace casemate::conformance {

using nlohmann::json;

// A tool that is a function.
class FunctionTool : public tools::Tool {
 public:
  using Body = std::function<tools::ToolResult(const json& args, tools::CallContext& context)>;
  FunctionTool(std::string name, std::string description, Body body,
               json properties = json::object(),
               tools::TaskSupport task = tools::TaskSupport::kNever);
  [[nodiscard]] const tools::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<std::unique_ptr<tools::PreparedCall>> Prepare(
      const json& args, const std::stop_token& /*stop*/) const override;

 private:
  tools::ToolSpec spec_;
  Body body_;
};

tools::ToolResult Text(std::string text);
// Waits for so long, or until the call is cancelled; false then.
bool Wait(const tools::CallContext& context, int milliseconds);
extern const char* const kPngBase64;

Result<void> AddContentTools(tools::Catalog& catalog);
Result<void> AddAskingTools(tools::Catalog& catalog);
Result<void> AddMrtrTools(tools::Catalog& catalog);
Result<void> AddTaskTools(tools::Catalog& catalog);
Result<void> AddChangeTools(tools::Catalog& catalog, tools::Changes& changes);
Result<void> AddPrompts(tools::Catalog& catalog);
void AddResources(tools::Catalog& catalog);

}  // namespace casemate::conformance
