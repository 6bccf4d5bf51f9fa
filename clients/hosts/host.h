// The hosts that Casemate knows: where each keeps the servers that it starts, and in which form. A
// table; docs/clients.md says from which page each fact is. Pure; thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "clients/hosts/splice.h"

namespace casemate::hosts {

enum class Os { kLinux, kMac, kWindows };
enum class Scope { kUser, kProject, kLocal };

// How a host writes down a server that it reaches by URL.
enum class HttpForm {
  kNone,       // its file has commands only
  kTyped,      // type: http, url, headers
  kUrl,        // url, headers
  kServerUrl,  // serverUrl, headers
  kHttpUrl,    // httpUrl, headers
  kCodex,      // url, bearer_token_env_var
};

// A file in a scope. Paths begin with a place: {home}, {config}, {claude}, {codex}, {project}.
struct Place {
  Scope scope;
  std::string_view linux_path;
  std::string_view mac_path;      // empty: as on Linux
  std::string_view windows_path;  // as a person would type it; empty: as on Linux
  std::vector<std::string_view>
      container;  // keys from the root to the servers; {project}: its path
};

struct Host {
  std::string_view id;
  std::string_view title;
  Format format;
  std::vector<Place> places;  // the first is the usual one
  std::string_view marker;    // a directory that is there if the host is used
  bool types_commands;        // an entry with a command says `type: stdio`
  HttpForm http;
  // How a header refers to an environment variable VARIABLE; empty: it cannot.
  std::string_view variable;
  std::string_view afterwards;  // what a person must do besides
};

std::span<const Host> Hosts();
// kInvalidArgument with the nearest name.
Result<const Host*> FindHost(std::string_view id);

std::string_view NameOf(Scope scope);
std::string_view NameOf(Os os);

// Directories of the user who installs; all absolute.
struct Surroundings {
  std::string home;
  std::string config_home;  // $XDG_CONFIG_HOME or ~/.config
  std::string claude;       // $CLAUDE_CONFIG_DIR or the home directory
  std::string codex;        // $CODEX_HOME or ~/.codex
  std::string project;
};

// One file of one host, and the entry in it.
struct Target {
  std::string path;
  KeyPath keys;
  Format format = Format::kJson;
  bool is_private = true;  // in somebody's home, not in a project that is shared
};

// Nothing: the host has no such scope.
const Place* FindPlace(const Host& host, std::optional<Scope> scope);
Target TargetOf(const Host& host, const Place& place, const Surroundings& surroundings,
                const std::string& name);
// The path on another system, with its own words for the places.
std::string PathOn(Os os, const Place& place);
// Whether there is a sign that this user runs the host.
bool IsUsed(const Host& host, const Surroundings& surroundings);

}  // namespace casemate::hosts
