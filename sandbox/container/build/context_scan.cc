#include "sandbox/container/build/context_scan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <memory>
#include <utility>

#include "base/beneath.h"
#include "base/text.h"
#include "sandbox/container/build/context_error.h"

namespace casemate::container {

namespace {

constexpr std::size_t kNamedLargest = 5;
constexpr std::size_t kNamedSkipped = 5;
// Names that are looked at for each that may be sent: what rules exclude is looked at, too.
constexpr std::size_t kSeenPerFile = 8;
constexpr std::size_t kMaxTextBytes = kMaxIgnoreFileBytes;  // of a Dockerfile, too
constexpr std::string_view kIgnoreFile = ".dockerignore";

std::string SizeText(std::int64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) {
    value /= 1024;
  }
  std::array<char, 40> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%.*f %s", unit == 0 ? 0 : 1, value, kUnits[unit]);
  return std::string(text.data(), static_cast<std::size_t>(std::max(length, 0)));
}

void SortLargest(std::vector<SizedPath>& paths, bool by_entries) {
  std::sort(paths.begin(), paths.end(), [&](const SizedPath& a, const SizedPath& b) {
    const auto size = [&](const SizedPath& path) {
      return by_entries ? static_cast<std::int64_t>(path.entries) : path.bytes;
    };
    return size(a) != size(b) ? size(a) > size(b) : a.path < b.path;
  });
  paths.resize(std::min(paths.size(), kNamedLargest));
}

std::string NameLargest(const std::vector<SizedPath>& paths, bool by_entries) {
  std::string text;
  for (const SizedPath& path : paths) {
    text += (text.empty() ? "" : ", ") + ShownPath(path.path) + " (" +
            (by_entries ? std::to_string(path.entries) + " entries" : SizeText(path.bytes)) + ")";
  }
  return text;
}

Error TooLarge(std::string message) {
  return Error{ErrorCode::kResourceExhausted, std::move(message), "context",
               "exclude what the build does not need in .dockerignore, or raise the limit", 0};
}

Error Cancelled() {
  return Error{ErrorCode::kCancelled, "the build was cancelled", {}, {}, 0};
}

}  // namespace

bool ContextScanner::IsKept(std::string_view path) const {
  return path == made_.dockerfile_ || path == kIgnoreFile;
}

bool ContextScanner::IsAdded(std::string_view path) const {
  return std::any_of(made_.added_.begin(), made_.added_.end(),
                     [&](const AddedFile& file) { return file.name == path; });
}

Result<std::optional<std::string>> ContextScanner::ReadText(const std::string& name) const {
  for (const AddedFile& file : made_.added_) {
    if (file.name == name) {
      return std::optional(file.content);
    }
  }
  // O_NONBLOCK: a pipe in its place must not hold us.
  const UniqueFd file =
      OpenBeneath(made_.root_.get(), name, O_RDONLY | O_NONBLOCK, InnerLinks::kFollow);
  if (!file.valid()) {
    return errno == ENOENT || errno == ENOTDIR
               ? Result<std::optional<std::string>>(std::optional<std::string>())
               : ContextError("cannot open", name, errno);
  }
  struct stat status{};
  if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return InvalidArgument("context", ShownPath(name) + " is not a regular file");
  }
  std::string text(kMaxTextBytes + 1, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = read(file.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return ContextError("cannot read", name, errno);
    }
    if (got == 0) {
      break;
    }
    filled += static_cast<std::size_t>(got);
  }
  if (filled > kMaxTextBytes) {
    return InvalidArgument("context", ShownPath(name) + " is longer than 1 MiB");
  }
  text.resize(filled);
  return std::optional(std::move(text));
}

Result<void> ContextScanner::ReadRules() {
  const std::string own = made_.dockerfile_ + std::string(kIgnoreFile);
  for (const std::string& name : {own, std::string(kIgnoreFile)}) {
    auto read = ReadText(name);
    if (!read) {
      return std::move(read).error();
    }
    std::optional<std::string>& text = *read;
    if (!text) {
      continue;
    }
    auto rules = IgnoreRules::Parse(*text);
    if (!rules) {
      Error error = std::move(rules).error();
      error.field = "context";
      error.message = ShownPath(name) + ": " + error.message;
      error.remedy = error.remedy.empty() ? "mend the pattern" : error.remedy;
      return error;
    }
    rules_ = *std::move(rules);
    made_.summary_.ignore_file = name;
    made_.ignore_text_ = *std::move(text);
    return {};
  }
  return {};
}

Result<std::vector<ContextScanner::Name>> ContextScanner::List(const std::string& directory) {
  UniqueFd fd = OpenBeneath(made_.root_.get(), directory.empty() ? "." : directory,
                            O_RDONLY | O_DIRECTORY, InnerLinks::kRefuse);
  const auto failed = [&](int err) {
    return ContextError("cannot read the directory", directory.empty() ? "." : directory, err);
  };
  if (!fd.valid()) {
    return failed(errno);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> open(fdopendir(fd.get()), closedir);
  if (open == nullptr) {
    return failed(errno);
  }
  const int handle = fd.Release();
  std::vector<Name> names;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(open.get());  // NOLINT(concurrency-mt-unsafe): our own stream
    if (entry == nullptr) {
      break;
    }
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name == "." || name == "..") {
      continue;
    }
    if (stop_.stop_requested()) {
      return Cancelled();
    }
    if (++seen_ / kSeenPerFile > limits_.max_files) {
      return TooLarge("the build context holds more than " + std::to_string(seen_ - 1) +
                      " names, excluded ones included; the last directory read is " +
                      ShownPath(directory.empty() ? "." : directory));
    }
    Name found{std::string(name), {}};
    if (fstatat(handle, found.name.c_str(), &found.status, AT_SYMLINK_NOFOLLOW) == 0) {
      names.push_back(std::move(found));
    } else if (errno != ENOENT) {
      return ContextError("cannot read", directory + "/" + found.name, errno);
    }
  }
  if (errno != 0) {
    return failed(errno);
  }
  std::sort(names.begin(), names.end(),
            [](const Name& a, const Name& b) { return a.name < b.name; });
  return names;
}

void ContextScanner::Count(std::string_view path, std::int64_t bytes) {
  ContextSummary& summary = made_.summary_;
  summary.bytes += bytes;
  const std::string_view top = path.substr(0, path.find('/'));
  if (summary.largest_tops.empty() || summary.largest_tops.back().path != top) {
    summary.largest_tops.push_back({std::string(top), 0, 0});
  }
  summary.largest_tops.back().bytes += bytes;
  ++summary.largest_tops.back().entries;
}

Result<void> ContextScanner::Add(BuildContext::Entry entry, std::int64_t bytes) {
  // Those around it are sent with it, as they are.
  for (BuildContext::Entry& around : held_) {
    ++made_.summary_.directories;
    Count(around.path, 0);
    made_.entries_.push_back(std::move(around));
  }
  held_.clear();
  Count(entry.path, bytes);
  if (S_ISREG(entry.mode)) {
    ++made_.summary_.files;
    std::vector<SizedPath>& largest = made_.summary_.largest_files;
    largest.push_back({entry.path, bytes});
    SortLargest(largest, false);
  } else {
    ++(S_ISDIR(entry.mode) ? made_.summary_.directories : made_.summary_.links);
  }
  made_.entries_.push_back(std::move(entry));
  if (made_.entries_.size() <= limits_.max_files) {
    return {};
  }
  SortLargest(made_.summary_.largest_tops, true);
  return TooLarge("the build context has more than " + std::to_string(limits_.max_files) +
                  " entries, the limit; most are in " +
                  NameLargest(made_.summary_.largest_tops, true));
}

// Walk, Visit and VisitDirectory call each other; max_depth bounds how often.
// NOLINTBEGIN(misc-no-recursion)
Result<void> ContextScanner::VisitDirectory(const Name& name, bool excluded, const Place& inner) {
  BuildContext::Entry entry{inner.path, name.status.st_mode, name.status.st_mtim.tv_sec};
  if (!excluded) {
    if (auto added = Add(std::move(entry), 0); !added) {
      return added;
    }
    return Walk(inner);
  }
  ++made_.summary_.excluded;
  const bool holds_kept = made_.dockerfile_.starts_with(inner.path + "/");
  if (!holds_kept && !rules_.MayReincludeBelow(inner.path)) {
    return {};
  }
  held_.push_back(std::move(entry));
  auto walked = Walk(inner);
  if (!held_.empty() && held_.back().path == inner.path) {
    held_.pop_back();
  }
  // Nobody asked for what is in it.
  const bool is_its_own = !walked && walked.error().code == ErrorCode::kPermissionDenied &&
                          unreadable_ == inner.path && !holds_kept;
  return is_its_own ? Result<void>() : walked;
}

Result<void> ContextScanner::Visit(const Place& place, const Name& name) {
  Place inner;
  inner.path = place.path.empty() ? name.name : place.path + "/" + name.name;
  inner.depth = place.depth + 1;
  if (IsAdded(inner.path)) {
    return {};
  }
  const bool is_named = rules_.Excludes(inner.path, place.matches, inner.matches);
  const bool excluded = is_named && !IsKept(inner.path);
  if (is_named && !excluded) {
    made_.summary_.sent_for_builder.push_back(inner.path);
  }
  if (S_ISDIR(name.status.st_mode)) {
    return VisitDirectory(name, excluded, inner);
  }
  ContextSummary& summary = made_.summary_;
  if (excluded) {
    ++summary.excluded;
    return {};
  }
  if (!S_ISREG(name.status.st_mode) && !S_ISLNK(name.status.st_mode)) {
    ++summary.skipped;
    if (summary.skipped_few.size() < kNamedSkipped) {
      summary.skipped_few.push_back(inner.path);
    }
    return {};
  }
  if (inner.path.size() >= PATH_MAX) {
    return InvalidArgument("context", "the path " + ShownPath(inner.path) +
                                          " is longer than the 4095 bytes that can be opened");
  }
  return Add({inner.path, name.status.st_mode, name.status.st_mtim.tv_sec},
             S_ISREG(name.status.st_mode) ? name.status.st_size : 0);
}

Result<void> ContextScanner::Walk(const Place& place) {
  if (place.depth > limits_.max_depth) {
    return TooLarge("directories lie in each other more than " + std::to_string(limits_.max_depth) +
                    " deep at " + ShownPath(place.path));
  }
  auto names = List(place.path);
  if (!names) {
    unreadable_ = place.path;
    return std::move(names).error();
  }
  for (const Name& name : *names) {
    if (auto visited = Visit(place, name); !visited) {
      return visited;
    }
  }
  return {};
}
// NOLINTEND(misc-no-recursion)

Result<void> ContextScanner::CheckSize() const {
  const ContextSummary& summary = made_.summary_;
  if (summary.bytes <= limits_.max_bytes) {
    return {};
  }
  return TooLarge("the build context is " + SizeText(summary.bytes) + " in " +
                  std::to_string(summary.files) + " files; the limit is " +
                  SizeText(limits_.max_bytes) +
                  ". The largest files: " + NameLargest(summary.largest_files, false) +
                  "; by entries of its root: " + NameLargest(summary.largest_tops, false));
}

Result<void> ContextScanner::ReadDockerfile() {
  auto read = ReadText(made_.dockerfile_);
  if (!read) {
    Error error = std::move(read).error();
    error.field = "dockerfile";
    return error;
  }
  std::optional<std::string>& text = *read;
  if (!text) {
    return Error{ErrorCode::kNotFound,
                 "there is no file " + ShownPath(made_.dockerfile_) + " in the build context",
                 "dockerfile", "name the Dockerfile by its path in the build context", 0};
  }
  made_.dockerfile_text_ = *std::move(text);
  return {};
}

Result<void> ContextScanner::CheckDockerfile() const {
  const bool found =
      IsAdded(made_.dockerfile_) ||
      std::any_of(made_.entries_.begin(), made_.entries_.end(),
                  [&](const auto& entry) { return entry.path == made_.dockerfile_; });
  return found ? Result<void>()
               : InvalidArgument("dockerfile",
                                 ShownPath(made_.dockerfile_) +
                                     " lies behind a symbolic link; name it by its own path");
}

Result<void> ContextScanner::Run() {
  if (auto read = ReadDockerfile(); !read) {
    return read;
  }
  if (auto read = ReadRules(); !read) {
    return read;
  }
  for (const AddedFile& file : made_.added_) {
    ++made_.summary_.files;
    Count(file.name, static_cast<std::int64_t>(file.content.size()));
  }
  if (auto walked = Walk({}); !walked) {
    return walked;
  }
  SortLargest(made_.summary_.largest_tops, false);
  if (auto found = CheckDockerfile(); !found) {
    return found;
  }
  return CheckSize();
}

}  // namespace casemate::container
