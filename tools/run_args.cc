#include "tools/run_args.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "tools/arguments/args.h"
#include "tools/run_files.h"
#include "tools/run_limits.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 13> kNames = {
    "command",    "code",   "language", "stdin",   "env",        "files", "workspace",
    "timeout_ms", "limits", "network",  "profile", "background", "target"};
constexpr std::array<std::string_view, 1> kNetworks = {"none"};
constexpr TextRule kArgumentRule{.max_bytes = kMaxArgumentBytes, .allow_nul = false};

bool IsVariableName(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && is_letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

void DecodeCommand(ArgReader& reader, ArgErrors& errors, RunArgs& run) {
  const json* command = reader.Array("command", kMaxArguments,
                                     "an array of strings (there is no shell: for a command line "
                                     "use [\"bash\", \"-c\", \"…\"])");
  if (command == nullptr) {
    return;
  }
  if (command->empty()) {
    errors.Expected("args.command", "at least one element, the program", "an empty array",
                    "give the program and its arguments, such as [\"ls\", \"-l\"]");
    return;
  }
  for (std::size_t i = 0; i < command->size(); ++i) {
    TextRule rule = kArgumentRule;
    rule.min_bytes = i == 0 ? 1 : 0;
    auto text = ReadText((*command)[i], "args.command." + std::to_string(i), rule, errors);
    run.command.push_back(std::move(text).value_or(std::string()));
  }
}

// Exactly one of `command` and `code` with `language`.
void DecodeProgram(ArgReader& reader, ArgErrors& errors, RunArgs& run) {
  const bool has_command = reader.Has("command");
  const bool has_code = reader.Has("code");
  if (has_command && has_code) {
    errors.Expected("args", "exactly one of `command` and `code`", "both", "leave one of them out");
    return;
  }
  if (!has_command && !has_code) {
    errors.Expected("args", "exactly one of `command` and `code` with `language`", "neither",
                    "give `command` as an array of strings, or `code` and its `language`");
    return;
  }
  const auto names = LanguageNames();
  const auto language = reader.Choice("language", names);
  if (has_command) {
    if (reader.Has("language")) {
      errors.Expected("args.language", "`language` only together with `code`",
                      "it together with `command`", "leave `language` out");
    }
    DecodeCommand(reader, errors, run);
    return;
  }
  if (!reader.Has("language")) {
    const std::vector<std::string> choices(names.begin(), names.end());
    errors.Expected("args.language", "one of " + Join(choices, ", ") + " (the language of `code`)",
                    "nothing", "add `language`, for instance \"language\": \"python\"");
    return;
  }
  run.code = reader.Text("code").value_or(std::string());
  run.language = language ? FindLanguage(*language) : nullptr;
}

void DecodeEnv(ArgReader& reader, ArgErrors& errors, RunArgs& run) {
  const json* env = reader.Object("env");
  if (env == nullptr) {
    return;
  }
  if (env->size() > kMaxEnv) {
    errors.Expected("args.env", "at most " + std::to_string(kMaxEnv) + " variables",
                    std::to_string(env->size()));
    return;
  }
  for (const auto& [name, value] : env->items()) {
    if (!IsVariableName(name)) {
      errors.Expected("args.env", "names of letters, digits and _ that start with no digit",
                      Quoted(name), "rename the variable, or pass its value in `stdin` or `files`");
      return;
    }
    auto text = ReadText(value, "args.env." + Quoted(name), kArgumentRule, errors);
    run.env.emplace_back(name, std::move(text).value_or(std::string()));
  }
}

void DecodeWorkspace(ArgReader& reader, ArgErrors& errors, RunArgs& run) {
  const auto path =
      reader.Text("workspace", {.min_bytes = 1, .max_bytes = 4095, .allow_nul = false});
  if (!path) {
    return;
  }
  if (!path->starts_with('/')) {
    errors.Expected("args.workspace", "an absolute path of a host directory", Quoted(*path),
                    path->starts_with('~') ? "write the home directory out: `~` is not expanded"
                                           : "start it with `/`");
    return;
  }
  run.workspace = *path;
}

// What a container that exists cannot give a single command.
void CheckTarget(const RunArgs& run, ArgErrors& errors) {
  if (!run.target || run.target->kind != RunTarget::Kind::kContainer) {
    return;
  }
  const std::string remedy = "leave it out, or use target {\"image\": …}";
  if (!run.workspace.empty()) {
    errors.Expected("args.workspace", "none: a container sees what it was made with", "one",
                    remedy);
  }
  if (run.explicit_limits.disk_mb) {
    errors.Expected("args.limits.disk_mb", "none: a container was made with its disk", "one",
                    remedy);
  }
}

// Bounds that span several arguments.
void CheckTotals(const RunArgs& run, ArgErrors& errors) {
  std::size_t input = run.code.size() + (run.stdin_data ? run.stdin_data->size() : 0);
  for (const RunFile& file : run.files) {
    input += file.content.size();
  }
  if (input > kMaxInputBytes) {
    errors.Expected(
        "args",
        "at most " + std::to_string(kMaxInputBytes) + " bytes of code, stdin and files together",
        std::to_string(input) + " bytes",
        "put large data into a host directory and pass that as `workspace`");
  }
  std::size_t vectors = 0;
  for (const std::string& element : run.command) {
    vectors += element.size() + 1;
  }
  for (const auto& [name, value] : run.env) {
    vectors += name.size() + value.size() + 2;
  }
  if (vectors > kMaxCommandBytes) {
    errors.Expected(
        "args",
        "at most " + std::to_string(kMaxCommandBytes) + " bytes of command and env together",
        std::to_string(vectors) + " bytes", "pass data through `stdin` or `files`");
  }
}

}  // namespace

Result<RunArgs> DecodeRunArgs(const json& args, const std::string& default_profile,
                              bool has_containers) {
  ArgErrors errors;
  ArgReader reader(args, "args", kNames, errors);
  RunArgs run;
  DecodeProgram(reader, errors, run);
  run.stdin_data = reader.Text("stdin");
  DecodeEnv(reader, errors, run);
  run.files = DecodeFiles(reader, errors);
  DecodeWorkspace(reader, errors, run);
  run.explicit_limits = DecodeLimits(reader, errors);
  (void)reader.Choice("network", kNetworks);
  run.target = DecodeTarget(reader, errors, has_containers);
  CheckTarget(run, errors);
  run.background = reader.Boolean("background").value_or(false);
  const auto profile = policies::FindProfile(reader.Text("profile").value_or(default_profile));
  if (!profile) {
    errors.Add(profile.error());
  }
  CheckTotals(run, errors);
  if (const auto& error = errors.first()) {
    return *error;
  }
  run.profile = *profile;
  run.limits = ApplyLimits(run.profile.limits, run.explicit_limits);
  if (auto checked = CheckLimits(run); !checked) {
    return checked.error();
  }
  const bool read_only = run.profile.workspace_mode == policies::WorkspaceMode::kReadOnly;
  if (!run.files.empty() && !run.workspace.empty() && read_only) {
    return FilesNeedWriting();
  }
  return run;
}

}  // namespace casemate::tools
