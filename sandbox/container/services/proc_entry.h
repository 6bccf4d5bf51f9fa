// ProcEntry: /proc/<pid> of one process, held open, so that all that is read through it is of that
// process: of one that has ended nothing can be read any more, though its number may be in use
// again. What is read was in part written by the process itself: every read is bounded. Moved, not
// shared between threads; no errors but "cannot be read".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace casemate::container {

class ProcEntry {
 public:
  // `proc` is where procfs is mounted: "/proc", or a made-up tree.
  static std::optional<ProcEntry> Open(const std::string& proc, int pid);

  [[nodiscard]] int pid() const { return pid_; }
  // The first `max_bytes` of a file; nullopt when it cannot be read.
  [[nodiscard]] std::optional<std::string> Read(const char* name, std::size_t max_bytes) const;
  // Where a link points to, as text ("pid:[4026531836]").
  [[nodiscard]] std::optional<std::string> Link(const char* name) const;
  // Inodes of the sockets that it holds; nullopt when they may not be seen. Each descriptor that is
  // examined takes one off `files_left`, and none is when that is 0.
  [[nodiscard]] std::optional<std::vector<std::uint64_t>> Sockets(std::size_t& files_left) const;

 private:
  ProcEntry(int pid, UniqueFd directory) : pid_(pid), directory_(std::move(directory)) {}

  int pid_;
  UniqueFd directory_;
};

// The first `max_bytes` of the file at `path`; nullopt when it cannot be read.
std::optional<std::string> ReadStart(const std::string& path, std::size_t max_bytes);
// Where the link at `path` points to, as text; nullopt when it cannot be read.
std::optional<std::string> ReadLink(const std::string& path);

// One controller hierarchy of /proc/<pid>/cgroup.
struct CgroupLine {
  std::string_view hierarchy;    // "0" is version 2
  std::string_view controllers;  // "cpu,cpuacct"; empty in version 2
  std::string_view path;         // "/docker/…"
};
std::vector<CgroupLine> ParseCgroups(std::string_view text);
// `path` up to the end of the component that holds the whole id of the container; empty: none does.
std::string_view PathOfContainer(std::string_view path, std::string_view id);

// Text of strangers: at most `max_bytes` of it, valid UTF-8, control characters as \x1b.
std::string Shown(std::string_view text, std::size_t max_bytes);
// Takes the text before the first `end` off `text`, without `end`; all of it when there is none.
std::string_view TakeUntil(std::string_view& text, char end);
// The fields of a line, separated by any number of spaces and tabs.
std::vector<std::string_view> Fields(std::string_view line);
// All of `text` as a number that is not negative; nullopt for anything else.
std::optional<std::uint64_t> Number(std::string_view text, int base = 10);

}  // namespace casemate::container
