#include "policies/source/git_commit.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "base/file.h"

namespace casemate::policies {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxRefBytes = 4096;
constexpr std::size_t kMaxPackedBytes = std::size_t{16} << 20;

std::string FirstLine(const std::string& path) {
  const auto text = ReadFile(path, kMaxRefBytes);
  return text ? text->substr(0, text->find('\n')) : std::string();
}

bool IsHash(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// The repository's directory: `.git` itself, or what the file `.git` of a worktree names.
std::optional<fs::path> GitDirectory(const std::string& file) {
  std::error_code failure;
  for (fs::path at = fs::path(file).parent_path(); !at.empty(); at = at.parent_path()) {
    fs::path dot_git = at / ".git";
    if (fs::is_directory(dot_git, failure)) {
      return dot_git;
    }
    if (fs::is_regular_file(dot_git, failure)) {
      const std::string line = FirstLine(dot_git.string());
      constexpr std::string_view kPointer = "gitdir: ";
      return line.starts_with(kPointer) ? std::optional(at / line.substr(kPointer.size()))
                                        : std::nullopt;
    }
    if (at == at.root_path()) {
      break;
    }
  }
  return std::nullopt;
}

std::string FromPacked(const fs::path& directory, const std::string& ref) {
  const auto packed = ReadFile((directory / "packed-refs").string(), kMaxPackedBytes);
  const std::size_t at = packed ? packed->find(" " + ref + "\n") : std::string::npos;
  if (at == std::string::npos) {
    return {};
  }
  const std::size_t line = packed->rfind('\n', at);
  const std::size_t from = line == std::string::npos ? 0 : line + 1;
  return packed->substr(from, at - from);
}

}  // namespace

std::string CommitOf(const std::string& file) {
  const auto directory = GitDirectory(file);
  if (!directory) {
    return {};
  }
  const std::string head = FirstLine((*directory / "HEAD").string());
  constexpr std::string_view kRef = "ref: ";
  if (!head.starts_with(kRef)) {
    return IsHash(head) ? head : std::string();
  }
  const std::string ref = head.substr(kRef.size());
  const std::string common = FirstLine((*directory / "commondir").string());
  for (const fs::path& place : {*directory, *directory / common}) {
    for (std::string found : {FirstLine((place / ref).string()), FromPacked(place, ref)}) {
      if (IsHash(found)) {
        return found;
      }
    }
  }
  return {};
}

}  // namespace casemate::policies
