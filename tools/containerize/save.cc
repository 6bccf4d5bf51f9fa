#include "tools/containerize/save.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "base/beneath.h"
#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "tools/analysis/source_tree.h"

namespace casemate::containerize {

namespace {

constexpr mode_t kMode = 0644;

struct Place {
  UniqueFd directory;
  std::string name;
  std::string path;  // from the root
  bool exists = false;
};

Result<Place> Find(int root, const std::string& path) {
  Place place;
  place.path = path;
  place.name = std::string(analysis::NameOf(path));
  const std::string parent(analysis::ParentOf(path));
  place.directory =
      OpenBeneath(root, parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY, InnerLinks::kRefuse);
  struct stat status{};
  if (!place.directory.valid()) {
    return ErrnoError("cannot open the directory of " + Quoted(path), errno);
  }
  // Also a link that leads nowhere is something that somebody made.
  place.exists =
      fstatat(place.directory.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (place.exists && !S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kInvalidArgument,
                 Quoted(path) + " is there and is no file: it is not replaced",
                 "workspace",
                 {},
                 0};
  }
  return place;
}

Result<void> Replace(const Place& place, const std::string& text, bool overwrite) {
  unsigned long long random = 0;
  if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
    return ErrnoError("cannot get random bytes", errno);
  }
  const std::string scratch = "." + place.name + "." + std::to_string(random);
  const int directory = place.directory.get();
  const UniqueFd file(openat(directory, scratch.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
  if (!file.valid()) {
    return ErrnoError("cannot write " + Quoted(place.path), errno);
  }
  Result<void> written = WriteAll(file.get(), text);
  if (written && fsync(file.get()) != 0) {
    written = ErrnoError("cannot write " + Quoted(place.path), errno);
  }
  // Without `overwrite` the kernel refuses if somebody was faster.
  if (written && renameat2(directory, scratch.c_str(), directory, place.name.c_str(),
                           overwrite ? 0 : RENAME_NOREPLACE) != 0) {
    written = ErrnoError("cannot write " + Quoted(place.path), errno);
  }
  if (!written) {
    unlinkat(directory, scratch.c_str(), 0);
  }
  return written;
}

std::optional<std::string> TextOf(const Place& place) {
  const UniqueFd file(openat(place.directory.get(), place.name.c_str(),
                             O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  std::string text;
  char buffer[4096];
  for (ssize_t got = 1; file.valid() && got > 0 && text.size() < (std::size_t{1} << 20);) {
    got = read(file.get(), buffer, sizeof(buffer));
    text.append(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  return file.valid() ? std::optional(text) : std::nullopt;
}

// Whether the file is there with that text. Errors: it is there with another one and stays.
Result<bool> IsThere(const Place& place, const std::string& text, bool overwrite) {
  const bool is_same = place.exists && TextOf(place) == text;
  if (place.exists && !overwrite && !is_same) {
    return Error{ErrorCode::kInvalidArgument,
                 Quoted(place.path) + " is there already and was not changed", "overwrite",
                 "say overwrite to replace it, or leave out save to see the text only", 0};
  }
  return is_same;
}

Result<void> SaveOne(const Place& place, const std::string& text, bool is_there, bool overwrite,
                     Saved& saved) {
  if (is_there) {
    saved.kept.push_back(place.path);
    return {};
  }
  if (auto written = Replace(place, text, overwrite); !written) {
    return written;
  }
  saved.written.push_back(place.path);
  return {};
}

}  // namespace

Result<Saved> SaveGenerated(int root, const Generated& generated, bool overwrite) {
  const auto dockerfile = Find(root, generated.dockerfile_path);
  if (!dockerfile) {
    return dockerfile.error();
  }
  const auto ignore = Find(root, generated.ignore_path);
  if (!ignore) {
    return ignore.error();
  }
  const auto is_there = IsThere(*dockerfile, generated.dockerfile, overwrite);
  if (!is_there) {
    return is_there.error();
  }
  Saved saved;
  const bool keeps_ignore = ignore->exists && (!overwrite || TextOf(*ignore) == generated.ignore);
  if (auto done = SaveOne(*ignore, generated.ignore, keeps_ignore, overwrite, saved); !done) {
    return done.error();
  }
  if (auto done = SaveOne(*dockerfile, generated.dockerfile, *is_there, overwrite, saved); !done) {
    return done.error();
  }
  return saved;
}

Result<Saved> SaveFile(int root, const std::string& path, const std::string& text, bool overwrite) {
  const auto place = Find(root, path);
  const auto is_there = place ? IsThere(*place, text, overwrite) : Result<bool>(place.error());
  if (!is_there) {
    return is_there.error();
  }
  Saved saved;
  if (auto done = SaveOne(*place, text, *is_there, overwrite, saved); !done) {
    return done.error();
  }
  return saved;
}

}  // namespace casemate::containerize
