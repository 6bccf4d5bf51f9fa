// `casemate client install`, `print`, `remove` and `list`.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <iostream>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "clients/cli/client_places.h"
#include "clients/cli/commands.h"
#include "clients/cli/terminal.h"
#include "clients/hosts/examine.h"
#include "clients/hosts/install.h"
#include "clients/hosts/server_entry.h"
#include "policies/source/policy_files.h"

namespace casemate::cli {
namespace {

namespace fs = std::filesystem;
using Action = ClientEntryArgs::Action;
using hosts::Os;
using hosts::Via;

int Fail(const Error& error) {
  const bool is_usage = error.field.starts_with("--") || error.field == "host";
  std::cerr << "casemate: client: " << Describe(error) << '\n';
  return is_usage ? kExitUsage : kExitFailure;
}

// What the command line asks for, with names turned into things.
struct Request {
  const hosts::Host* host = nullptr;
  const hosts::Place* place = nullptr;
  hosts::Target target;
  hosts::Server server;
  Os system = Os::kLinux;
  std::string home;
};

Via ViaOf(const std::string& via) {
  return via == "wsl"    ? Via::kWsl
         : via == "ssh"  ? Via::kSsh
         : via == "http" ? Via::kHttp
                         : Via::kDirect;
}

// An argument of the server: relative paths mean nothing where a host starts it.
std::string Absolute(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

std::vector<std::string> ServeArguments(const ClientEntryArgs& args, const GlobalFlags& flags) {
  std::vector<std::string> words;
  const auto add = [&words](const char* flag, const std::string& value) {
    if (!value.empty()) {
      words.insert(words.end(), {flag, value});
    }
  };
  add("--config", flags.config_file.empty() ? "" : Absolute(flags.config_file));
  add("--state-dir", flags.state_dir.empty() ? "" : Absolute(flags.state_dir));
  add("--policy",
      policies::IsShippedName(flags.policy_file) ? flags.policy_file : Absolute(flags.policy_file));
  for (const std::string& root : flags.workspace_roots) {
    add("--workspace-root", Absolute(root));
  }
  add("--sandbox-mode", flags.sandbox_mode);
  add("--toolsets", Join(args.toolsets, ","));
  add("--profile", args.profile);
  return words;
}

// On this machine they can be looked at; elsewhere nobody can.
Result<void> CheckRoots(const GlobalFlags& flags) {
  for (const std::string& root : flags.workspace_roots) {
    std::error_code ignored;
    if (!fs::is_directory(root, ignored)) {
      return InvalidArgument("--workspace-root",
                             "expected a directory, got `" + EscapeControls(root, false) + "`");
    }
  }
  return {};
}

Result<hosts::Server> ServerOf(const ClientEntryArgs& args, const GlobalFlags& flags) {
  hosts::Server server{.via = ViaOf(args.via),
                       .program = args.program,
                       .args = ServeArguments(args, flags),
                       .distribution = args.distribution,
                       .ssh_host = args.via_host,
                       .url = args.url,
                       .token_variable = args.token_variable};
  if (server.via == Via::kHttp) {
    if (!server.args.empty()) {
      return InvalidArgument("--via", "expected no flags of the server with http, got " +
                                          server.args.front() +
                                          "; give them to the `casemate serve` that runs there");
    }
    if (server.token_variable.empty() && server.url.starts_with("https://")) {
      server.token_variable = "CASEMATE_TOKEN";
    }
    return server;
  }
  if (server.via == Via::kDirect || server.via == Via::kWsl) {
    if (auto checked = CheckRoots(flags); !checked) {
      return checked.error();
    }
  }
  if (server.program.empty()) {
    auto program = ThisProgram();
    if (!program) {
      return std::move(program).error();
    }
    server.program = *std::move(program);
  }
  if (server.via == Via::kWsl && server.distribution.empty()) {
    const char* here = std::getenv("WSL_DISTRO_NAME");  // NOLINT(concurrency-mt-unsafe): one thread
    server.distribution = here == nullptr ? "" : here;
  }
  return server;
}

Result<Os> SystemOf(const ClientEntryArgs& args) {
  const Via via = ViaOf(args.via);
  const Os system = args.system == "windows"                  ? Os::kWindows
                    : args.system == "macos"                  ? Os::kMac
                    : args.system.empty() && via == Via::kWsl ? Os::kWindows
                                                              : Os::kLinux;
  if (system != Os::kLinux && via == Via::kDirect && args.action != Action::kRemove) {
    return InvalidArgument("--via", "expected wsl, ssh or http with --for " + args.system +
                                        ", got none: Casemate itself runs on Linux");
  }
  if (via == Via::kWsl && system != Os::kWindows) {
    return InvalidArgument("--for", "expected windows with --via wsl, got " + args.system);
  }
  if (system != Os::kLinux && args.action == Action::kInstall && args.file.empty()) {
    return InvalidArgument("--file",
                           "expected the host's configuration file, for it is on another system "
                           "(below /mnt/c in WSL), got none; or use `casemate client print`");
  }
  return system;
}

Result<Request> Understand(const ClientEntryArgs& args, const GlobalFlags& flags) {
  Request request;
  auto host = hosts::FindHost(args.host);
  if (!host) {
    return std::move(host).error();
  }
  request.host = *host;
  if (auto checked = CheckName(args.name); !checked) {
    return checked.error();
  }
  auto surroundings = SurroundingsHere(args.project);
  if (!surroundings) {
    return std::move(surroundings).error();
  }
  auto system = SystemOf(args);
  if (!system) {
    return std::move(system).error();
  }
  request.system = *system;
  std::optional<hosts::Scope> scope;
  if (!args.scope.empty()) {
    scope = args.scope == "user"      ? hosts::Scope::kUser
            : args.scope == "project" ? hosts::Scope::kProject
                                      : hosts::Scope::kLocal;
  }
  request.place = hosts::FindPlace(*request.host, scope);
  if (request.place == nullptr) {
    return InvalidArgument("--scope",
                           std::string(request.host->title) + " has no scope " + args.scope);
  }
  request.home = surroundings->home;
  request.target = hosts::TargetOf(*request.host, *request.place, *surroundings, args.name);
  if (!args.file.empty()) {
    request.target.path = Absolute(args.file);
  }
  if (args.action != Action::kRemove) {
    auto server = ServerOf(args, flags);
    if (!server) {
      return std::move(server).error();
    }
    request.server = *std::move(server);
    if (auto checked = hosts::CheckServer(*request.host, request.server); !checked) {
      return checked.error();
    }
  }
  return request;
}

std::vector<std::string> LinesOf(const std::optional<std::string>& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; text && at < text->size();) {
    const std::size_t end = std::min(text->find('\n', at), text->size() - 1) + 1;
    lines.push_back(text->substr(at, end - at));
    at = end;
  }
  return lines;
}

// The lines that differ, with as many - and + as it takes: a splice changes one place.
void PrintChange(const hosts::Outcome& outcome) {
  const auto before = LinesOf(outcome.before);
  const auto after = LinesOf(outcome.after);
  const auto [old_first, new_first] =
      std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  const auto [old_last, new_last] =
      std::mismatch(before.rbegin(), std::make_reverse_iterator(old_first), after.rbegin(),
                    std::make_reverse_iterator(new_first));
  const auto print = [](char sign, auto first, auto last) {
    for (; first != last; ++first) {
      const std::size_t end = first->find_last_not_of("\r\n");
      std::cout << sign << EscapeControls(first->substr(0, end + 1), true) << '\n';
    }
  };
  print('-', old_first, old_last.base());
  print('+', new_first, new_last.base());
}

// What a person must still do, or know.
void PrintNotes(const Request& request, bool is_printed) {
  const auto note = [](std::string_view text) { std::cerr << "  " << text << '\n'; };
  if (request.system != Os::kLinux) {
    note("Casemate's tests do not run hosts on " + std::string(hosts::NameOf(request.system)) +
         ": path and entry are from the host's documentation.");
  }
  if (request.server.via == Via::kSsh) {
    note("ssh must reach " + request.server.ssh_host +
         " without a question: a key in an agent, and its host key known.");
  }
  if (!request.server.token_variable.empty()) {
    note(request.host->variable.empty()
             ? std::string(request.host->title) +
                   " takes no variables here: write the token of "
                   "`casemate token add` in place of " +
                   std::string(hosts::kTokenToWrite) + "."
             : "Set " + request.server.token_variable +
                   " to the token of `casemate token add` in the host's environment.");
  }
  if (is_printed || request.host->id == "jetbrains") {
    note(request.host->afterwards);
  }
}

int Print(const Request& request) {
  auto text = hosts::WithEntry(request.target.format, std::nullopt, request.target.keys,
                               hosts::EntryFor(*request.host, request.server));
  if (!text) {
    return Fail(text.error());
  }
  std::cerr << request.host->title << ", "
            << (request.system == Os::kLinux ? request.target.path
                                             : hosts::PathOn(request.system, *request.place))
            << ":\n";
  std::cout << *text << std::flush;
  PrintNotes(request, true);
  return Flushed(kExitOk, kExitFailure);
}

// Nobody sees why a server does not start in a host, so it is tried before. Not as root in the home
// of somebody else, where it would leave its state.
Result<void> TryServer(const Request& request) {
  struct stat home{};
  if (request.server.via != Via::kDirect || stat(request.home.c_str(), &home) != 0 ||
      home.st_uid != geteuid()) {
    return {};
  }
  std::vector<std::string> words = {"serve"};
  words.insert(words.end(), request.server.args.begin(), request.server.args.end());
  auto probe = hosts::ProbeServer(hosts::AsHostStarts(request.server.program, words, request.home));
  if (!probe) {
    return probe.error();
  }
  if (!probe->problem.empty()) {
    std::string said = EscapeControls(probe->complaints, true);
    said.erase(said.find_last_not_of('\n') + 1);
    return Error{ErrorCode::kUnavailable,
                 "nothing was written, for this server would not work: " + probe->problem +
                     (said.empty() ? "" : "\n" + said),
                 {},
                 {},
                 0};
  }
  return {};
}

int Edit(const ClientEntryArgs& args, const Request& request) {
  const bool installs = args.action == Action::kInstall;
  if (installs) {
    if (auto tried = TryServer(request); !tried) {
      return Fail(tried.error());
    }
  }
  auto outcome = installs
                     ? hosts::Install(request.target,
                                      hosts::EntryFor(*request.host, request.server), args.dry_run)
                     : hosts::Remove(request.target, args.dry_run);
  if (!outcome) {
    return Fail(outcome.error());
  }
  if (!outcome->changed) {
    std::cout << request.host->title << ": "
              << (installs ? "already there, unchanged: " : "not there, unchanged: ")
              << outcome->path << '\n';
    return Flushed(kExitOk, kExitFailure);
  }
  const char* done = installs ? "installed in " : outcome->after ? "removed from " : "removed ";
  std::cout << request.host->title << ": " << (args.dry_run ? "would be " : "") << done
            << outcome->path << '\n';
  if (!outcome->backup.empty()) {
    std::cout << "  backup: " << outcome->backup << '\n';
  }
  if (args.dry_run) {
    PrintChange(*outcome);
  }
  std::cout << std::flush;
  if (installs) {
    PrintNotes(request, true);
  }
  return Flushed(kExitOk, kExitFailure);
}

}  // namespace

int ClientEntryCommand(const ClientEntryArgs& args, const GlobalFlags& flags) {
  auto request = Understand(args, flags);
  if (!request) {
    return Fail(request.error());
  }
  return args.action == Action::kPrint ? Print(*request) : Edit(args, *request);
}

int ClientListCommand() {
  auto surroundings = SurroundingsHere("");
  if (!surroundings) {
    return Fail(surroundings.error());
  }
  constexpr int kWidth = 16;
  for (const hosts::Host& host : hosts::Hosts()) {
    std::cout << std::left << std::setw(kWidth) << host.id << host.title
              << (hosts::IsUsed(host, *surroundings) ? " (found here)" : "") << '\n';
    for (const hosts::Place& place : host.places) {
      std::cout << std::string(kWidth, ' ') << std::setw(8) << hosts::NameOf(place.scope)
                << hosts::TargetOf(host, place, *surroundings, "casemate").path << '\n';
    }
  }
  return Flushed(kExitOk, kExitFailure);
}

}  // namespace casemate::cli
