// `casemate run` and `casemate profile list`: clients of the executor like any other.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "clients/cli/call_outcome.h"
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

// The code and the workspace that were stated. An empty one comes of an unset shell variable: to
// run nothing, or in a private workspace, was not meant.
Result<void> AddStated(const RunArgs& args, json& call) {
  if (args.code.has_value() != !args.language.empty()) {
    return InvalidArgument(args.code.has_value() ? "--language" : "--code",
                           "expected --code and --language together, got one of them");
  }
  if (args.code.has_value()) {
    call["code"] = *args.code;
    call["language"] = args.language;
  }
  if (!args.workspace.has_value()) {
    return {};
  }
  if (args.workspace->empty()) {
    return InvalidArgument("--workspace",
                           "expected a directory, got nothing; leave it out to get "
                           "a private one");
  }
  std::error_code error;
  const auto absolute = std::filesystem::absolute(*args.workspace, error);
  if (error) {
    return InvalidArgument("--workspace",
                           "cannot tell where `" + *args.workspace + "` is: " + error.message());
  }
  call["workspace"] =
      args.workspace->starts_with('/') ? *args.workspace : absolute.lexically_normal().string();
  return {};
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
  set("io_mb_s", args.io_mb_s);
  return limits;
}

}  // namespace

Result<json> RunCall(const RunArgs& args) {
  json call = json::object();
  if (!args.command.empty()) {
    call["command"] = args.command;
  }
  if (auto added = AddStated(args, call); !added) {
    return std::move(added).error();
  }
  if (!args.profile.empty()) {
    call["profile"] = args.profile;
  }
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

namespace {

// A terminal would obey escape sequences in the command's output (titles, pasted input, colours):
// there, control characters are shown instead. Pipes and files get the bytes.
Result<void> WriteStream(const std::string& bytes, int fd) {
  return WriteAll(fd, isatty(fd) != 0 ? EscapeControls(ToValidUtf8(bytes), true) : bytes);
}

// All that was written, or the first failure.
Result<void> WriteOutput(const tools::ToolResult& result) {
  Result<void> out;
  Result<void> err;
  if (result.raw.has_value()) {
    out = WriteStream(result.raw->out, STDOUT_FILENO);
    err = WriteStream(result.raw->err, STDERR_FILENO);
  }
  PrintNotes(result.structured);
  if (result.is_error) {
    PrintError(result.structured.value("error", json::object()), result.text);
  }
  return out ? err : out;
}

}  // namespace

int PrintRun(const RunArgs& args, const tools::ToolResult& result, int signal) {
  const int code = ExitCodeOf(result.structured, result.is_error, signal);
  if (args.json) {
    std::cout << DumpJson(result.structured) << '\n';
    return Flushed(code, kExitUnknown);
  }
  if (auto written = WriteOutput(result); !written) {
    std::cerr << "casemate: the output of the command: " << Describe(written.error()) << '\n';
    return kExitUnknown;
  }
  return code;
}

int PrintProfiles(const ProfileListArgs& args, const tools::ToolResult& result) {
  std::cout << (args.json ? DumpJson(result.structured) : result.text) << '\n';
  return Flushed(result.is_error ? kExitFailure : kExitOk, kExitFailure);
}

}  // namespace casemate::cli
