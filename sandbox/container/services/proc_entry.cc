#include "sandbox/container/services/proc_entry.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "base/text.h"

namespace casemate::container {
namespace {

constexpr std::size_t kShortestId = 12;  // what is shorter may be part of any word

std::optional<std::string> ReadAt(int directory, const char* name, std::size_t max_bytes) {
  // O_NONBLOCK: a FIFO at this path must not hang us.
  const UniqueFd fd(openat(directory, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) {
    return std::nullopt;
  }
  std::string text;
  while (text.size() < max_bytes) {
    constexpr std::size_t kChunk = 16384;
    const std::size_t old_size = text.size();
    text.resize(old_size + std::min(kChunk, max_bytes - old_size));
    const ssize_t got = read(fd.get(), text.data() + old_size, text.size() - old_size);
    const int err = errno;
    text.resize(old_size + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0 && err != EINTR) {
      return std::nullopt;  // ESRCH: the process has ended
    }
    if (got == 0) {
      break;
    }
  }
  return text;
}

std::optional<std::string> LinkAt(int directory, const char* name) {
  std::array<char, 256> target{};  // longer ones are paths, which nobody asks for here
  const ssize_t length = readlinkat(directory, name, target.data(), target.size());
  if (length < 0) {
    return std::nullopt;
  }
  return std::string(target.data(), static_cast<std::size_t>(length));
}

}  // namespace

std::optional<ProcEntry> ProcEntry::Open(const std::string& proc, int pid) {
  const std::string path = proc + "/" + std::to_string(pid);
  UniqueFd directory(open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (pid <= 0 || !directory.valid()) {
    return std::nullopt;
  }
  return ProcEntry(pid, std::move(directory));
}

std::optional<std::string> ProcEntry::Read(const char* name, std::size_t max_bytes) const {
  return ReadAt(directory_.get(), name, max_bytes);
}

std::optional<std::string> ProcEntry::Link(const char* name) const {
  return LinkAt(directory_.get(), name);
}

std::optional<std::vector<std::uint64_t>> ProcEntry::Sockets(std::size_t& files_left) const {
  UniqueFd fd(openat(directory_.get(), "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    return std::nullopt;
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> names(fdopendir(fd.get()), closedir);
  if (names == nullptr) {
    return std::nullopt;
  }
  const int directory = fd.Release();  // `names` closes it
  std::vector<std::uint64_t> inodes;
  for (; files_left > 0; --files_left) {
    const dirent* entry = readdir(names.get());  // NOLINT(concurrency-mt-unsafe): our own stream
    if (entry == nullptr) {
      break;
    }
    constexpr std::string_view kSocket = "socket:[";
    const std::optional<std::string> target = LinkAt(directory, entry->d_name);
    if (target && target->starts_with(kSocket) && target->ends_with(']')) {
      const std::string_view digits =
          std::string_view(*target).substr(kSocket.size(), target->size() - kSocket.size() - 1);
      if (const auto inode = Number(digits)) {
        inodes.push_back(*inode);
      }
    }
  }
  return inodes;
}

std::optional<std::string> ReadStart(const std::string& path, std::size_t max_bytes) {
  return ReadAt(AT_FDCWD, path.c_str(), max_bytes);
}

std::optional<std::string> ReadLink(const std::string& path) {
  return LinkAt(AT_FDCWD, path.c_str());
}

std::vector<CgroupLine> ParseCgroups(std::string_view text) {
  std::vector<CgroupLine> lines;
  while (!text.empty()) {
    std::string_view line = TakeUntil(text, '\n');
    CgroupLine parsed;
    parsed.hierarchy = TakeUntil(line, ':');
    parsed.controllers = TakeUntil(line, ':');
    parsed.path = line;
    if (parsed.path.starts_with('/')) {
      lines.push_back(parsed);
    }
  }
  return lines;
}

std::string_view PathOfContainer(std::string_view path, std::string_view id) {
  const std::size_t at = id.size() < kShortestId ? std::string_view::npos : path.find(id);
  return at == std::string_view::npos ? std::string_view() : path.substr(0, path.find('/', at));
}

std::string Shown(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) {
    return EscapeControls(ToValidUtf8(text), false);
  }
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) {
    --end;  // not in the middle of a character
  }
  return EscapeControls(ToValidUtf8(text.substr(0, end)), false) + "…";
}

std::string_view TakeUntil(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

std::vector<std::string_view> Fields(std::string_view line) {
  constexpr std::string_view kBlank = " \t";
  std::vector<std::string_view> fields;
  for (std::size_t at = line.find_first_not_of(kBlank); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(kBlank, at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlank, end);
  }
  return fields;
}

std::optional<std::uint64_t> Number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (problem != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace casemate::container
