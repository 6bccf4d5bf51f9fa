#include "tools/package/sources.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/beneath.h"
#include "base/text.h"
#include "sandbox/container/build/dockerignore.h"

namespace casemate::package {
namespace {

constexpr std::size_t kReadBytes = std::size_t{128} << 10;
constexpr std::size_t kSkippedTold = 20;
constexpr unsigned kMostThreads = 8;
constexpr const char* kIgnoreFile = ".dockerignore";

std::string Joined(const std::string& directory, std::string_view name) {
  return directory.empty() ? std::string(name) : directory + "/" + std::string(name);
}

Error ReadError(const std::string& path, int err) {
  Error error = ErrnoError("cannot read " + Quoted(path.empty() ? "." : path), err);
  error.field = path;
  return error;
}

Error TooMany(const std::string& what, const std::string& where) {
  return Error{ErrorCode::kResourceExhausted, "expected " + what + " at most", where,
               "keep what does not belong to the sources out by a .dockerignore", 0};
}

Error Cancelled() {
  return Error{ErrorCode::kCancelled, "the call was cancelled", {}, {}, 0};
}

// All of a small file; one that is not there is empty.
Result<std::string> ReadRules(int root) {
  const UniqueFd file =
      OpenBeneath(root, kIgnoreFile, O_RDONLY | O_NONBLOCK | O_CLOEXEC, InnerLinks::kFollow);
  if (!file.valid()) {
    return errno == ENOENT ? Result<std::string>(std::string()) : ReadError(kIgnoreFile, errno);
  }
  std::string text(container::kMaxIgnoreFileBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno != EINTR) {
      return ReadError(kIgnoreFile, errno);
    }
    if (got == 0) {
      break;
    }
    size += got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  text.resize(size);
  return text;
}

}  // namespace

class SourceWalk {
 public:
  SourceWalk(const SourceOptions& options, const std::stop_token& stop)
      : options_(options), stop_(stop) {}

  Result<Sources> Run(int directory) {
    UniqueFd root(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root.valid()) {
      return ReadError(".", errno);
    }
    made_.root_ = std::make_shared<const UniqueFd>(std::move(root));
    if (options_.ignores) {
      auto text = ReadRules(Root());
      if (!text) {
        return text.error();
      }
      auto rules = container::IgnoreRules::Parse(*text);
      if (!rules) {
        return rules.error();
      }
      rules_ = *std::move(rules);
    }
    if (auto begun = Begin(); !begun) {
      return begun.error();
    }
    if (auto read = ReadAll(); !read) {
      return read.error();
    }
    Finish();
    return std::move(made_);
  }

 private:
  // Files that lie directly in one directory.
  struct Group {
    std::string directory;
    std::vector<std::string> names;
    std::vector<SourceFile> files;
  };
  struct Place {
    std::string path;
    container::IgnoreMatches matches;
    int depth = 0;
  };

  [[nodiscard]] int Root() const { return made_.root_->get(); }

  [[nodiscard]] bool IsLeftOut(const std::string& path) const {
    return std::ranges::find(options_.left_out, path) != options_.left_out.end();
  }

  // `below` may be a file.
  Result<void> Begin() {
    Place place;
    const std::string& below = options_.below;
    if (below.empty()) {
      return Walk(place);
    }
    const UniqueFd found =
        OpenBeneath(Root(), below, O_PATH | O_NOFOLLOW | O_CLOEXEC, InnerLinks::kRefuse);
    struct stat info{};
    if (!found.valid() || fstat(found.get(), &info) != 0) {
      Error error = ReadError(below, errno);
      error.code = errno == ENOENT ? ErrorCode::kNotFound : error.code;
      return error;
    }
    // Rules for what lies around it hold for it, too.
    for (std::size_t slash = below.find('/'); options_.ignores && slash != std::string::npos;
         slash = below.find('/', slash + 1)) {
      container::IgnoreMatches own;
      static_cast<void>(rules_.Excludes(below.substr(0, slash), place.matches, own));
      place.matches = std::move(own);
    }
    const std::size_t slash = below.rfind('/');
    const std::string parent = slash == std::string::npos ? "" : below.substr(0, slash);
    if (!S_ISDIR(info.st_mode)) {
      groups_.push_back({parent, {below.substr(slash == std::string::npos ? 0 : slash + 1)}, {}});
      return {};
    }
    container::IgnoreMatches own;
    if (options_.ignores) {
      static_cast<void>(rules_.Excludes(below, place.matches, own));
    }
    place.path = below;
    place.matches = std::move(own);
    return Walk(place);
  }

  // NOLINTNEXTLINE(misc-no-recursion): max_depth bounds it
  Result<void> Walk(const Place& place) {
    if (stop_.stop_requested()) {
      return Cancelled();
    }
    if (place.depth > options_.max_depth) {
      return TooMany(std::to_string(options_.max_depth) + " directories in each other", place.path);
    }
    UniqueFd fd = OpenBeneath(Root(), place.path.empty() ? "." : place.path,
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, InnerLinks::kRefuse);
    DIR* stream = fd.valid() ? fdopendir(fd.get()) : nullptr;
    if (stream == nullptr) {
      return ReadError(place.path, errno);
    }
    (void)fd.Release();  // the stream's now
    Group group{place.path, {}, {}};
    std::vector<Place> inner;
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) {  // NOLINT(concurrency-mt-unsafe): ours alone
      Visit(place, stream, *entry, group, inner);
      errno = 0;
    }
    const int err = errno;
    closedir(stream);
    if (err != 0) {
      return ReadError(place.path, err);
    }
    count_ += group.names.size();
    if (count_ > options_.max_files) {
      return TooMany(std::to_string(options_.max_files) + " files", "");
    }
    if (!group.names.empty()) {
      groups_.push_back(std::move(group));
    }
    for (const Place& each : inner) {
      if (auto walked = Walk(each); !walked) {
        return walked;
      }
    }
    return {};
  }

  void Visit(const Place& place, DIR* stream, const dirent& entry, Group& group,
             std::vector<Place>& inner) {
    const std::string_view name = entry.d_name;
    if (name == "." || name == ".." || (options_.ignores && name == ".git")) {
      return;
    }
    std::string path = Joined(place.path, name);
    unsigned char type = entry.d_type;
    struct stat info{};
    if (type == DT_UNKNOWN &&
        fstatat(dirfd(stream), entry.d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
      type = IFTODT(info.st_mode);
    }
    container::IgnoreMatches own;
    const bool excluded = options_.ignores && rules_.Excludes(path, place.matches, own);
    if (IsLeftOut(path)) {
      return;
    }
    if (type == DT_DIR) {
      if (!excluded || rules_.MayReincludeBelow(path)) {
        inner.push_back({std::move(path), std::move(own), place.depth + 1});
      }
    } else if (type != DT_REG && type != DT_LNK) {
      if (made_.skipped_.size() < kSkippedTold && !excluded) {
        made_.skipped_.push_back(std::move(path));
      }
    } else if (!excluded) {
      group.names.emplace_back(name);
    }
  }

  // Directories are shared out among threads.
  Result<void> ReadAll() {
    const unsigned wanted =
        options_.threads != 0 ? options_.threads : std::thread::hardware_concurrency();
    const std::size_t count = std::clamp<std::size_t>(wanted, 1, kMostThreads);
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < std::min(count, groups_.size()); ++i) {
        others.emplace_back([this] { ReadSome(); });
      }
      ReadSome();
    }
    return error_ ? Result<void>(*error_) : Result<void>();
  }

  void ReadSome() {
    std::string buffer(kReadBytes, '\0');
    while (!failed_) {
      const std::size_t mine = next_++;
      if (mine >= groups_.size()) {
        return;
      }
      if (auto read = ReadGroup(groups_[mine], buffer); !read) {
        const std::scoped_lock lock(mutex_);
        error_ = error_ ? error_ : read.error();
        failed_ = true;
      }
    }
  }

  Result<void> ReadGroup(Group& group, std::string& buffer) {
    const UniqueFd directory = OpenBeneath(Root(), group.directory.empty() ? "." : group.directory,
                                           O_PATH | O_DIRECTORY | O_CLOEXEC, InnerLinks::kRefuse);
    if (!directory.valid()) {
      return ReadError(group.directory, errno);
    }
    for (const std::string& name : group.names) {
      SourceFile file;
      file.path = Joined(group.directory, name);
      if (auto read = ReadOne(directory.get(), name, file, buffer); !read) {
        return read;
      }
      group.files.push_back(std::move(file));
      if (stop_.stop_requested()) {
        return Cancelled();
      }
    }
    return {};
  }

  Result<void> ReadOne(int directory, const std::string& name, SourceFile& file,
                       std::string& buffer) {
    const UniqueFd fd(
        openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd.valid()) {
      return errno == ELOOP ? ReadLink(directory, name, file) : ReadError(file.path, errno);
    }
    struct stat info{};
    if (fstat(fd.get(), &info) != 0) {
      return ReadError(file.path, errno);
    }
    if (!S_ISREG(info.st_mode)) {
      return InvalidArgument(file.path, Quoted(file.path) + " became something else meanwhile");
    }
    file.is_executable = (info.st_mode & S_IXUSR) != 0;
    Sha256 hash;
    while (true) {
      const ssize_t got = read(fd.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        return ReadError(file.path, errno);
      }
      if (got == 0) {
        break;
      }
      hash.Update({buffer.data(), static_cast<std::size_t>(got)});
      file.size += got;
      if (total_.fetch_add(got) + got > options_.max_bytes) {
        return TooMany(std::to_string(options_.max_bytes >> 20) + " MiB", file.path);
      }
      if (stop_.stop_requested()) {
        return Cancelled();
      }
      if (file.size >= info.st_size && got < static_cast<ssize_t>(buffer.size())) {
        break;  // the end; a file that grows meanwhile is found when it is read again
      }
    }
    file.digest = hash.Finish();
    return {};
  }

  static Result<void> ReadLink(int directory, const std::string& name, SourceFile& file) {
    std::string target(PATH_MAX, '\0');
    const ssize_t size = readlinkat(directory, name.c_str(), target.data(), target.size());
    if (size <= 0) {
      return ReadError(file.path, errno);
    }
    target.resize(static_cast<std::size_t>(size));
    Sha256 hash;
    hash.Update(target);
    file.digest = hash.Finish();
    file.is_link = true;
    file.link_target = std::move(target);
    return {};
  }

  void Finish() {
    for (Group& group : groups_) {
      std::ranges::move(group.files, std::back_inserter(made_.files_));
    }
    std::ranges::sort(made_.files_, {}, &SourceFile::path);
    Sha256 hash;
    std::string line;
    for (const SourceFile& file : made_.files_) {
      line = file.is_link ? "L " : file.is_executable ? "X " : "F ";
      line += ToHex(file.digest) + " " + file.path;
      line += '\0';
      hash.Update(line);
    }
    made_.hash_ = hash.FinishHex();
    made_.bytes_ = total_;
    std::ranges::sort(made_.skipped_);
  }

  const SourceOptions& options_;
  const std::stop_token& stop_;
  container::IgnoreRules rules_;
  Sources made_;
  std::vector<Group> groups_;
  std::size_t count_ = 0;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::int64_t> total_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::optional<Error> error_;
};

Result<Sources> Sources::Scan(int directory, const SourceOptions& options,
                              const std::stop_token& stop) {
  return SourceWalk(options, stop).Run(directory);
}

std::span<const SourceFile> Sources::At(std::string_view path) const {
  if (path.empty()) {
    return files_;
  }
  const auto exact = std::ranges::lower_bound(files_, path, {}, &SourceFile::path);
  if (exact != files_.end() && exact->path == path) {
    return {&*exact, 1};
  }
  const std::string begin = std::string(path) + "/";
  const std::string end = std::string(path) + "0";  // the letter after the slash
  const auto first = std::ranges::lower_bound(files_, begin, {}, &SourceFile::path);
  const auto last = std::ranges::lower_bound(files_, end, {}, &SourceFile::path);
  return {first, last};
}

Result<UniqueFd> Sources::OpenFile(const std::string& path) const {
  UniqueFd file = OpenBeneath(root_->get(), path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                              InnerLinks::kRefuse);
  if (!file.valid()) {
    return ReadError(path, errno);
  }
  return file;
}

}  // namespace casemate::package
