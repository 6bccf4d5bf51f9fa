#include "tools/analysis/source_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/beneath.h"
#include "base/text.h"

namespace casemate::analysis {

namespace {

// Directories whose content others made: package managers, compilers, version control, editors.
constexpr std::array<std::string_view, 37> kNotWalked = {
    ".bundle",     ".cache",         ".dart_tool",   ".eggs",
    ".git",        ".gradle",        ".hg",          ".idea",
    ".mypy_cache", ".next",          ".nox",         ".nuxt",
    ".output",     ".parcel-cache",  ".pnpm-store",  ".pytest_cache",
    ".ruff_cache", ".stack-work",    ".svelte-kit",  ".svn",
    ".terraform",  ".tox",           ".turbo",       ".venv",
    ".vs",         ".vscode",        ".yarn",        "DerivedData",
    "__pycache__", "__pypackages__", "_build",       "bower_components",
    "deps.nix",    "dist-newstyle",  "node_modules", "venv",
    "zig-cache"};
constexpr std::size_t kNulWithin = 8000;

bool IsNotWalked(std::string_view name) {
  return std::find(kNotWalked.begin(), kNotWalked.end(), name) != kNotWalked.end();
}

std::string Shown(std::string_view path) {
  return Quoted(path);
}

}  // namespace

std::string JoinPath(std::string_view directory, std::string_view name) {
  if (directory.empty() || directory == ".") {
    return std::string(name);
  }
  if (name.empty() || name == ".") {
    return std::string(directory);
  }
  return std::string(directory) + "/" + std::string(name);
}

std::string_view ParentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view NameOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// A name in a directory that is being walked; a directory's ends with "/", so that walking in the
// order of names gives all paths in byte order.
using Entry = std::string;

// Depth first, each directory opened below its parent's descriptor: one open at a time a level.
class TreeWalk {
 public:
  TreeWalk(SourceTree& tree, const std::stop_token& stop) : tree_(tree), stop_(stop) {}

  Result<void> Run() {
    auto walked =
        Walk(UniqueFd(openat(tree_.root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), "", 0);
    std::sort(tree_.directories_.begin(), tree_.directories_.end());
    tree_.known_files_.reserve(tree_.files_.size());
    tree_.known_files_.insert(tree_.files_.begin(), tree_.files_.end());
    return walked;
  }

 private:
  Result<void> Walk(UniqueFd directory, const std::string& path, int depth);
  Result<bool> ReadNames(DIR* open, int directory, const std::string& path,
                         std::vector<Entry>& entries);
  void AddName(int directory, const dirent& entry, const std::string& path,
               std::vector<Entry>& entries);
  [[nodiscard]] bool CanOpen(const UniqueFd& directory, const std::string& path, int depth);

  SourceTree& tree_;
  const std::stop_token& stop_;
  std::size_t count_ = 0;
};

void TreeWalk::AddName(int directory, const dirent& entry, const std::string& path,
                       std::vector<Entry>& entries) {
  const std::string_view name = static_cast<const char*>(entry.d_name);
  unsigned char type = entry.d_type;
  if (type == DT_UNKNOWN) {
    struct stat status{};
    if (fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return;
    }
    type = S_ISDIR(status.st_mode) ? DT_DIR : S_ISLNK(status.st_mode) ? DT_LNK : DT_REG;
  }
  if (type == DT_DIR && IsNotWalked(name)) {
    tree_.unwalked_.insert(JoinPath(path, name));
  } else if (type == DT_DIR) {
    entries.push_back(std::string(name) + "/");
  } else if (type == DT_REG || type == DT_LNK) {
    entries.emplace_back(name);
  }
}

// False: the limit of entries is reached.
Result<bool> TreeWalk::ReadNames(DIR* open, int directory, const std::string& path,
                                 std::vector<Entry>& entries) {
  while (true) {
    const dirent* entry = readdir(open);  // NOLINT(concurrency-mt-unsafe): our own stream
    if (entry == nullptr) {
      return true;
    }
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name == "." || name == "..") {
      continue;
    }
    if (++count_ > tree_.limits_.max_entries) {
      tree_.Note("the project has more than " + std::to_string(tree_.limits_.max_entries) +
                 " entries; what lies beyond, from " + Shown(path.empty() ? "." : path) +
                 " on, was not looked at");
      return false;
    }
    if (count_ % 1024 == 0 && stop_.stop_requested()) {
      return Error{ErrorCode::kCancelled, "the analysis was cancelled", {}, {}, 0};
    }
    AddName(directory, *entry, path, entries);
  }
}

bool TreeWalk::CanOpen(const UniqueFd& directory, const std::string& path, int depth) {
  if (!directory.valid()) {
    tree_.Note("the directory " + Shown(path) + " cannot be read");
    tree_.unwalked_.insert(path);
    return false;
  }
  if (depth > tree_.limits_.max_depth) {
    tree_.Note("directories lie in each other more than " +
               std::to_string(tree_.limits_.max_depth) + " deep at " + Shown(path) +
               "; what lies deeper was not looked at");
    return false;
  }
  return true;
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by max_depth
Result<void> TreeWalk::Walk(UniqueFd directory, const std::string& path, int depth) {
  if (path.empty() && !directory.valid()) {
    return ErrnoError("cannot read the project's directory", errno);
  }
  if (!CanOpen(directory, path, depth)) {
    return {};
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> open(fdopendir(directory.get()), closedir);
  if (open == nullptr) {
    return ErrnoError("cannot read the directory " + Shown(path), errno);
  }
  const int handle = directory.Release();
  tree_.directories_.push_back(path);
  std::vector<Entry> entries;
  auto all = ReadNames(open.get(), handle, path, entries);
  if (!all) {
    return std::move(all).error();
  }
  std::sort(entries.begin(), entries.end());
  for (Entry& entry : entries) {
    if (!entry.ends_with('/')) {
      tree_.files_.push_back(JoinPath(path, entry));
      continue;
    }
    entry.pop_back();
    if (count_ > tree_.limits_.max_entries) {
      continue;
    }
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    auto walked =
        Walk(UniqueFd(openat(handle, entry.c_str(), kFlags)), JoinPath(path, entry), depth + 1);
    if (!walked) {
      return walked;
    }
  }
  return {};
}

Result<SourceTree> SourceTree::Scan(int directory, const TreeLimits& limits,
                                    const std::stop_token& stop) {
  SourceTree tree;
  tree.limits_ = limits;
  tree.root_ = OpenBeneath(directory, ".", O_PATH | O_DIRECTORY, InnerLinks::kRefuse);
  if (!tree.root_.valid()) {
    return ErrnoError("cannot open the project's directory", errno);
  }
  if (auto walked = TreeWalk(tree, stop).Run(); !walked) {
    return walked.error();
  }
  return tree;
}

bool SourceTree::Has(std::string_view path) const {
  return known_files_.contains(path);
}

bool SourceTree::HasDirectory(std::string_view path) const {
  return std::binary_search(directories_.begin(), directories_.end(), path) ||
         unwalked_.contains(path);
}

std::vector<std::string> SourceTree::In(std::string_view directory) const {
  std::vector<std::string> names;
  const std::string prefix = directory.empty() ? "" : std::string(directory) + "/";
  auto at = std::lower_bound(files_.begin(), files_.end(), prefix);
  while (at != files_.end() && at->starts_with(prefix)) {
    const std::string_view rest = std::string_view(*at).substr(prefix.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos) {
      names.emplace_back(rest);
      ++at;
      continue;
    }
    // Past all that lies in that directory: '0' is what follows '/'.
    const std::string beyond = prefix + std::string(rest.substr(0, slash)) + "0";
    at = std::lower_bound(at, files_.end(), beyond);
  }
  return names;
}

std::span<const std::string> SourceTree::Below(std::string_view directory) const {
  if (directory.empty()) {
    return files_;
  }
  const std::string prefix = std::string(directory) + "/";
  const auto begin = std::lower_bound(files_.begin(), files_.end(), prefix);
  // '0' is what follows '/'.
  const auto end = std::lower_bound(begin, files_.end(), std::string(directory) + "0");
  return {begin, end};
}

std::vector<std::string> SourceTree::Below(std::string_view directory,
                                           std::string_view suffix) const {
  std::vector<std::string> found;
  for (const std::string& path : Below(directory)) {
    if (path.ends_with(suffix)) {
      found.push_back(path);
    }
  }
  return found;
}

namespace {

// Errors as sentences for a note; empty: it is read.
std::string ReadText(int root, const std::string& path, std::size_t max_bytes, std::string& text) {
  // O_NONBLOCK: a pipe in its place must not hold us.
  const UniqueFd file =
      OpenBeneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, InnerLinks::kFollow);
  struct stat status{};
  if (!file.valid() || fstat(file.get(), &status) != 0) {
    return errno == EXDEV || errno == ELOOP
               ? Shown(path) +
                     " is a link that leads out of the project or nowhere, and was not read"
               : Shown(path) + " cannot be read";
  }
  if (!S_ISREG(status.st_mode)) {
    return Shown(path) + " is no regular file, and was not read";
  }
  if (static_cast<std::size_t>(status.st_size) > max_bytes) {
    return Shown(path) + " is longer than " + std::to_string(max_bytes >> 20U) +
           " MiB, and was not read";
  }
  text.resize(static_cast<std::size_t>(status.st_size) + 1);
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = read(file.get(), text.data() + filled, text.size() - filled);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return Shown(path) + " cannot be read";
    }
    if (got == 0) {
      break;
    }
    filled += static_cast<std::size_t>(got);
  }
  text.resize(std::min(filled, static_cast<std::size_t>(status.st_size)));
  return {};
}

// As editors show it: without a byte order mark, lines that end with \n.
void Normalise(std::string& text) {
  if (text.starts_with("\xef\xbb\xbf")) {
    text.erase(0, 3);
  }
  if (text.find('\r') == std::string::npos) {
    return;
  }
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      plain += text[i];
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      plain += '\n';
    }
  }
  text = std::move(plain);
}

}  // namespace

const std::string* SourceTree::Read(std::string_view path) const {
  if (const auto known = texts_.find(path); known != texts_.end()) {
    const std::optional<std::string>& text = known->second;
    return text ? &*text : nullptr;
  }
  if (!Has(path)) {
    return nullptr;
  }
  std::optional<std::string>& kept = texts_[std::string(path)];
  const std::size_t left = limits_.max_total_bytes - std::min(limits_.max_total_bytes, read_bytes_);
  std::string text;
  std::string wrong =
      ReadText(root_.get(), std::string(path), std::min(limits_.max_file_bytes, left), text);
  if (wrong.empty() &&
      (text.substr(0, kNulWithin).find('\0') != std::string::npos || !IsValidUtf8(text))) {
    wrong = Shown(path) + " holds no text, and was not read";
  }
  if (!wrong.empty()) {
    if (left < limits_.max_file_bytes) {
      wrong = "the analysis has read " + std::to_string(limits_.max_total_bytes >> 20U) +
              " MiB, its limit: further files were not read";
    }
    Note(std::move(wrong));
    return nullptr;
  }
  read_bytes_ += text.size();
  Normalise(text);
  return &kept.emplace(std::move(text));
}

void SourceTree::Note(std::string sentence) const {
  if (std::find(notes_.begin(), notes_.end(), sentence) == notes_.end()) {
    notes_.push_back(std::move(sentence));
  }
}

}  // namespace casemate::analysis
