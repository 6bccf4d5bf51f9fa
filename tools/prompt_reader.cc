#include "tools/prompt_reader.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/text.h"
#include "tools/arguments/args.h"
#include "tools/resource_reader.h"
#include "tools/tool.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr const char* kGet = "prompt_get";

const PromptArgument* FindArgument(const PromptSpec& spec, std::string_view name) {
  const auto found = std::ranges::find(spec.arguments, name, &PromptArgument::name);
  return found == spec.arguments.end() ? nullptr : &*found;
}

std::string UnknownArgument(const PromptSpec& spec, const std::string& name) {
  std::vector<std::string_view> names;
  names.reserve(spec.arguments.size());
  for (const PromptArgument& argument : spec.arguments) {
    names.emplace_back(argument.name);
  }
  const auto nearest = NearestName(name, names);
  return "unknown argument " + Quoted(name) +
         (nearest ? "; did you mean `" + *nearest + "`?" : std::string());
}

// All that is wrong with `arguments` in one error.
Result<void> CheckArguments(const PromptSpec& spec, const PromptArguments& arguments) {
  std::vector<std::string> faults;
  std::string field;
  const auto add = [&](const std::string& name, std::string fault) {
    field = faults.empty() ? "arguments." + EscapeControls(name.substr(0, 64), false) : "arguments";
    faults.push_back(std::move(fault));
  };
  for (const PromptArgument& argument : spec.arguments) {
    if (argument.required && !arguments.contains(argument.name)) {
      add(argument.name, "expected the argument `" + argument.name + "`, got nothing");
    }
  }
  for (const auto& [name, value] : arguments) {
    if (faults.size() >= 32) {
      break;
    }
    if (FindArgument(spec, name) == nullptr) {
      add(name, UnknownArgument(spec, name));
    } else if (value.size() > kMaxPromptArgumentBytes) {
      add(name, "expected at most " + std::to_string(kMaxPromptArgumentBytes) + " bytes for `" +
                    name + "`, got " + std::to_string(value.size()));
    }
  }
  if (faults.empty()) {
    return {};
  }
  Error error = InvalidArgument(field, Join(faults, "; "));
  std::vector<std::string> names;
  names.reserve(spec.arguments.size());
  for (const PromptArgument& argument : spec.arguments) {
    names.push_back(argument.name + (argument.required ? " (required)" : ""));
  }
  error.remedy = names.empty() ? "pass no arguments" : "the arguments are: " + Join(names, ", ");
  return error;
}

json RecordedArguments(const PromptArguments& arguments) {
  json recorded = json::object();
  for (const auto& [name, value] : arguments) {
    recorded[name] = {{"bytes", value.size()}, {"sha256", Sha256Hex(value)}};
  }
  return recorded;
}

Error PromptFailed(const char* what) {
  return {ErrorCode::kInternal, std::string("the prompt failed unexpectedly: ") + what, "name",
          "report this as a defect of Casemate", 0};
}

}  // namespace

Error PromptReader::UnknownPrompt(std::string_view name) const {
  std::vector<std::string_view> names;
  std::vector<std::string> shown;
  for (const auto& prompt : catalog_.prompts()) {
    names.emplace_back(prompt->spec().name);
    shown.push_back(prompt->spec().name);
  }
  const auto nearest = NearestName(name, names);
  return {ErrorCode::kNotFound,
          "expected the name of a prompt, got " + Quoted(name) +
              (nearest ? "; did you mean `" + *nearest + "`?" : std::string()),
          "name", shown.empty() ? "there are no prompts" : "use one of: " + Join(shown, ", "), 0};
}

std::vector<const PromptSpec*> PromptReader::List(const policies::Principal& principal) const {
  std::vector<const PromptSpec*> specs;
  if (gate_.MayEverAllow(kGet, principal)) {
    for (const auto& prompt : catalog_.prompts()) {
      specs.push_back(&prompt->spec());
    }
  }
  return specs;
}

Result<PromptResult> PromptReader::Get(std::string_view name, const PromptArguments& arguments,
                                       CallContext& context) const {
  const Prompt* prompt = catalog_.FindPrompt(name);
  if (prompt == nullptr) {
    return UnknownPrompt(name);
  }
  if (auto checked = CheckArguments(prompt->spec(), arguments); !checked) {
    return std::move(checked).error();
  }
  const json args = {{"name", name}, {"arguments", RecordedArguments(arguments)}};
  const json facts = {{"kind", "prompt"}};
  if (auto passed =
          gate_.Pass({kGet, context.principal, context.channel, context.session, args, facts});
      !passed) {
    return std::move(passed).error();
  }
  try {
    return prompt->Get(arguments, context);
  } catch (const std::exception& caught) {
    return PromptFailed(caught.what());
  }
}

Result<std::vector<std::string>> PromptReader::Complete(std::string_view name,
                                                        std::string_view argument,
                                                        std::string_view prefix,
                                                        const PromptArguments& others,
                                                        const CallContext& context) const {
  const Prompt* prompt = catalog_.FindPrompt(name);
  if (prompt == nullptr) {
    Error error = UnknownPrompt(name);
    error.code = ErrorCode::kInvalidArgument;
    error.field = "ref.name";
    return error;
  }
  if (FindArgument(prompt->spec(), argument) == nullptr) {
    return InvalidArgument("argument.name", UnknownArgument(prompt->spec(), std::string(argument)));
  }
  const json args = {{"prompt", name}, {"argument", argument}};
  const json facts = {{"ref", "prompt"}};
  if (auto passed = gate_.Pass(
          {"completion", context.principal, context.channel, context.session, args, facts});
      !passed) {
    return std::move(passed).error();
  }
  try {
    auto values = prompt->Complete(argument, prefix, others, context.principal);
    values.resize(std::min(values.size(), kMaxCompletions));
    return values;
  } catch (const std::exception& caught) {
    return PromptFailed(caught.what());
  }
}

}  // namespace casemate::tools
