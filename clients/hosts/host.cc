#include "clients/hosts/host.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/text.h"

namespace casemate::hosts {
namespace {

using std::string_view;

// NOLINTNEXTLINE(readability-function-size): one table
std::vector<Host> MakeHosts() {
  return {
      {"claude-desktop",
       "Claude Desktop",
       Format::kJson,
       {{Scope::kUser,
         "{config}/Claude/claude_desktop_config.json",
         "{home}/Library/Application Support/Claude/claude_desktop_config.json",
         R"(%APPDATA%\Claude\claude_desktop_config.json)",
         {"mcpServers"}}},
       "{config}/Claude",
       false,
       HttpForm::kNone,
       "",
       "Quit Claude Desktop and start it again: it reads the file at its start."},
      {"claude-code",
       "Claude Code",
       Format::kJson,
       {{Scope::kUser,
         "{claude}/.claude.json",
         "",
         R"(%USERPROFILE%\.claude.json)",
         {"mcpServers"}},
        {Scope::kProject, "{project}/.mcp.json", "", R"(.mcp.json)", {"mcpServers"}},
        {Scope::kLocal,
         "{claude}/.claude.json",
         "",
         R"(%USERPROFILE%\.claude.json)",
         {"projects", "{project}", "mcpServers"}}},
       "{home}/.claude",
       true,
       HttpForm::kTyped,
       "${VARIABLE}",
       "New sessions of `claude` have it; `/mcp` shows it. A project's server must be approved "
       "once."},
      {"vscode",
       "VS Code",
       Format::kJson,
       {{Scope::kUser,
         "{config}/Code/User/mcp.json",
         "{home}/Library/Application Support/Code/User/mcp.json",
         R"(%APPDATA%\Code\User\mcp.json)",
         {"servers"}},
        {Scope::kProject, "{project}/.vscode/mcp.json", "", R"(.vscode\mcp.json)", {"servers"}}},
       "{config}/Code",
       true,
       HttpForm::kTyped,
       "${env:VARIABLE}",
       "VS Code asks once whether you trust the server; `MCP: List Servers` shows it."},
      {"cursor",
       "Cursor",
       Format::kJson,
       {{Scope::kUser,
         "{home}/.cursor/mcp.json",
         "",
         R"(%USERPROFILE%\.cursor\mcp.json)",
         {"mcpServers"}},
        {Scope::kProject, "{project}/.cursor/mcp.json", "", R"(.cursor\mcp.json)", {"mcpServers"}}},
       "{home}/.cursor",
       false,
       HttpForm::kUrl,
       "${env:VARIABLE}",
       "Cursor's settings list it under MCP; switch it on there if it is off."},
      {"windsurf",
       "Windsurf",
       Format::kJson,
       {{Scope::kUser,
         "{home}/.codeium/windsurf/mcp_config.json",
         "",
         R"(%USERPROFILE%\.codeium\windsurf\mcp_config.json)",
         {"mcpServers"}}},
       "{home}/.codeium/windsurf",
       false,
       HttpForm::kServerUrl,
       "${env:VARIABLE}",
       "Refresh the servers in Cascade's MCP panel."},
      {"zed",
       "Zed",
       Format::kJson,
       {{Scope::kUser,
         "{config}/zed/settings.json",
         "{home}/.config/zed/settings.json",
         R"(%APPDATA%\Zed\settings.json)",
         {"context_servers"}},
        {Scope::kProject,
         "{project}/.zed/settings.json",
         "",
         R"(.zed\settings.json)",
         {"context_servers"}}},
       "{config}/zed",
       false,
       HttpForm::kUrl,
       "",
       "Zed starts it at once; the dot beside its name in the agent panel's settings is then "
       "green."},
      {"codex",
       "Codex",
       Format::kToml,
       {{Scope::kUser,
         "{codex}/config.toml",
         "",
         R"(%USERPROFILE%\.codex\config.toml)",
         {"mcp_servers"}},
        {Scope::kProject,
         "{project}/.codex/config.toml",
         "",
         R"(.codex\config.toml)",
         {"mcp_servers"}}},
       "{codex}",
       false,
       HttpForm::kCodex,
       "VARIABLE",
       "New sessions have it; `/mcp` shows it. Codex reads a project's file only if it trusts it."},
      {"gemini-cli",
       "Gemini CLI",
       Format::kJson,
       {{Scope::kUser,
         "{home}/.gemini/settings.json",
         "",
         R"(%USERPROFILE%\.gemini\settings.json)",
         {"mcpServers"}},
        {Scope::kProject,
         "{project}/.gemini/settings.json",
         "",
         R"(.gemini\settings.json)",
         {"mcpServers"}}},
       "{home}/.gemini",
       false,
       HttpForm::kHttpUrl,
       "$VARIABLE",
       "New sessions have it; `/mcp` shows it."},
      {"jetbrains",
       "JetBrains IDEs",
       Format::kJson,
       {{Scope::kUser,
         "{home}/.junie/mcp/mcp.json",
         "",
         R"(%USERPROFILE%\.junie\mcp\mcp.json)",
         {"mcpServers"}},
        {Scope::kProject,
         "{project}/.junie/mcp/mcp.json",
         "",
         R"(.junie\mcp\mcp.json)",
         {"mcpServers"}}},
       "{home}/.junie",
       false,
       HttpForm::kUrl,
       "",
       "This is Junie's file. AI Assistant has none: paste what `casemate client print jetbrains` "
       "prints into Settings | Tools | AI Assistant | Model Context Protocol (MCP)."},
  };
}

constexpr string_view kProject = "{project}";

std::string DirectoryOf(string_view place, const Surroundings& surroundings) {
  const std::array<std::pair<string_view, const std::string*>, 5> places = {
      {{"{home}", &surroundings.home},
       {"{config}", &surroundings.config_home},
       {"{claude}", &surroundings.claude},
       {"{codex}", &surroundings.codex},
       {kProject, &surroundings.project}}};
  for (const auto& [name, directory] : places) {
    if (place.starts_with(name)) {
      return *directory + std::string(place.substr(name.size()));
    }
  }
  return std::string(place);
}

}  // namespace

std::span<const Host> Hosts() {
  static const std::vector<Host> hosts = MakeHosts();
  return hosts;
}

Result<const Host*> FindHost(string_view id) {
  std::vector<string_view> ids;
  std::vector<std::string> names;
  for (const Host& host : Hosts()) {
    if (host.id == id) {
      return &host;
    }
    ids.push_back(host.id);
    names.emplace_back(host.id);
  }
  const auto nearest = NearestName(id, ids);
  return InvalidArgument("host", "expected one of " + Join(names, ", ") + ", got `" +
                                     EscapeControls(id, false) + "`" +
                                     (nearest ? "; did you mean " + *nearest + "?" : ""));
}

string_view NameOf(Scope scope) {
  return scope == Scope::kUser ? "user" : scope == Scope::kProject ? "project" : "local";
}

string_view NameOf(Os os) {
  return os == Os::kLinux ? "linux" : os == Os::kMac ? "macos" : "windows";
}

const Place* FindPlace(const Host& host, std::optional<Scope> scope) {
  if (!scope) {
    return &host.places.front();
  }
  const auto found = std::find_if(host.places.begin(), host.places.end(),
                                  [&](const Place& place) { return place.scope == *scope; });
  return found == host.places.end() ? nullptr : &*found;
}

Target TargetOf(const Host& host, const Place& place, const Surroundings& surroundings,
                const std::string& name) {
  Target target{.path = DirectoryOf(place.linux_path, surroundings),
                .keys = {},
                .format = host.format,
                .is_private = place.scope != Scope::kProject};
  for (const string_view key : place.container) {
    target.keys.push_back(key == kProject ? surroundings.project : std::string(key));
  }
  target.keys.push_back(name);
  return target;
}

std::string PathOn(Os os, const Place& place) {
  if (os == Os::kWindows && !place.windows_path.empty()) {
    return std::string(place.windows_path);
  }
  const Surroundings words{
      .home = "~", .config_home = "~/.config", .claude = "~", .codex = "~/.codex", .project = "."};
  return DirectoryOf(os == Os::kMac && !place.mac_path.empty() ? place.mac_path : place.linux_path,
                     words);
}

bool IsUsed(const Host& host, const Surroundings& surroundings) {
  std::error_code ignored;
  return std::filesystem::exists(DirectoryOf(host.marker, surroundings), ignored) ||
         std::any_of(host.places.begin(), host.places.end(), [&](const Place& place) {
           return std::filesystem::exists(DirectoryOf(place.linux_path, surroundings), ignored);
         });
}

}  // namespace casemate::hosts
