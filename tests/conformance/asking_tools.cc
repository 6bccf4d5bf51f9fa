// Tools that ask: elicitation, sampling, roots; in one round and in several.
#include "base/json.h"
#include "tests/conformance/fixtures.h"

namespace casemate::conformance {

using tools::Answers;
using tools::AskKind;
using tools::CallContext;
using tools::Question;
using tools::ToolResult;

namespace {

json Form(const std::string& message, json properties, json required = json::array()) {
  return {{"message", message},
          {"requestedSchema",
           {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", std::move(required)}}}};
}

json TextField(const char* name, const char* description) {
  return {{name, {{"type", "string"}, {"description", description}}}};
}

Question NameQuestion() {
  return {"user_name", AskKind::kForm,
          Form("What is your name?", TextField("name", "Your name"), {"name"})};
}

Question SamplingQuestion(const std::string& key, const std::string& prompt) {
  return {key,
          AskKind::kSampling,
          {{"messages",
            json::array({{{"role", "user"}, {"content", {{"type", "text"}, {"text", prompt}}}}})},
           {"maxTokens", 100}}};
}

Question RootsQuestion() {
  return {"client_roots", AskKind::kRoots, json::object()};
}

// Asks, and says what came back as `label` and the answer.
ToolResult AskOne(CallContext& context, const Question& question, const std::string& label) {
  const auto answers = context.Ask({question});
  if (!answers) {
    return tools::ErrorResult(answers.error());
  }
  return Text(label + DumpJson(answers->at(question.key)));
}

// An accepted form must have its field as text; otherwise it is asked again.
ToolResult AskName(CallContext& context, const std::string& label) {
  const auto answers = context.Ask({NameQuestion()});
  if (!answers) {
    return tools::ErrorResult(answers.error());
  }
  const auto form = tools::ReadForm(*answers, "user_name", "name");
  return Text(label + (form.field != nullptr && form.field->is_string()
                           ? form.field->get<std::string>()
                           : std::string("nobody")));
}

ToolResult MultiRound(CallContext& context) {
  const auto first = context.Ask(
      {{"step1", AskKind::kForm, Form("Step 1: your name?", TextField("name", "Name"), {"name"})}});
  if (!first) {
    return tools::ErrorResult(first.error());
  }
  const auto second = context.Ask(
      {{"step1", AskKind::kForm, Form("Step 1: your name?", TextField("name", "Name"), {"name"})},
       {"step2", AskKind::kForm,
        Form("Step 2: your colour?", TextField("color", "Colour"), {"color"})}});
  if (!second) {
    return tools::ErrorResult(second.error());
  }
  return Text("both rounds: " + DumpJson(*second));
}

ToolResult WithinCapabilities(CallContext& context) {
  std::vector<Question> questions;
  if (context.asker->Supports(AskKind::kForm)) {
    questions.push_back(NameQuestion());
  }
  if (context.asker->Supports(AskKind::kSampling)) {
    questions.push_back(SamplingQuestion("greeting", "Greet"));
  }
  const auto answers = context.Ask(questions);
  return answers ? Text("asked what the client can answer") : tools::ErrorResult(answers.error());
}

json DefaultsForm() {
  return Form(
      "Please review the form",
      {{"name", {{"type", "string"}, {"default", "John Doe"}}},
       {"age", {{"type", "integer"}, {"default", 30}}},
       {"score", {{"type", "number"}, {"default", 95.5}}},
       {"status",
        {{"type", "string"}, {"enum", {"active", "inactive", "pending"}}, {"default", "active"}}},
       {"verified", {{"type", "boolean"}, {"default", true}}}});
}

json Choice(const char* value, const char* title) {
  return {{"const", value}, {"title", title}};
}

json EnumsForm() {
  const json titled = {Choice("value1", "First"), Choice("value2", "Second"),
                       Choice("value3", "Third")};
  return Form(
      "Please select options",
      {{"untitledSingle", {{"type", "string"}, {"enum", {"option1", "option2", "option3"}}}},
       {"titledSingle", {{"type", "string"}, {"oneOf", titled}}},
       {"legacyEnum",
        {{"type", "string"},
         {"enum", {"opt1", "opt2", "opt3"}},
         {"enumNames", {"Option One", "Option Two", "Option Three"}}}},
       {"untitledMulti",
        {{"type", "array"},
         {"minItems", 1},
         {"maxItems", 3},
         {"items", {{"type", "string"}, {"enum", {"option1", "option2", "option3"}}}}}},
       {"titledMulti",
        {{"type", "array"}, {"minItems", 1}, {"maxItems", 3}, {"items", {{"anyOf", titled}}}}}});
}

Result<void> AddTool(tools::Catalog& catalog, const char* name, FunctionTool::Body body,
                     json properties = json::object()) {
  return catalog.Add(std::make_unique<FunctionTool>(name, "Asks the client", std::move(body),
                                                    std::move(properties)));
}

}  // namespace

Result<void> AddAskingTools(tools::Catalog& catalog) {
  const json text = {{"type", "string"}};
  auto added =
      AddTool(catalog, "test_sampling",
              [](const json& args, CallContext& context) {
                return AskOne(context, SamplingQuestion("answer", args.value("prompt", "")),
                              "LLM response: ");
              },
              {{"prompt", text}});
  const auto then = [&](const char* name, FunctionTool::Body body, json properties) {
    if (added) {
      added = AddTool(catalog, name, std::move(body), std::move(properties));
    }
  };
  then("test_elicitation",
       [](const json& args, CallContext& context) {
         return AskOne(context,
                       {"answer", AskKind::kForm,
                        Form(args.value("message", ""), TextField("response", "Your response"),
                             {"response"})},
                       "User response: ");
       },
       {{"message", text}});
  then(
      "test_elicitation_sep1034_defaults",
      [](const json&, CallContext& context) {
        return AskOne(context, {"answer", AskKind::kForm, DefaultsForm()},
                      "Elicitation completed: ");
      },
      json::object());
  then(
      "test_elicitation_sep1330_enums",
      [](const json&, CallContext& context) {
        return AskOne(context, {"answer", AskKind::kForm, EnumsForm()}, "Elicitation completed: ");
      },
      json::object());
  then(
      "test_missing_capability",
      [](const json&, CallContext& context) {
        return AskOne(context, SamplingQuestion("answer", "x"), "sampled ");
      },
      json::object());
  return added;
}

Result<void> AddMrtrTools(tools::Catalog& catalog) {
  Result<void> added;
  const auto add = [&](const char* name, FunctionTool::Body body) {
    if (added) {
      added = AddTool(catalog, name, std::move(body));
    }
  };
  add("test_input_required_result_elicitation",
      [](const json&, CallContext& c) { return AskName(c, "Hello, "); });
  add("test_input_required_result_sampling", [](const json&, CallContext& c) {
    return AskOne(c, SamplingQuestion("capital_question", "What is the capital of France?"),
                  "Model said: ");
  });
  add("test_input_required_result_list_roots",
      [](const json&, CallContext& c) { return AskOne(c, RootsQuestion(), "Roots: "); });
  add("test_input_required_result_request_state", [](const json&, CallContext& c) {
    return AskOne(c, tools::ConfirmQuestion("confirm", "Go on?"), "state-ok ");
  });
  add("test_input_required_result_multiple_inputs", [](const json&, CallContext& c) {
    const auto answers =
        c.Ask({NameQuestion(), SamplingQuestion("greeting", "Greet"), RootsQuestion()});
    return answers ? Text("all answered") : tools::ErrorResult(answers.error());
  });
  add("test_input_required_result_multi_round",
      [](const json&, CallContext& c) { return MultiRound(c); });
  add("test_input_required_result_tampered_state", [](const json&, CallContext& c) {
    return AskOne(c, tools::ConfirmQuestion("confirm", "Go on?"), "untampered ");
  });
  add("test_input_required_result_capabilities",
      [](const json&, CallContext& c) { return WithinCapabilities(c); });
  return added;
}

}  // namespace casemate::conformance
