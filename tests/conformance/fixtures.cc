#include "tests/conformance/fixtures.h"

#include <condition_variable>
#include <mutex>

namespace casemate::conformance {
namespace {

class FunctionCall : public tools::PreparedCall {
 public:
  FunctionCall(json args, FunctionTool::Body body)
      : args_(std::move(args)), body_(std::move(body)) {}
  [[nodiscard]] const json& normalised() const override { return args_; }
  [[nodiscard]] const json& context() const override { return no_facts_; }
  tools::ToolResult Run(const policies::Grant& /*grant*/, tools::CallContext& context) override {
    return body_(args_, context);
  }

 private:
  json args_;
  json no_facts_ = json::object();
  FunctionTool::Body body_;
};

}  // namespace

const char* const kPngBase64 =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJg"
    "gg==";

FunctionTool::FunctionTool(std::string name, std::string description, Body body, json properties,
                           tools::TaskSupport task)
    : body_(std::move(body)) {
  spec_.name = std::move(name);
  spec_.description = std::move(description);
  spec_.input_schema = {{"type", "object"}, {"properties", std::move(properties)}};
  spec_.task = task;
}

Result<std::unique_ptr<tools::PreparedCall>> FunctionTool::Prepare(
    const json& args, const std::stop_token& /*stop*/) const {
  return std::unique_ptr<tools::PreparedCall>(std::make_unique<FunctionCall>(args, body_));
}

tools::ToolResult Text(std::string text) {
  tools::ToolResult result;
  result.text = std::move(text);
  return result;
}

bool Wait(const tools::CallContext& context, int milliseconds) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, context.stop, std::chrono::milliseconds(milliseconds),
                   [] { return false; });
  return !context.stop.stop_requested();
}

}  // namespace casemate::conformance
