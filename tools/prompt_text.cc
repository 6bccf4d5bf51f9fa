#include "tools/prompt_text.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "policies/profiles/profile.h"

namespace casemate::tools {

std::string ArgumentOr(const PromptArguments& arguments, const std::string& name) {
  const auto found = arguments.find(name);
  return found == arguments.end() ? std::string() : found->second;
}

nlohmann::json CommandLine(const std::string& line) {
  return {{"command", {"bash", "-c", line}}};
}

std::string ArgumentsBlock(const nlohmann::json& arguments) {
  return "```json\n" + DumpJson(arguments) + "\n```\n";
}

Result<void> AddProfile(const PromptArguments& given, nlohmann::json& arguments) {
  const std::string name = ArgumentOr(given, "profile");
  if (name.empty()) {
    return {};
  }
  auto profile = policies::FindProfile(name);
  if (!profile) {
    Error error = std::move(profile).error();
    error.field = "arguments.profile";
    return error;
  }
  arguments["profile"] = name;
  return {};
}

PromptMessage UserText(std::string text) {
  return {Role::kUser, TextContent{std::move(text)}};
}

}  // namespace casemate::tools
