// `casemate run` and `casemate profile list`: clients of the executor like any other.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <iostream>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "clients/cli/commands.h"
#include "clients/cli/terminal.h"

namespace casemate::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxInput = std::size_t{16} << 20;

Result<std::string> ReadStandardInput() {
  std::string data;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return ErrnoError("cannot read standard input", errno);
    }
    if (got == 0) {
      return data;
    }
    data.append(buffer.data(), static_cast<std::size_t>(got));
    if (data.size() > kMaxInput) {
      return InvalidArgument("--stdin", "expected at most 16 MiB of input, got more");
    }
  }
}

// "NAME=value" → {NAME: value}.
Result<json> EnvObject(const std::vector<std::string>& entries) {
  json env = json::object();
  for (const std::string& entry : entries) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return InvalidArgument("--env", "expected NAME=value, got `" + entry + "`");
    }
    env[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return env;
}

// "SOURCE=PATH" → {path, content_base64}.
Result<json> FileList(const std::vector<std::string>& entries) {
  json files = json::array();
  for (const std::string& entry : entries) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == entry.size()) {
      return InvalidArgument("--file", "expected SOURCE=PATH, got `" + entry + "`");
    }
    auto content = ReadFile(entry.substr(0, equals), kMaxInput);
    if (!content) {
      return std::move(content).error();
    }
    files.push_back(
        {{"path", entry.substr(equals + 1)}, {"content_base64", EncodeBase64(*content)}});
  }
  return files;
}

json LimitsObject(const RunArgs& args) {
  json limits = json::object();
  const auto set = [&limits](const char* name, const auto& value) {
    if (value.has_value()) {
      limits[name] = *value;
    }
  };
  set("memory_mb", args.memory_mb);
  set("cpus", args.cpus);
  set("pids", args.pids);
  set("output_kb", args.output_kb);
  set("disk_mb", args.disk_mb);
  return limits;
}

Result<json> ToolArguments(const RunArgs& args) {
  json call = json::object();
  if (!args.command.empty()) {
    call["command"] = args.command;
  }
  if (!args.code.empty() || !args.language.empty()) {
    call["code"] = args.code;
    call["language"] = args.language;
  }
  const auto set_text = [&call](const char* name, const std::string& value) {
    if (!value.empty()) {
      call[name] = value;
    }
  };
  set_text("workspace", args.workspace);
  set_text("profile", args.profile);
  if (args.timeout_ms.has_value()) {
    call["timeout_ms"] = *args.timeout_ms;
  }
  if (json limits = LimitsObject(args); !limits.empty()) {
    call["limits"] = std::move(limits);
  }
  if (!args.env.empty()) {
    auto env = EnvObject(args.env);
    if (!env) {
      return std::move(env).error();
    }
    call["env"] = *std::move(env);
  }
  if (!args.files.empty()) {
    auto files = FileList(args.files);
    if (!files) {
      return std::move(files).error();
    }
    call["files"] = *std::move(files);
  }
  if (args.read_stdin) {
    auto input = ReadStandardInput();
    if (!input) {
      return std::move(input).error();
    }
    call["stdin"] = *std::move(input);
  }
  return call;
}

// "SIGKILL" → 9, and "SIG40" of the real-time signals, which have no names.
int SignalNumber(const std::string& name) {
  for (int number = 1; number < NSIG; ++number) {
    const char* abbreviation = sigabbrev_np(number);
    if (abbreviation != nullptr && name == std::string("SIG") + abbreviation) {
      return number;
    }
  }
  int number = 0;
  const std::string_view digits =
      std::string_view(name).substr(std::min<std::size_t>(3, name.size()));
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

int ExitCodeOf(const json& result, bool is_error) {
  const std::string status = result.value("status", "");
  if (status == "exited" && result["exit_code"].is_number_integer()) {
    return result["exit_code"].get<int>();
  }
  if (status == "signaled" && result["signal"].is_string()) {
    return kExitSignalBase + SignalNumber(result["signal"].get<std::string>());
  }
  if (status == "timed_out") {
    return kExitTimedOut;
  }
  if (status == "oom_killed" || status == "seccomp_killed") {
    return kExitSignalBase + (status == "oom_killed" ? SIGKILL : SIGSYS);
  }
  if (status == "exec_failed") {
    return result.value("errno", 0) == ENOENT ? kExitNotFound : kExitCannotExec;
  }
  return is_error ? kExitNotRun : kExitOk;
}

int UsageFailure(const Error& error) {
  std::cerr << "casemate: " << Describe(error) << '\n';
  return kExitNotRun;
}

// A terminal would obey escape sequences in the command's output (titles, pasted input, colours):
// there, control characters are shown instead. Pipes and files get the bytes.
void PrintStream(const json& body, const char* name, int fd, std::ostream& stream) {
  const auto found = body.find(name);
  if (found == body.end() || !found->is_string()) {
    return;
  }
  const auto text = found->get<std::string>();
  stream << (isatty(fd) != 0 ? EscapeControls(text, true) : text) << std::flush;
}

void PrintOutput(const tools::ToolResult& result) {
  const json& body = result.structured;
  PrintStream(body, "stdout", STDOUT_FILENO, std::cout);
  PrintStream(body, "stderr", STDERR_FILENO, std::cerr);
  if (!result.is_error) {
    return;
  }
  const json error = body.value("error", json::object());
  std::cerr << Paint(STDERR_FILENO, Colour::kRed, "casemate: " + error.value("kind", "error"))
            << ": ";
  if (error.contains("field")) {
    std::cerr << error.value("field", "") << ": ";
  }
  std::cerr << error.value("message", result.text) << '\n';
  if (error.contains("remedy")) {
    std::cerr << "  → " << error.value("remedy", "") << '\n';
  }
}

}  // namespace

int RunCommand(const RunArgs& args, tools::ToolExecutor& executor, std::stop_token stop) {
  auto call = ToolArguments(args);
  if (!call) {
    return UsageFailure(call.error());
  }
  tools::CallContext context;
  context.channel = "cli";
  context.stop = std::move(stop);
  auto result = executor.Call("run", *call, context);
  if (!result) {
    return UsageFailure(result.error());
  }
  if (args.json) {
    std::cout << DumpJson(result->structured) << '\n';
  } else {
    PrintOutput(*result);
  }
  return ExitCodeOf(result->structured, result->is_error);
}

int ProfileListCommand(const ProfileListArgs& args, tools::ToolExecutor& executor) {
  tools::CallContext context;
  context.channel = "cli";
  auto result = executor.Call("profile_list", json::object(), context);
  if (!result) {
    return UsageFailure(result.error());
  }
  std::cout << (args.json ? DumpJson(result->structured) : result->text) << '\n';
  return result->is_error ? kExitFailure : kExitOk;
}

}  // namespace casemate::cli
