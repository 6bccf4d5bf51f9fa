#include "clients/hosts/install.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "clients/hosts/server_entry.h"

namespace casemate::hosts {
namespace {

using nlohmann::ordered_json;

Error InFile(const std::string& path, Error error) {
  error.field = path + (error.field.empty() ? "" : ":" + error.field);
  return error;
}

// The file, and the entry that it holds now.
struct Current {
  ConfigFile file;
  std::optional<Entry> entry;
};

Result<Current> Read(const Target& target) {
  auto file = ReadConfig(target.path);
  if (!file) {
    return std::move(file).error();
  }
  Current current{*std::move(file), {}};
  if (current.file.content) {
    auto found = FindEntry(target.format, *current.file.content, target.keys);
    if (!found) {
      return InFile(current.file.path, std::move(found).error());
    }
    current.entry = *std::move(found);
  }
  return current;
}

Result<void> CheckIsOurs(const Target& target, const Current& current) {
  if (!current.entry || IsOurs(target.keys.back(), ordered_json::parse(current.entry->json))) {
    return {};
  }
  return InFile(current.file.path,
                Error{ErrorCode::kInvalidArgument,
                      "expected no `" + target.keys.back() +
                          "` or one that starts Casemate, got an entry of something else",
                      current.entry->position, "give ours another --name", 0});
}

Result<Outcome> Apply(const Current& current, std::optional<std::string> after,
                      const Target& target, bool dry_run) {
  Outcome outcome{.path = current.file.path,
                  .changed = after != current.file.content,
                  .before = current.file.content,
                  .after = std::move(after),
                  .backup = {}};
  // What a link leads to may be kept somewhere, so it stays, empty.
  if (!outcome.after && outcome.before && current.file.is_link) {
    outcome.after = "{}\n";
  }
  if (!outcome.changed || dry_run) {
    return outcome;
  }
  if (outcome.before) {
    auto backup = BackUp(current.file);
    if (!backup) {
      return std::move(backup).error();
    }
    outcome.backup = *std::move(backup);
  }
  auto done = outcome.after ? WriteConfig(current.file, *outcome.after, target.is_private)
                            : DeleteConfig(current.file);
  if (!done) {
    if (!outcome.backup.empty()) {
      unlink(outcome.backup.c_str());
    }
    return done.error();
  }
  return outcome;
}

}  // namespace

Result<Outcome> Install(const Target& target, const ordered_json& entry, bool dry_run) {
  auto current = Read(target);
  if (!current) {
    return std::move(current).error();
  }
  if (auto ours = CheckIsOurs(target, *current); !ours) {
    return ours.error();
  }
  const std::optional<Entry>& old = current->entry;
  const ordered_json value = old ? Renewed(ordered_json::parse(old->json), entry) : entry;
  auto text = WithEntry(target.format, current->file.content, target.keys, value);
  if (!text) {
    return InFile(current->file.path, std::move(text).error());
  }
  return Apply(*current, *std::move(text), target, dry_run);
}

Result<Outcome> Remove(const Target& target, bool dry_run) {
  auto current = Read(target);
  if (!current) {
    return std::move(current).error();
  }
  if (auto ours = CheckIsOurs(target, *current); !ours) {
    return ours.error();
  }
  const std::optional<std::string>& content = current->file.content;
  if (!content || !current->entry) {
    return Apply(*current, content, target, dry_run);
  }
  auto text = WithoutEntry(target.format, *content, target.keys);
  if (!text) {
    return InFile(current->file.path, std::move(text).error());
  }
  return Apply(*current, *std::move(text), target, dry_run);
}

Result<std::optional<InstalledEntry>> LookUp(const Target& target) {
  auto current = Read(target);
  if (!current) {
    return std::move(current).error();
  }
  const std::optional<Entry>& entry = current->entry;
  if (!entry) {
    return std::optional<InstalledEntry>();
  }
  return std::optional<InstalledEntry>(
      InstalledEntry{entry->json, current->file.path + ":" + entry->position});
}

}  // namespace casemate::hosts
