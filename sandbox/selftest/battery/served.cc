#include "sandbox/selftest/battery/served.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sandbox/selftest/battery/stop.h"

namespace casemate::escape {
namespace {

using nlohmann::json;

json FileOf(const std::string& option) {
  const std::size_t equals = option.rfind('=');
  std::ifstream file(option.substr(0, equals), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return {{"path", option.substr(equals + 1)}, {"content_base64", EncodeBase64(bytes)}};
}

// What `casemate run` makes of its options.
json ArgumentsOf(const std::vector<std::string>& argv) {
  static const std::map<std::string, std::string> limits = {{"--pids", "pids"},
                                                            {"--memory-mb", "memory_mb"},
                                                            {"--disk-mb", "disk_mb"},
                                                            {"--output-kb", "output_kb"}};
  json arguments = json::object();
  std::size_t at = 2;  // behind "casemate run"
  for (; at < argv.size() && argv[at] != "--"; ++at) {
    const std::string& option = argv[at];
    if (option == "--json") {
      continue;
    }
    const std::string& value = argv.at(++at);
    if (const auto limit = limits.find(option); limit != limits.end()) {
      arguments["limits"][limit->second] = std::stoi(value);
    } else if (option == "--timeout-ms") {
      arguments["timeout_ms"] = std::stoi(value);
    } else if (option == "--file") {
      arguments["files"].push_back(FileOf(value));
    } else {  // --workspace, --profile, --language, --code
      arguments[option.substr(2)] = value;
    }
  }
  for (++at; at < argv.size(); ++at) {
    arguments["command"].push_back(argv[at]);
  }
  return arguments;
}

}  // namespace

// Delegates, so that what throws here ends the server too.
Served::Served(const Launch& cli) : Served() {
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  if (pipe2(in.data(), O_CLOEXEC) != 0 || pipe2(out.data(), O_CLOEXEC) != 0) {
    FailErrno("pipe2");
  }
  to_.Reset(in[1]);
  from_.Reset(out[0]);
  const UniqueFd theirs_in(in[0]);
  const UniqueFd theirs_out(out[1]);
  const std::vector<std::string> words = {cli.argv.front(), "serve"};
  const std::vector<char*> argv = Pointers(words);
  const std::vector<char*> env = Pointers(cli.env);
  pid_ = fork();
  if (pid_ < 0) {
    FailErrno("fork");
  }
  if (pid_ == 0) {
    dup2(theirs_in.get(), STDIN_FILENO);
    dup2(theirs_out.get(), STDOUT_FILENO);
    RestoreSignals();
    execve(argv[0], argv.data(), env.data());
    _exit(122);
  }
  KeepChild(pid_);
  Call("initialize", {{"protocolVersion", "2025-11-25"},
                      {"capabilities", json::object()},
                      {"clientInfo", {{"name", "battery"}, {"version", "1"}}}});
  Call("tools/call", {{"name", "run"}, {"arguments", {{"command", {"true"}}}}});
}

Served::~Served() {
  to_.Reset();  // the end of its input ends the server
  if (pid_ > 0) {
    EndChild(pid_, std::chrono::seconds(20));
  }
  KeepChild(-1);
}

json Served::Run(const Launch& cli) {
  const json answer = Call("tools/call", {{"name", "run"}, {"arguments", ArgumentsOf(cli.argv)}});
  if (!answer.contains("result")) {
    throw std::runtime_error("the call failed: " + answer.dump());
  }
  return answer["result"]["structuredContent"];
}

json Served::Call(const std::string& method, const json& params) {
  const int id = next_id_++;
  const std::string line =
      json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}}.dump() + "\n";
  for (std::size_t sent = 0; sent < line.size();) {
    const ssize_t now = write(to_.get(), line.data() + sent, line.size() - sent);
    if (now < 0) {
      FailErrno("the server does not read");
    }
    sent += static_cast<std::size_t>(now);
  }
  std::array<char, 65536> buffer{};
  const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(90);
  while (true) {
    if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
      const json message = json::parse(unread_.substr(0, end));
      unread_.erase(0, end + 1);
      if (message.value("id", -1) == id) {
        return message;
      }
      continue;
    }
    if (!AwaitReadable(from_.get(), deadline)) {
      throw std::runtime_error("the server does not answer");
    }
    const ssize_t got = read(from_.get(), buffer.data(), buffer.size());
    if (got <= 0) {
      throw std::runtime_error("the server has ended");
    }
    unread_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace casemate::escape
