// What the texts of prompts about `run` share. Pure functions; thread-safe.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "tools/prompt.h"

namespace casemate::tools {

// The value of an argument; empty when it is absent.
std::string ArgumentOr(const PromptArguments& arguments, const std::string& name);
// {"command": ["bash", "-c", LINE]}: a person writes a command line, `run` takes a list.
nlohmann::json CommandLine(const std::string& line);
// A fenced block of the arguments as JSON. Newlines in values are escaped, so no value can end it.
std::string ArgumentsBlock(const nlohmann::json& arguments);
// Errors: kInvalidArgument for "arguments.profile".
Result<void> AddProfile(const PromptArguments& given, nlohmann::json& arguments);
PromptMessage UserText(std::string text);

}  // namespace casemate::tools
