// Content blocks, progress, log messages, errors, changes, headers.
#include "base/text.h"
#include "tests/conformance/fixtures.h"

namespace casemate::conformance {

using tools::CallContext;
using tools::ToolResult;

namespace {

constexpr const char* kWavBase64 = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";
constexpr int kStepMs = 50;

tools::MediaContent Media(const char* base64, const char* type) {
  return {DecodeBase64(base64).value_or(""), type};
}

ToolResult Blocks(std::vector<tools::Content> blocks, std::string text = {}) {
  ToolResult result;
  result.text = std::move(text);
  result.more = std::move(blocks);
  return result;
}

ToolResult Log(CallContext& context, const char* done) {
  for (const char* message :
       {"Tool execution started", "Tool processing data", "Tool execution completed"}) {
    if (context.log != nullptr) {
      context.log->Write(tools::Severity::kInfo, "conformance", message);
    }
    Wait(context, kStepMs);
  }
  return Text(done);
}

ToolResult Progress(CallContext& context) {
  for (const int step : {0, 50, 100}) {
    if (context.progress != nullptr) {
      context.progress->Report(step, 100.0, "Completed step " + std::to_string(step) + " of 100");
    }
    Wait(context, kStepMs);
  }
  return Text("done");
}

struct Row {
  const char* name;
  const char* description;
  FunctionTool::Body body;
  json properties = json::object();
};

Result<void> AddRows(tools::Catalog& catalog, std::vector<Row> rows) {
  for (Row& row : rows) {
    auto tool = std::make_unique<FunctionTool>(row.name, row.description, std::move(row.body),
                                               std::move(row.properties));
    if (auto added = catalog.Add(std::move(tool)); !added) {
      return added;
    }
  }
  return {};
}

}  // namespace

Result<void> AddContentTools(tools::Catalog& catalog) {
  const auto simple = [](const json&, CallContext&) {
    return Text("This is a simple text response for testing.");
  };
  const auto image = [](const json&, CallContext&) {
    return Blocks({Media(kPngBase64, "image/png")});
  };
  const auto audio = [](const json&, CallContext&) {
    return Blocks({Media(kWavBase64, "audio/wav")});
  };
  const auto embedded = [](const json&, CallContext&) {
    return Blocks({tools::ResourceContents{"test://embedded-resource", "text/plain",
                                           "This is an embedded resource content.", false}});
  };
  const auto mixed = [](const json&, CallContext&) {
    return Blocks({Media(kPngBase64, "image/png"),
                   tools::ResourceContents{"test://mixed-content-resource", "application/json",
                                           R"({"test":"data","value":123})", false}},
                  "Multiple content types test:");
  };
  const auto failing = [](const json&, CallContext&) {
    ToolResult result = Text("This tool intentionally returns an error for testing");
    result.is_error = true;
    return result;
  };
  const auto region = [](const json& args, CallContext&) {
    return Text("region: " + args.value("region", "none"));
  };
  return AddRows(
      catalog,
      {{"test_simple_text", "Tests simple text content response", simple},
       {"test_image_content", "Tests image content response", image},
       {"test_audio_content", "Tests audio content response", audio},
       {"test_embedded_resource", "Tests embedded resource content response", embedded},
       {"test_multiple_content_types", "Tests several content types in one response", mixed},
       {"test_error_handling", "Tests error response handling", failing},
       {"test_tool_with_logging", "Tests log messages during execution",
        [](const json&, CallContext& c) { return Log(c, "Tool with logging executed"); }},
       {"test_logging_tool", "Logs only when the request asks for it",
        [](const json&, CallContext& c) { return Log(c, "logged"); }},
       {"test_tool_with_progress", "Tests progress notifications",
        [](const json&, CallContext& c) { return Progress(c); }},
       {"test_streaming_elicitation", "Streams no requests",
        [](const json&, CallContext& c) { return Progress(c); }},
       {"test_reconnection", "Ends later than its stream",
        [](const json&, CallContext& c) {
          Wait(c, 2 * kStepMs);
          return Text("Reconnection test completed successfully");
        }},
       {"test_header_region",
        "Binds an argument to a header",
        region,
        {{"region", {{"type", "string"}, {"x-mcp-header", "Region"}}}}}});
}

Result<void> AddChangeTools(tools::Catalog& catalog, tools::Changes& changes) {
  return AddRows(catalog, {{"test_trigger_tool_change", "Announces that the tools changed",
                            [&changes](const json&, CallContext&) {
                              changes.Announce({.kind = tools::Change::Kind::kToolList});
                              return Text("announced");
                            }},
                           {"test_trigger_prompt_change", "Announces that the prompts changed",
                            [&changes](const json&, CallContext&) {
                              changes.Announce({.kind = tools::Change::Kind::kPromptList});
                              return Text("announced");
                            }}});
}

}  // namespace casemate::conformance
