#include "clients/hosts/examine.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "clients/hosts/install.h"

namespace casemate::hosts {
namespace {

using nlohmann::ordered_json;

// What a host started from a desktop has at least; a shell's additions are not there.
constexpr const char* kPath = "/usr/local/bin:/usr/bin:/bin";

Examination Wrong(std::string where, std::string problem, std::string remedy) {
  Examination examination;
  examination.state = State::kWrong;
  examination.where = std::move(where);
  examination.problem = std::move(problem);
  examination.remedy = std::move(remedy);
  return examination;
}

std::string InstallAgain(const Host& host) {
  return "`casemate client install " + std::string(host.id) + "`";
}

// Why a program cannot be executed, or nothing.
std::optional<std::string> WhyNotExecutable(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) {
    return "`" + path + "` does not exist";
  }
  if (!S_ISREG(info.st_mode)) {
    return "`" + path + "` is not a file";
  }
  if (access(path.c_str(), X_OK) != 0 || (info.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0) {
    return "`" + path + "` is not executable";
  }
  return std::nullopt;
}

// A command without a slash is looked for where the host looks.
std::string FindProgram(const std::string& command) {
  if (command.find('/') != std::string::npos) {
    return command;
  }
  const std::string path = kPath;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find(':', at), path.size());
    const std::string program = path.substr(at, end - at) + "/" + command;
    if (access(program.c_str(), X_OK) == 0) {
      return program;
    }
    at = end + 1;
  }
  return command;
}

struct Reading {
  CommandLine line;
  std::string problem;
};

void ReadStrings(const ordered_json& entry, Reading& reading) {
  if (entry.contains("args")) {
    for (const auto& word : entry["args"]) {
      if (!word.is_string()) {
        reading.problem = "`args` must hold strings only";
        return;
      }
      reading.line.args.push_back(word.get<std::string>());
    }
  }
  if (entry.contains("env")) {
    for (const auto& [name, value] : entry["env"].items()) {
      if (!value.is_string()) {
        reading.problem = "`env` must hold strings only";
        return;
      }
      reading.line.environment.push_back(name + "=" + value.get<std::string>());
    }
  }
}

// The command line of an entry, in the environment that a host gives it.
Reading ReadEntry(const ordered_json& entry, const std::string& home) {
  Reading reading;
  const auto is_other = [&](const char* key, auto is) {
    return entry.contains(key) && !(entry[key].*is)();
  };
  if (!entry.is_object() || !entry.contains("command") || !entry["command"].is_string()) {
    reading.problem = "the entry has no `command` that is a string";
  } else if (is_other("args", &ordered_json::is_array)) {
    reading.problem = "`args` must be a list";
  } else if (is_other("env", &ordered_json::is_object)) {
    reading.problem = "`env` must map names to strings";
  } else if (entry.value("disabled", ordered_json(false)) == ordered_json(true) ||
             entry.value("enabled", ordered_json(true)) == ordered_json(false)) {
    reading.problem = "the entry is switched off";
  } else {
    reading.line = AsHostStarts(FindProgram(entry["command"].get<std::string>()), {}, home);
    ReadStrings(entry, reading);
  }
  return reading;
}

// Whether starting it can do nothing that the person did not do: this program, no variables, and no
// flag that names a file to obey.
bool IsPlainlyOurs(const CommandLine& line, const ordered_json& entry, const std::string& self) {
  std::error_code ignored;
  if (!std::filesystem::equivalent(line.program, self, ignored) || entry.contains("env") ||
      line.args.empty() || line.args.front() != "serve" || line.args.size() % 2 == 0) {
    return false;
  }
  for (std::size_t i = 1; i < line.args.size(); i += 2) {
    if (line.args[i] != "--workspace-root" && line.args[i] != "--toolsets" &&
        line.args[i] != "--sandbox-mode" && line.args[i] != "--profile") {
      return false;
    }
  }
  return true;
}

}  // namespace

CommandLine AsHostStarts(std::string program, std::vector<std::string> args,
                         const std::string& home) {
  return {.program = std::move(program),
          .args = std::move(args),
          .environment = {"HOME=" + home, std::string("PATH=") + kPath, "SHELL=/bin/sh"}};
}

Examination Examine(const Host& host, const Target& target, const Surroundings& surroundings,
                    const std::string& self) {
  auto found = LookUp(target);
  if (!found) {
    const Error& error = found.error();
    return Wrong(error.field.empty() ? target.path : error.field, error.message,
                 "change that line; " + std::string(host.title) + " cannot read the file either");
  }
  const std::optional<InstalledEntry>& installed = *found;
  if (!installed) {
    Examination none;
    none.where = target.path;
    none.remedy = InstallAgain(host);
    return none;
  }
  const std::string& where = installed->where;
  const auto entry = ordered_json::parse(installed->json);
  if (entry.is_object() && !entry.contains("command") &&
      (entry.contains("url") || entry.contains("serverUrl") || entry.contains("httpUrl"))) {
    Examination remote;
    remote.state = State::kNotExamined;
    remote.where = where;
    remote.problem = "it is reached by URL";
    return remote;
  }
  Reading reading = ReadEntry(entry, surroundings.home);
  if (!reading.problem.empty()) {
    return Wrong(where, reading.problem, "change it there, or " + InstallAgain(host));
  }
  Examination result;
  result.where = where;
  result.command = {reading.line.program};
  result.command.insert(result.command.end(), reading.line.args.begin(), reading.line.args.end());
  result.state = State::kWrong;
  result.remedy = "change the command there, or " + InstallAgain(host);
  if (!reading.line.program.starts_with('/')) {
    result.problem = "`" + EscapeControls(reading.line.program, false) +
                     "` is not an absolute path and not in the host's PATH, " + kPath;
    return result;
  }
  if (auto why = WhyNotExecutable(reading.line.program)) {
    result.problem = *std::move(why);
    return result;
  }
  if (!target.is_private && !IsPlainlyOurs(reading.line, entry, self)) {
    result.state = State::kNotExamined;
    result.problem = "a project's file names it, and it is not " + self +
                     " with plain flags, so it was not started";
    result.remedy.clear();
    return result;
  }
  auto probe = ProbeServer(reading.line);
  if (!probe) {
    result.problem = probe.error().message;
    return result;
  }
  result.probe = *std::move(probe);
  result.problem = result.probe.problem;
  if (result.problem.empty()) {
    result.state = State::kWell;
    result.remedy.clear();
  }
  return result;
}

}  // namespace casemate::hosts
