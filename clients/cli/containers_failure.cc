#include "clients/cli/containers_failure.h"

#include <unistd.h>

#include <array>
#include <iostream>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "clients/cli/command_line.h"
#include "clients/cli/terminal.h"
#include "tools/error_kind.h"

namespace casemate::cli {
namespace {

using nlohmann::json;

// The names of tools and arguments, and what they are here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kWords = {{
    {"container_status without arguments", "casemate containers ls --all"},
    {"list them with container_status", "list them: casemate containers ls --all"},
    {"container_lifecycle with action", "the tool container_lifecycle with action"},
}};

std::string ForPeople(std::string text) {
  for (const auto& [word, instead] : kWords) {
    const std::size_t at = text.find(word);
    if (at != std::string::npos) {
      text.replace(at, word.size(), instead);
    }
  }
  return text;
}

// "args.since" is "--since"; of a container the message says enough.
std::string Flag(const std::string& field) {
  constexpr std::string_view kPrefix = "args.";
  if (!field.starts_with(kPrefix)) {
    return field.empty() ? "" : field + ": ";
  }
  const std::string name = field.substr(kPrefix.size());
  if (name == "container" || name == "target.container") {
    return {};
  }
  return (name == "timeout_ms" ? "--timeout" : "--" + name) + ": ";
}

Error AsError(const tools::ToolResult& result) {
  const json error = result.structured.value("error", json::object());
  Error shown;
  shown.message = error.value("message", result.text);
  shown.field = error.value("field", "");
  shown.remedy = error.value("remedy", "");
  return shown;
}

bool IsUsage(const Result<tools::ToolResult>& call) {
  if (!call) {
    return false;
  }
  const json error = call->structured.value("error", json::object());
  return error.value("kind", "") == ToString(tools::ErrorKind::kInvalidArguments);
}

}  // namespace

std::string FailureText(const Result<tools::ToolResult>& call) {
  const Error error = call ? AsError(*call) : call.error();
  std::string text = Flag(error.field) + error.message;
  if (!error.remedy.empty()) {
    text += " (" + error.remedy + ")";
  }
  return EscapeControls(ToValidUtf8(ForPeople(std::move(text))), false);
}

int Fail(const Result<tools::ToolResult>& call, int usual) {
  std::cerr << Paint(STDERR_FILENO, Colour::kRed, "casemate:") << ' ' << FailureText(call) << '\n';
  return IsUsage(call) ? kExitUsage : usual;
}

}  // namespace casemate::cli
