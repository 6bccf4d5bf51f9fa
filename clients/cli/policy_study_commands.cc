// `casemate policy explain|diff`.
#include <algorithm>
#include <iostream>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "clients/cli/command_line.h"
#include "clients/cli/policy_commands.h"
#include "clients/cli/policy_load.h"
#include "clients/cli/terminal.h"
#include "policies/check/diff.h"
#include "policies/check/explain_text.h"
#include "tools/action_names.h"

namespace casemate::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxArgsBytes = std::size_t{16} << 20;

Result<std::string> ReadInput() {
  std::string text;
  std::vector<char> chunk(std::size_t{64} << 10);
  while (std::cin.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) ||
         std::cin.gcount() > 0) {
    text.append(chunk.data(), static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > kMaxArgsBytes) {
      return Error{ErrorCode::kResourceExhausted, "standard input is longer than 16 MiB", "", "",
                   0};
    }
  }
  return text;
}

// An object: JSON, @FILE, or - for standard input.
Result<json> ReadObject(const char* flag, const std::string& given) {
  Result<std::string> text = given;
  if (given == "-") {
    text = ReadInput();
  } else if (given.starts_with('@')) {
    text = ReadFile(given.substr(1), kMaxArgsBytes);
  }
  if (!text) {
    Error error = text.error();
    error.field = flag;
    return error;
  }
  auto value = ParseJson(*text);
  if (!value) {
    return InvalidArgument(flag, "expected JSON: " + value.error().message);
  }
  if (!value->is_object()) {
    return InvalidArgument(flag, "expected a JSON object, such as {\"network\": \"none\"}");
  }
  return value;
}

Result<void> RequireTool(const std::string& name) {
  const auto known = tools::ActionNames();
  if (std::ranges::find(known, name) != known.end()) {
    return {};
  }
  const std::vector<std::string_view> names(known.begin(), known.end());
  std::string message = "there is no tool `" + name + "`";
  if (const auto nearest = NearestName(name, names)) {
    message += "; did you mean `" + *nearest + "`?";
  }
  return Error{ErrorCode::kInvalidArgument, message, "--tool", "use one of " + Join(known, ", "),
               0};
}

std::string Shown(const json& value) {
  return EscapeControls(value.is_string() ? value.get<std::string>() : DumpJson(value), false);
}

void PrintRules(const json& list, const std::string& sign) {
  for (const json& rule : list) {
    std::cout << sign << " rule `" << rule["id"].get<std::string>() << "` ("
              << rule["effect"].get<std::string>() << ", "
              << EscapeControls(rule["where"].get<std::string>(), false) << ")\n";
    for (const json& change : rule.value("changes", json::array())) {
      std::cout << "    " << change["what"].get<std::string>() << ": " << Shown(change["before"])
                << " → " << Shown(change["after"]) << '\n';
    }
  }
}

void PrintLayers(const json& layers) {
  for (const auto& [key, sign] : {std::pair{"added", "+"}, std::pair{"removed", "-"}}) {
    for (const json& name : layers[key]) {
      std::cout << sign << " layer " << EscapeControls(name.get<std::string>(), false) << '\n';
    }
  }
  for (const json& layer : layers["changed"]) {
    std::cout << "~ layer " << EscapeControls(layer["layer"].get<std::string>(), false) << '\n';
    for (const json& change : layer["changes"]) {
      std::cout << "    " << change["what"].get<std::string>() << ": " << Shown(change["before"])
                << " → " << Shown(change["after"]) << '\n';
    }
  }
}

std::string CallLine(const json& entry) {
  const json& call = entry["call"];
  std::string text = call["tool"].get<std::string>() + " " + DumpJson(call["args"]);
  if (!call["context"].empty()) {
    text += " context " + DumpJson(call["context"]);
  }
  return EscapeControls(ToValidUtf8(text.substr(0, 200)), false) + "\n    (" +
         EscapeControls(entry["where"].get<std::string>(), false) + ")";
}

void PrintCalls(const json& diff) {
  for (const json& flip : diff["flips"]) {
    const auto side = [&](const char* which) {
      return flip[which]["effect"].get<std::string>() + " (`" +
             flip[which]["rule"].get<std::string>() + "`)";
    };
    std::cout << side("before") << " → " << side("after") << ": " << CallLine(flip) << '\n';
  }
  for (const json& entry : diff["rights"]) {
    for (const char* which : {"wider", "narrower"}) {
      for (const json& change : entry[which]) {
        std::cout << which << ": " << change["what"].get<std::string>() << ' '
                  << Shown(change["before"]) << " → " << Shown(change["after"]) << ": "
                  << CallLine(entry) << '\n';
      }
    }
  }
  std::cout << Count(diff["calls"].get<std::size_t>(), "call")
            << " judged by both: " << diff["flips"].size() << " decided otherwise, "
            << diff["rights"].size() << " with other rights\n";
}

}  // namespace

int PolicyExplainCommand(const PolicyExplainArgs& args, const std::string& configured) {
  if (auto known = RequireTool(args.tool); !known) {
    return ComplainOf(known.error(), kExitUsage);
  }
  const auto call_args = ReadObject("--args", args.args);
  const auto context = ReadObject("--context", args.context);
  const auto stated = ReadObject("--history", args.history);
  for (const auto* object : {&call_args, &context, &stated}) {
    if (!*object) {
      return ComplainOf(object->error(), kExitUsage);
    }
  }
  const NamedPolicy named = LoadNamed(args.policy, configured);
  if (!named.policy) {
    return CannotLoad(named);
  }
  json history = policies::NoHistory();
  history.merge_patch(*stated);
  policies::Principal principal{args.principal, args.tenant, args.roles};
  if (principal.id == "local" && principal.roles.empty()) {
    principal.roles = {"owner"};
  }
  const json explanation =
      (*named.policy)->Explain({args.tool, principal, *call_args, *context, history});
  std::cout << (args.json ? DumpJson(explanation) + "\n" : policies::ExplainText(explanation));
  return Flushed(kExitOk, kExitFailure);
}

int PolicyDiffCommand(const PolicyDiffArgs& args) {
  const NamedPolicy before = LoadNamed(args.before, "");
  const NamedPolicy after = LoadNamed(args.after, "");
  std::vector<policies::TestSuite> suites;
  for (const NamedPolicy* side : {&before, &after}) {
    if (!side->policy) {
      return CannotLoad(*side);
    }
    auto found = SuitesFor(side->name, side == &after ? args.suites : std::vector<std::string>());
    if (!found) {
      return ComplainOf(found.error(), kExitUsage);
    }
    std::ranges::move(*found, std::back_inserter(suites));
  }
  const json diff = policies::DiffPolicies(**before.policy, **after.policy, suites);
  if (args.json) {
    std::cout << DumpJson(diff) << '\n';
    return Flushed(kExitOk, kExitFailure);
  }
  PrintLayers(diff["layers"]);
  PrintRules(diff["rules"]["removed"], "-");
  PrintRules(diff["rules"]["added"], "+");
  PrintRules(diff["rules"]["changed"], "~");
  PrintCalls(diff);
  return Flushed(kExitOk, kExitFailure);
}

}  // namespace casemate::cli
