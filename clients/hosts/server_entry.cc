#include "clients/hosts/server_entry.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate::hosts {
namespace {

using nlohmann::ordered_json;

// ssh joins its arguments with spaces and has a shell of the other machine read them.
std::string QuotedForShell(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
    return word;
  }
  std::string quoted = "'";
  for (const char c : word) {
    quoted += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return quoted + "'";
}

std::vector<std::string> CommandLine(const Server& server) {
  std::vector<std::string> words = {server.program, "serve"};
  words.insert(words.end(), server.args.begin(), server.args.end());
  if (server.via == Via::kWsl) {
    std::vector<std::string> line = {"wsl.exe"};
    if (!server.distribution.empty()) {
      line.insert(line.end(), {"-d", server.distribution});
    }
    line.emplace_back("--exec");  // as it stands, without a shell
    line.insert(line.end(), words.begin(), words.end());
    return line;
  }
  if (server.via == Via::kSsh) {
    std::string remote;
    for (const std::string& word : words) {
      remote += (remote.empty() ? "" : " ") + QuotedForShell(word);
    }
    // No terminal, no questions, no waiting for ever: a host cannot answer.
    return {"ssh", "-T",
            "-o",  "BatchMode=yes",
            "-o",  "ConnectTimeout=10",
            "-o",  "ServerAliveInterval=15",
            "--",  server.ssh_host,
            remote};
  }
  return words;
}

ordered_json HttpEntry(const Host& host, const Server& server) {
  ordered_json entry;
  if (host.http == HttpForm::kTyped) {
    entry["type"] = "http";
  }
  entry[host.http == HttpForm::kServerUrl ? "serverUrl"
        : host.http == HttpForm::kHttpUrl ? "httpUrl"
                                          : "url"] = server.url;
  if (server.token_variable.empty()) {
    return entry;
  }
  std::string reference(host.variable);
  constexpr std::string_view kVariable = "VARIABLE";
  if (const std::size_t at = reference.find(kVariable); at != std::string::npos) {
    reference.replace(at, kVariable.size(), server.token_variable);
  } else {
    reference = kTokenToWrite;
  }
  if (host.http == HttpForm::kCodex) {
    entry["bearer_token_env_var"] = reference;
  } else {
    entry["headers"] = {{"Authorization", "Bearer " + reference}};
  }
  return entry;
}

bool IsVariableName(std::string_view name) {
  return !name.empty() && (name[0] < '0' || name[0] > '9') &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_';
         });
}

bool IsPrintableWord(std::string_view text) {
  return !text.empty() && text[0] != '-' && IsValidUtf8(text) &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

Result<void> CheckHttp(const Host& host, const Server& server) {
  if (host.http == HttpForm::kNone) {
    return Error{ErrorCode::kInvalidArgument,
                 std::string(host.title) + " reads only commands from its file, got --via http",
                 "--via", "use --via ssh or --via wsl", 0};
  }
  if (!IsPrintableWord(server.url) ||
      !(server.url.starts_with("http://") || server.url.starts_with("https://"))) {
    return InvalidArgument("--url", "expected http://HOST:PORT/mcp or https://…, got `" +
                                        EscapeControls(server.url, false) + "`");
  }
  if (!server.token_variable.empty() && !IsVariableName(server.token_variable)) {
    return InvalidArgument("--token-env", "expected the name of an environment variable, got `" +
                                              EscapeControls(server.token_variable, false) + "`");
  }
  return {};
}

}  // namespace

Result<void> CheckServer(const Host& host, const Server& server) {
  if (server.via == Via::kHttp) {
    return CheckHttp(host, server);
  }
  if (!server.program.starts_with('/')) {
    return InvalidArgument("--program", "expected an absolute path, got `" +
                                            EscapeControls(server.program, false) + "`");
  }
  if (server.via == Via::kSsh && !IsPrintableWord(server.ssh_host)) {
    return InvalidArgument(
        "--via-host", "expected [USER@]HOST, got `" + EscapeControls(server.ssh_host, false) + "`");
  }
  for (const std::string& word : CommandLine(server)) {
    if (!IsValidUtf8(word) || word.find('\0') != std::string::npos) {
      return InvalidArgument("command", "expected words in UTF-8, got `" +
                                            EscapeControls(ToValidUtf8(word), false) + "`");
    }
  }
  return {};
}

ordered_json EntryFor(const Host& host, const Server& server) {
  if (server.via == Via::kHttp) {
    return HttpEntry(host, server);
  }
  std::vector<std::string> words = CommandLine(server);
  ordered_json entry;
  if (host.types_commands) {
    entry["type"] = "stdio";
  }
  entry["command"] = words.front();
  entry["args"] = std::vector<std::string>(words.begin() + 1, words.end());
  return entry;
}

ordered_json Renewed(const ordered_json& old, ordered_json fresh) {
  constexpr std::array<std::string_view, 9> kWays = {"type",    "source",  "command",
                                                     "args",    "url",     "serverUrl",
                                                     "httpUrl", "headers", "bearer_token_env_var"};
  if (old.is_object()) {
    for (const auto& [key, value] : old.items()) {
      if (std::find(kWays.begin(), kWays.end(), key) == kWays.end()) {
        fresh[key] = value;
      }
    }
  }
  return fresh;
}

bool IsOurs(const std::string& name, const ordered_json& entry) {
  constexpr std::string_view kOurs = "casemate";
  if (name == kOurs) {
    return true;
  }
  const auto names_us = [&](const ordered_json& value) {
    return value.is_string() &&
           value.get_ref<const std::string&>().find(kOurs) != std::string::npos;
  };
  if (!entry.is_object()) {
    return false;
  }
  for (const char* key : {"command", "url", "serverUrl", "httpUrl"}) {
    if (entry.contains(key) && names_us(entry[key])) {
      return true;
    }
  }
  return entry.contains("args") && entry["args"].is_array() &&
         std::any_of(entry["args"].begin(), entry["args"].end(), names_us);
}

}  // namespace casemate::hosts
