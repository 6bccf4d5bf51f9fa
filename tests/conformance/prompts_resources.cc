// Prompts and resources.
#include <utility>

#include "base/text.h"
#include "tests/conformance/fixtures.h"

namespace casemate::conformance {

using tools::CallContext;
using tools::PromptArguments;
using tools::PromptResult;
using tools::Role;

namespace {

class FunctionPrompt : public tools::Prompt {
 public:
  using Body = std::function<Result<PromptResult>(const PromptArguments&, CallContext&)>;
  FunctionPrompt(std::string name, std::vector<std::string> arguments, Body body)
      : body_(std::move(body)) {
    spec_.name = std::move(name);
    spec_.description = "A prompt for testing";
    for (std::string& argument : arguments) {
      spec_.arguments.push_back({std::move(argument), "", "A test argument", true});
    }
  }
  [[nodiscard]] const tools::PromptSpec& spec() const override { return spec_; }
  [[nodiscard]] Result<PromptResult> Get(const PromptArguments& arguments,
                                         CallContext& context) const override {
    return body_(arguments, context);
  }

 private:
  tools::PromptSpec spec_;
  Body body_;
};

PromptResult Messages(std::vector<tools::Content> contents) {
  PromptResult result;
  for (tools::Content& content : contents) {
    result.messages.push_back({Role::kUser, std::move(content)});
  }
  return result;
}

Result<PromptResult> AskingPrompt(CallContext& context) {
  const json form = {{"message", "What is this about?"},
                     {"requestedSchema",
                      {{"type", "object"},
                       {"properties", {{"context", {{"type", "string"}}}}},
                       {"required", {"context"}}}}};
  const auto answers = context.Ask({{"user_context", tools::AskKind::kForm, form}});
  if (!answers) {
    return answers.error();
  }
  const auto read = tools::ReadForm(*answers, "user_context", "context");
  const bool is_text = read.field != nullptr && read.field->is_string();
  return Messages({tools::TextContent{
      "Context: " + (is_text ? read.field->get<std::string>() : std::string("none"))}});
}

constexpr std::string_view kTemplateStart = "test://template/";
constexpr std::string_view kTemplateEnd = "/data";

class TestResources : public tools::ResourceProvider {
 public:
  [[nodiscard]] bool Owns(std::string_view uri) const override {
    return uri.starts_with("test://");
  }
  [[nodiscard]] std::vector<tools::ResourceSpec> List(
      const policies::Principal& /*principal*/) const override {
    return {{"test://static-text", "static-text", "", "A static text", "text/plain", {}},
            {"test://static-binary", "static-binary", "", "A static picture", "image/png", {}},
            {"test://watched-resource", "watched-resource", "", "It changes", "text/plain", {}}};
  }
  [[nodiscard]] std::vector<tools::ResourceTemplateSpec> Templates() const override {
    return {{"test://template/{id}/data", "template", "", "A template", "application/json"}};
  }
  [[nodiscard]] json Facts(std::string_view /*uri*/,
                           const policies::Principal& /*principal*/) const override {
    return {{"kind", "test"}};
  }
  [[nodiscard]] Result<tools::ResourceContents> Read(
      std::string_view uri, const policies::Principal& /*principal*/) const override {
    const std::string text(uri);
    if (uri == "test://static-text") {
      return tools::ResourceContents{text, "text/plain",
                                     "This is the content of the static text resource.", false};
    }
    if (uri == "test://static-binary") {
      return tools::ResourceContents{text, "image/png", DecodeBase64(kPngBase64).value_or(""),
                                     true};
    }
    if (uri == "test://watched-resource") {
      return tools::ResourceContents{text, "text/plain", "Watched resource content", false};
    }
    if (uri.starts_with(kTemplateStart) && uri.ends_with(kTemplateEnd)) {
      const auto id = uri.substr(kTemplateStart.size(),
                                 uri.size() - kTemplateStart.size() - kTemplateEnd.size());
      const json body = {
          {"id", id}, {"templateTest", true}, {"data", "Data for ID: " + std::string(id)}};
      return tools::ResourceContents{text, "application/json", body.dump(), false};
    }
    return Error{ErrorCode::kNotFound, "there is no such resource", "uri", "", 0};
  }
};

}  // namespace

Result<void> AddPrompts(tools::Catalog& catalog) {
  Result<void> added;
  const auto add = [&](const char* name, std::vector<std::string> arguments,
                       FunctionPrompt::Body body) {
    if (added) {
      added = catalog.Add(
          std::make_unique<FunctionPrompt>(name, std::move(arguments), std::move(body)));
    }
  };
  add("test_simple_prompt", {}, [](const PromptArguments&, CallContext&) {
    return Messages({tools::TextContent{"This is a simple prompt for testing."}});
  });
  add("test_prompt_with_arguments", {"arg1", "arg2"}, [](const PromptArguments& a, CallContext&) {
    return Messages({tools::TextContent{"Prompt with arguments: arg1='" + a.at("arg1") +
                                        "', arg2='" + a.at("arg2") + "'"}});
  });
  add("test_prompt_with_embedded_resource", {"resourceUri"},
      [](const PromptArguments& a, CallContext&) {
        return Messages({tools::ResourceContents{a.at("resourceUri"), "text/plain",
                                                 "Embedded resource content for testing.", false},
                         tools::TextContent{"Please process the embedded resource above."}});
      });
  add("test_prompt_with_image", {}, [](const PromptArguments&, CallContext&) {
    return Messages({tools::MediaContent{DecodeBase64(kPngBase64).value_or(""), "image/png"},
                     tools::TextContent{"Please analyze the image above."}});
  });
  add("test_input_required_result_prompt", {},
      [](const PromptArguments&, CallContext& c) { return AskingPrompt(c); });
  return added;
}

void AddResources(tools::Catalog& catalog) {
  catalog.Add(std::make_unique<TestResources>());
}

}  // namespace casemate::conformance
