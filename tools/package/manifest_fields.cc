#include "tools/package/manifest_fields.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "sandbox/container/oci/descriptor.h"

namespace casemate::package {
namespace {

using nlohmann::json;
using tools::ArgErrors;
using tools::ArgReader;

constexpr std::size_t kMaxItems = 256;
constexpr std::size_t kMaxShort = 200;
constexpr std::size_t kMaxName = 63;
constexpr std::size_t kMaxTag = 128;
constexpr std::size_t kMaxPath = 1024;
constexpr std::size_t kMaxText = 16384;
constexpr std::int64_t kMaxSeconds = 86400;
constexpr std::string_view kNone = "none";

bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool IsWord(char c) {
  return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '_';
}

bool IsName(std::string_view text) {
  bool after_letter = false;
  for (const char c : text) {
    const bool is_letter = IsLower(c) || IsDigit(c);
    const bool is_between = after_letter && (c == '.' || c == '_' || c == '-');
    if (!is_letter && !is_between) {
      return false;
    }
    after_letter = is_letter;
  }
  return after_letter && text.size() <= kMaxName;
}

bool IsTag(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTag && IsWord(text[0]) &&
         std::ranges::all_of(text, [](char c) { return IsWord(c) || c == '.' || c == '-'; });
}

// Letters of file names that nobody wants to meet in a listing, and NUL.
bool HasControls(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::vector<std::string_view> PartsOf(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

// nullopt: it is none.
std::optional<std::string> CleanRelative(std::string_view path) {
  if (path.empty() || path.size() > kMaxPath || path[0] == '/' || HasControls(path)) {
    return std::nullopt;
  }
  std::string clean;
  for (const std::string_view part : PartsOf(path)) {
    if (part == "..") {
      return std::nullopt;
    }
    if (!part.empty() && part != ".") {
      clean += (clean.empty() ? "" : "/") + std::string(part);
    }
  }
  return clean;
}

std::optional<std::string> CleanAbsolute(std::string_view path) {
  if (path.empty() || path.size() > kMaxPath || path[0] != '/' || HasControls(path) ||
      (path.size() > 1 && path.ends_with('/'))) {
    return std::nullopt;
  }
  std::string clean;
  for (const std::string_view part : PartsOf(path.substr(1))) {
    if (part.empty() || part == "." || part == "..") {
      return std::nullopt;
    }
    clean += "/" + std::string(part);
  }
  return clean.empty() ? "/" : clean;
}

using Cleaner = std::optional<std::string> (*)(std::string_view);
constexpr std::string_view kRelative = "a path below the manifest's directory, without \"..\"";
constexpr std::string_view kAbsolute = "an absolute path without \".\", \"..\" and double slashes";

std::string ReadBy(ArgReader& reader, std::string_view name, Cleaner clean,
                   std::string_view expected, ArgErrors& errors) {
  const auto text = reader.Text(name, {.max_bytes = kMaxText});
  if (!text) {
    return {};
  }
  auto made = clean(*text);
  if (!made) {
    errors.Expected(reader.PathOf(name), expected, Quoted(*text));
  }
  return made.value_or("");
}

// Each text of an array, by `take`.
void ForEachText(
    ArgReader& reader, std::string_view name, ArgErrors& errors,
    const std::function<void(const std::string& text, const std::string& path)>& take) {
  const json* list = reader.Array(name, kMaxItems, "an array of strings");
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const std::string path = reader.PathOf(name) + "[" + std::to_string(i) + "]";
    const auto text = tools::ReadText(
        (*list)[i], path, {.min_bytes = 1, .max_bytes = kMaxText, .allow_nul = false}, errors);
    if (text) {
      take(*text, path);
    }
  }
}

std::vector<std::string> ReadListBy(ArgReader& reader, std::string_view name, Cleaner clean,
                                    std::string_view expected, ArgErrors& errors) {
  std::vector<std::string> all;
  ForEachText(reader, name, errors, [&](const std::string& text, const std::string& path) {
    auto made = clean(text);
    if (!made) {
      errors.Expected(path, expected, Quoted(text));
    }
    all.push_back(made.value_or(""));
  });
  return all;
}

std::optional<std::string> CleanName(std::string_view text) {
  return IsName(text) ? std::optional(std::string(text)) : std::nullopt;
}
constexpr std::string_view kName =
    "a name of lower-case letters and digits, with single \".\", \"_\" or \"-\" between them and "
    "at "
    "most 63 bytes";

}  // namespace

std::string TextOf(ArgReader& reader, std::string_view name) {
  return reader.Text(name, {.max_bytes = kMaxShort, .allow_nul = false}).value_or("");
}

std::string ReadName(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  if (!reader.Has(name)) {
    errors.Expected(reader.PathOf(name), kName, kNone);
    return {};
  }
  return ReadBy(reader, name, CleanName, kName, errors);
}

std::vector<std::string> ReadNames(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  return ReadListBy(reader, name, CleanName, kName, errors);
}

std::string ReadVersion(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  return ReadBy(
      reader, name,
      [](std::string_view text) {
        return IsTag(text) ? std::optional(std::string(text)) : std::nullopt;
      },
      "letters, digits, \"_\", \".\" and \"-\" (it can be a tag), at most 128", errors);
}

std::vector<std::string> ReadTexts(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  std::vector<std::string> all;
  ForEachText(reader, name, errors,
              [&](const std::string& text, const std::string&) { all.push_back(text); });
  return all;
}

std::string ReadRelativePath(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  return ReadBy(reader, name, CleanRelative, kRelative, errors);
}

std::vector<std::string> ReadRelativePaths(ArgReader& reader, std::string_view name,
                                           ArgErrors& errors) {
  return ReadListBy(reader, name, CleanRelative, kRelative, errors);
}

std::string ReadAbsolutePath(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  return ReadBy(reader, name, CleanAbsolute, kAbsolute, errors);
}

std::vector<std::string> ReadAbsolutePaths(ArgReader& reader, std::string_view name,
                                           ArgErrors& errors) {
  return ReadListBy(reader, name, CleanAbsolute, kAbsolute, errors);
}

Environment ReadEnvironment(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  Environment all;
  const json* object = reader.Object(name);
  if (object == nullptr) {
    return all;
  }
  for (const auto& [variable, value] : object->items()) {
    const std::string path = reader.PathOf(name) + "." + EscapeControls(variable, false);
    if (variable.empty() || IsDigit(variable[0]) || !std::ranges::all_of(variable, IsWord)) {
      errors.Expected(path, "a name of letters, digits and \"_\"", Quoted(variable));
      continue;
    }
    if (const auto text =
            tools::ReadText(value, path, {.max_bytes = kMaxText, .allow_nul = false}, errors)) {
      all.emplace(variable, *text);
    }
  }
  return all;
}

std::map<std::string, std::string> ReadLabels(ArgReader& reader, std::string_view name,
                                              ArgErrors& errors) {
  std::map<std::string, std::string> all;
  const json* object = reader.Object(name);
  if (object == nullptr) {
    return all;
  }
  for (const auto& [label, value] : object->items()) {
    const std::string path = reader.PathOf(name) + "." + EscapeControls(label, false);
    if (label.empty() || label.size() > kMaxShort || HasControls(label)) {
      errors.Expected(path, "a name of at most 200 bytes without control characters",
                      Quoted(label));
      continue;
    }
    if (const auto text =
            tools::ReadText(value, path, {.max_bytes = kMaxText, .allow_nul = false}, errors)) {
      all.emplace(label, *text);
    }
  }
  return all;
}

std::vector<int> ReadPorts(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  std::vector<int> all;
  const json* list = reader.Array(name, kMaxItems, "an array of ports");
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const json& value = (*list)[i];
    if (!value.is_number_integer() || value.get<std::int64_t>() < 1 ||
        value.get<std::int64_t>() > kMaxPort) {
      errors.Expected(reader.PathOf(name) + "[" + std::to_string(i) + "]",
                      "an integer from 1 to 65535", tools::DescribeJson(value));
      continue;
    }
    all.push_back(value.get<int>());
  }
  return all;
}

std::optional<HealthCheck> ReadHealthCheck(ArgReader& outer, std::string_view name,
                                           std::optional<int> port, ArgErrors& errors) {
  const json* object = outer.Object(name);
  if (object == nullptr) {
    return std::nullopt;
  }
  constexpr auto kMembers = std::to_array<std::string_view>(
      {"http", "tcp", "port", "command", "interval_s", "timeout_s", "retries", "start_period_s"});
  const std::string path = outer.PathOf(name);
  ArgReader reader(*object, path, kMembers, errors);
  HealthCheck check;
  const int ways =
      (reader.Has("http") ? 1 : 0) + (reader.Has("tcp") ? 1 : 0) + (reader.Has("command") ? 1 : 0);
  if (ways != 1) {
    errors.Expected(path, "one of `http` (a path), `tcp` (a port) and `command`",
                    ways == 0 ? "none" : std::to_string(ways) + " of them");
  }
  if (reader.Has("http")) {
    check.kind = HealthCheck::Kind::kHttp;
    check.path = reader.Text("http", {.max_bytes = kMaxPath}).value_or("/");
    if (check.path.empty() || check.path[0] != '/' || HasControls(check.path) ||
        check.path.find(' ') != std::string::npos) {
      errors.Expected(path + ".http", "a path that begins with \"/\", without blanks",
                      Quoted(check.path));
    }
    check.port = static_cast<int>(reader.Integer("port", 1, kMaxPort).value_or(port.value_or(0)));
    if (check.port == 0) {
      errors.Expected(path + ".port", "the port to ask: the application names none", kNone);
    }
  } else if (reader.Has("tcp")) {
    check.kind = HealthCheck::Kind::kTcp;
    check.port = static_cast<int>(reader.Integer("tcp", 1, kMaxPort).value_or(1));
  } else {
    check.command = ReadTexts(reader, "command", errors);
    if (check.command.empty() && ways == 1) {
      errors.Expected(path + ".command", "a program and its arguments", "an empty array");
    }
  }
  if (check.kind != HealthCheck::Kind::kHttp && reader.Has("port")) {
    errors.Expected(path + ".port", "no port but beside `http`", "one");
  }
  const auto seconds = [&](const char* member, std::int64_t least, int standard) {
    return static_cast<int>(reader.Integer(member, least, kMaxSeconds).value_or(standard));
  };
  check.interval_s = seconds("interval_s", 1, check.interval_s);
  check.timeout_s = seconds("timeout_s", 1, check.timeout_s);
  check.start_period_s = seconds("start_period_s", 0, check.start_period_s);
  check.retries = static_cast<int>(reader.Integer("retries", 1, 100).value_or(check.retries));
  return check;
}

Limits ReadLimits(ArgReader& outer, std::string_view name, ArgErrors& errors) {
  Limits limits;
  const json* object = outer.Object(name);
  if (object == nullptr) {
    return limits;
  }
  constexpr auto kMembers = std::to_array<std::string_view>({"memory_mb", "cpus", "pids"});
  constexpr std::int64_t kMaxMemoryMb = 16'777'216;
  constexpr std::int64_t kMaxPids = 4'194'304;
  ArgReader reader(*object, outer.PathOf(name), kMembers, errors);
  limits.memory_mb = reader.Integer("memory_mb", 4, kMaxMemoryMb);
  limits.cpus = reader.Number("cpus", 0.01, 4096);
  limits.pids = reader.Integer("pids", 1, kMaxPids);
  return limits;
}

std::vector<FileMapping> ReadFiles(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  constexpr auto kMembers = std::to_array<std::string_view>({"from", "to"});
  std::vector<FileMapping> all;
  const json* list = reader.Array(name, kMaxItems, "an array of {from, to}");
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    ArgReader inner((*list)[i], reader.PathOf(name) + "[" + std::to_string(i) + "]", kMembers,
                    errors);
    FileMapping mapping{ReadRelativePath(inner, "from", errors),
                        ReadAbsolutePath(inner, "to", errors)};
    for (const char* member : {"from", "to"}) {
      if (!inner.Has(member)) {
        errors.Expected(inner.PathOf(member), "a path", kNone);
      }
    }
    all.push_back(std::move(mapping));
  }
  return all;
}

std::string ReadBase(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  const auto text = reader.Text(name, {.max_bytes = kMaxPath, .allow_nul = false});
  if (!text || *text == "scratch") {
    return text.value_or("");
  }
  const std::size_t at = text->find('@');
  const bool is_image = at != std::string::npos && at > 0 && oci::IsDigest(text->substr(at + 1)) &&
                        !HasControls(*text) && text->find(' ') == std::string::npos;
  if (!is_image) {
    errors.Expected(
        reader.PathOf(name),
        "\"scratch\" or an image with its digest (\"NAME:TAG@sha256:…\"), so that every "
        "build has the same base",
        Quoted(*text), "`casemate manifest pin NAME` tells what a name stands for now");
  }
  return *text;
}

std::string ReadRegistry(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  return ReadBy(
      reader, name,
      [](std::string_view text) -> std::optional<std::string> {
        const auto parts = PartsOf(text);
        const bool fits = !parts.empty() && !text.ends_with('/') && text.size() <= kMaxShort &&
                          std::ranges::all_of(parts[0],
                                              [](char c) {
                                                return IsLower(c) || IsUpper(c) || IsDigit(c) ||
                                                       c == '.' || c == '-' || c == ':';
                                              }) &&
                          std::ranges::all_of(parts.begin() + 1, parts.end(), IsName) &&
                          !parts[0].empty();
        return fits ? std::optional(std::string(text)) : std::nullopt;
      },
      "\"HOST[:PORT][/PATH]\"", errors);
}

std::string ReadUser(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  return ReadBy(
      reader, name,
      [](std::string_view text) -> std::optional<std::string> {
        const std::size_t colon = text.find(':');
        const auto is_part = [](std::string_view part) {
          return !part.empty() && part.size() <= kMaxName && std::ranges::all_of(part, [](char c) {
            return IsWord(c) || c == '-' || c == '.';
          });
        };
        const bool fits = is_part(text.substr(0, colon)) &&
                          (colon == std::string_view::npos || is_part(text.substr(colon + 1)));
        return fits ? std::optional(std::string(text)) : std::nullopt;
      },
      "\"USER[:GROUP]\", numbers or names", errors);
}

std::string ReadSignal(ArgReader& reader, std::string_view name, ArgErrors& errors) {
  constexpr auto kSignals = std::to_array<std::string_view>(
      {"SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL", "SIGWINCH"});
  (void)errors;  // Choice records
  return reader.Choice(name, kSignals).value_or("");
}

}  // namespace casemate::package
