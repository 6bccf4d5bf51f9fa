// SourceTree: the names below one directory, walked once and bounded, and the text of few of them.
// Links are names, never followed to directories; a file is read through a link only if that stays
// below the directory (openat2). What a package manager or a build put there (node_modules, .git,
// target, …) is not walked. Immutable but for what it notes; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate::analysis {

struct TreeLimits {
  std::size_t max_entries = 400'000;
  int max_depth = 48;
  std::size_t max_file_bytes = std::size_t{4} << 20;    // of one file that is read
  std::size_t max_total_bytes = std::size_t{64} << 20;  // of all files that are read
};

class SourceTree {
 public:
  // `directory` is lent for the call. Beyond a limit the walk goes no further, and a note says so.
  // Errors: kPermissionDenied, kNotFound for the directory itself; kCancelled.
  static Result<SourceTree> Scan(int directory, const TreeLimits& limits,
                                 const std::stop_token& stop);

  // Paths of files and of links, relative, in byte order.
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }
  // Paths of directories that were walked, "" first, in byte order.
  [[nodiscard]] const std::vector<std::string>& directories() const { return directories_; }
  [[nodiscard]] bool Has(std::string_view path) const;  // a file
  // Also of one that was not walked.
  [[nodiscard]] bool HasDirectory(std::string_view path) const;
  // Names of the files that lie directly in `directory`, in byte order.
  [[nodiscard]] std::vector<std::string> In(std::string_view directory) const;
  // Paths of all files below `directory`, in byte order; lent.
  [[nodiscard]] std::span<const std::string> Below(std::string_view directory) const;
  // Those whose name ends with `suffix`.
  [[nodiscard]] std::vector<std::string> Below(std::string_view directory,
                                               std::string_view suffix) const;

  // The text of a file; nullptr when there is none, or it cannot be text (a NUL among its first
  // bytes, no UTF-8, too long, unreadable), of which the last leave a note. A byte order mark is
  // dropped and line ends are \n. Read once and kept as long as this.
  [[nodiscard]] const std::string* Read(std::string_view path) const;
  // What is to be said of the tree: each sentence once.
  void Note(std::string sentence) const;
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  SourceTree() = default;
  friend class TreeWalk;

  UniqueFd root_;
  TreeLimits limits_;
  std::vector<std::string> files_;
  std::unordered_set<std::string_view>
      known_files_;  // of files_, whose strings stay where they are
  std::vector<std::string> directories_;
  std::set<std::string, std::less<>> unwalked_;
  mutable std::map<std::string, std::optional<std::string>, std::less<>> texts_;
  mutable std::size_t read_bytes_ = 0;
  mutable std::vector<std::string> notes_;
};

// "a/b" of "a" and "b"; either may be empty.
std::string JoinPath(std::string_view directory, std::string_view name);
// "a" of "a/b"; empty of "b".
std::string_view ParentOf(std::string_view path);
std::string_view NameOf(std::string_view path);

}  // namespace casemate::analysis
