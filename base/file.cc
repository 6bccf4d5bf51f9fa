#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace casemate {
namespace {

constexpr mode_t kPrivateDirectory = 0700;

Result<void> MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), kPrivateDirectory) == 0) {
    return {};
  }
  const int err = errno;
  struct stat info{};
  if (err == EEXIST && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return {};
  }
  return ErrnoError("cannot make the directory " + path, err);
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, std::size_t max_bytes) {
  // O_NONBLOCK: a FIFO at this path must not hang us.
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) {
    return ErrnoError("cannot open " + path, errno);
  }
  struct stat info{};
  if (fstat(fd.get(), &info) != 0) {
    return ErrnoError("cannot examine " + path, errno);
  }
  if (!S_ISREG(info.st_mode)) {
    return Error{ErrorCode::kInvalidArgument, path + " is not a regular file", {}, {}, 0};
  }
  const Error too_large{
      ErrorCode::kResourceExhausted,
      path + " is larger than the limit of " + std::to_string(max_bytes) + " bytes",
      {},
      {},
      0};
  if (info.st_size > 0 && static_cast<std::size_t>(info.st_size) > max_bytes) {
    return too_large;
  }
  std::string content;
  constexpr std::size_t kChunk = 65536;
  while (true) {
    const std::size_t old_size = content.size();
    content.resize(old_size + kChunk);
    const ssize_t got = read(fd.get(), content.data() + old_size, kChunk);
    const int err = errno;
    content.resize(old_size + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got < 0 && err != EINTR) {
      return ErrnoError("cannot read " + path, err);
    }
    if (content.size() > max_bytes) {
      return too_large;
    }
    if (got == 0) {
      return content;
    }
  }
}

std::vector<std::string> ListNames(const std::string& directory) {
  std::vector<std::string> names;
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) {
    return names;
  }
  // readdir is safe here: the stream is ours alone.
  while (const dirent* entry = ::readdir(stream)) {  // NOLINT(concurrency-mt-unsafe)
    std::string name = entry->d_name;
    if (name != "." && name != "..") {
      names.push_back(std::move(name));
    }
  }
  ::closedir(stream);
  std::ranges::sort(names);
  return names;
}

Result<void> MakePrivateDirectories(const std::string& path) {
  if (path.empty()) {
    return InvalidArgument({}, "expected a directory path, got an empty string");
  }
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (auto made = MakeDirectory(path.substr(0, slash)); !made) {
      return made;
    }
  }
  return MakeDirectory(path);
}

Result<void> WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) {
      return ErrnoError("cannot write", errno);
    }
    bytes.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
  }
  return {};
}

}  // namespace casemate
