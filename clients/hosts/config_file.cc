#include "clients/hosts/config_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <span>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"

namespace casemate::hosts {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPrivateFile = 0600;
constexpr mode_t kPrivateDirectory = 0700;
constexpr mode_t kSharedFile = 0644;
constexpr mode_t kSharedDirectory = 0755;
constexpr mode_t kPermissions = 07777;

Error AtPath(const std::string& path, std::string message, std::string remedy = {}) {
  return Error{ErrorCode::kInvalidArgument, std::move(message), path, std::move(remedy), 0};
}

// Gives what root made to whom it belongs; nobody else can, or needs to.
bool GiveTo(int fd, uid_t user, gid_t group) {
  struct stat info{};
  return fstat(fd, &info) == 0 &&
         ((info.st_uid == user && info.st_gid == group) || fchown(fd, user, group) == 0);
}

Result<UniqueFd> OpenDirectory(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoError("cannot open the directory " + path, errno);
  }
  return fd;
}

// Makes the directory and its missing parents; each belongs to who has the one above.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the path
Result<UniqueFd> MakeDirectories(const fs::path& path, mode_t mode) {
  UniqueFd existing(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (existing.valid() || errno != ENOENT || path == path.root_path()) {
    return existing.valid() ? Result<UniqueFd>(std::move(existing)) : OpenDirectory(path.string());
  }
  auto parent = MakeDirectories(path.parent_path(), mode);
  if (!parent) {
    return parent;
  }
  const std::string name = path.filename().string();
  if (mkdirat(parent->get(), name.c_str(), mode) != 0 && errno != EEXIST) {
    return ErrnoError("cannot make the directory " + path.string(), errno);
  }
  UniqueFd made(
      openat(parent->get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  struct stat above{};
  if (!made.valid() || fstat(parent->get(), &above) != 0 ||
      (geteuid() == 0 && !GiveTo(made.get(), above.st_uid, above.st_gid))) {
    return ErrnoError("cannot make the directory " + path.string(), errno);
  }
  return made;
}

std::string RandomName(const std::string& name) {
  std::array<std::uint8_t, 8> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return "." + name + ".casemate-" + std::to_string(getpid());
  }
  return "." + name + ".casemate-" + ToHex(std::span<const std::uint8_t>(bytes));
}

// A file in a directory that is removed again unless it is kept.
class NewFile {
 public:
  NewFile(int directory, std::string name) : directory_(directory), name_(std::move(name)) {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (fd_.valid() && !kept_) {
      unlinkat(directory_, name_.c_str(), 0);
    }
  }

  // errno says what failed.
  bool Write(std::string_view content, mode_t mode, uid_t user, gid_t group) {
    fd_.Reset(openat(directory_, name_.c_str(),
                     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kPrivateFile));
    if (!fd_.valid()) {
      return false;
    }
    if (auto written = WriteAll(fd_.get(), content); !written) {
      errno = written.error().sys_errno;
      return false;
    }
    return GiveTo(fd_.get(), user, group) && fchmod(fd_.get(), mode) == 0 && fsync(fd_.get()) == 0;
  }
  void Keep() { kept_ = true; }
  [[nodiscard]] const char* name() const { return name_.c_str(); }

 private:
  int directory_;
  std::string name_;
  UniqueFd fd_;
  bool kept_ = false;
};

Result<void> CheckUnchanged(int directory, const std::string& name, const ConfigFile& file) {
  struct stat now{};
  const bool exists = fstatat(directory, name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0;
  const bool is_same =
      exists == file.content.has_value() &&
      (!exists ||
       (now.st_ino == file.info.st_ino && now.st_dev == file.info.st_dev &&
        now.st_size == file.info.st_size && now.st_mtim.tv_sec == file.info.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == file.info.st_mtim.tv_nsec));
  if (!is_same) {
    return Error{ErrorCode::kUnavailable, "somebody else changed it meanwhile; nothing was written",
                 file.path, "quit the host and run the command again", 0};
  }
  return {};
}

Error CannotWrite(const std::string& path, int err) {
  Error error = ErrnoError("cannot write " + path, err);
  if (err == EPERM || err == EACCES || err == EROFS) {
    error.remedy = "run this as the owner of the file, who may write to its directory";
  }
  return error;
}

std::string Now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  std::array<char, 32> text{};
  if (gmtime_r(&now, &utc) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &utc) == 0) {
    return std::to_string(now);
  }
  return text.data();
}

// Root must not be led by a user's link to a file of somebody else's.
Result<std::string> FollowLink(const std::string& path, const struct stat& link) {
  std::error_code failed;
  std::string target = fs::canonical(path, failed).string();
  struct stat info{};
  if (failed || stat(target.c_str(), &info) != 0) {
    return AtPath(path, "expected a file or a link to one, got a link that leads nowhere (" +
                            (failed ? failed.message() : std::string("gone")) + ")");
  }
  if (geteuid() == 0 && link.st_uid != 0 && link.st_uid != info.st_uid) {
    return AtPath(
        path, "expected a link to a file of its owner's, got one to somebody else's: " + target);
  }
  return target;
}

}  // namespace

Result<ConfigFile> ReadConfig(const std::string& path) {
  ConfigFile file{.path = path, .is_link = false, .content = {}, .info = {}};
  if (lstat(path.c_str(), &file.info) != 0) {
    return errno == ENOENT ? Result<ConfigFile>(std::move(file))
                           : ErrnoError("cannot examine " + path, errno);
  }
  if (S_ISLNK(file.info.st_mode)) {
    auto target = FollowLink(path, file.info);
    if (!target) {
      return std::move(target).error();
    }
    file.path = *std::move(target);
    file.is_link = true;
    if (lstat(file.path.c_str(), &file.info) != 0) {
      return ErrnoError("cannot examine " + file.path, errno);
    }
  }
  auto content = ReadFile(file.path, kMaxConfigBytes);
  if (!content) {
    return std::move(content).error();
  }
  file.content = *std::move(content);
  return file;
}

Result<void> WriteConfig(const ConfigFile& file, std::string_view content, bool is_private) {
  const fs::path path = file.path;
  auto directory =
      MakeDirectories(path.parent_path(), is_private ? kPrivateDirectory : kSharedDirectory);
  if (!directory) {
    return std::move(directory).error();
  }
  struct stat owner = file.info;
  mode_t mode = file.info.st_mode & kPermissions;
  if (!file.content) {
    mode = is_private ? kPrivateFile : kSharedFile;
    if (fstat(directory->get(), &owner) != 0) {
      return CannotWrite(file.path, errno);
    }
    if (geteuid() != 0) {
      owner.st_uid = geteuid();
      owner.st_gid = getegid();
    }
  }
  const std::string name = path.filename().string();
  NewFile made(directory->get(), RandomName(name));
  if (!made.Write(content, mode, owner.st_uid, owner.st_gid)) {
    return CannotWrite(file.path, errno);
  }
  if (auto unchanged = CheckUnchanged(directory->get(), name, file); !unchanged) {
    return unchanged;
  }
  if (renameat(directory->get(), made.name(), directory->get(), name.c_str()) != 0) {
    return CannotWrite(file.path, errno);
  }
  made.Keep();
  if (fsync(directory->get()) != 0) {
    return CannotWrite(file.path, errno);
  }
  return {};
}

Result<void> DeleteConfig(const ConfigFile& file) {
  const fs::path path = file.path;
  auto directory = OpenDirectory(path.parent_path().string());
  if (!directory) {
    return std::move(directory).error();
  }
  const std::string name = path.filename().string();
  if (auto unchanged = CheckUnchanged(directory->get(), name, file); !unchanged) {
    return unchanged;
  }
  if (unlinkat(directory->get(), name.c_str(), 0) != 0) {
    return CannotWrite(file.path, errno);
  }
  return {};
}

Result<std::string> BackUp(const ConfigFile& file) {
  constexpr int kAttempts = 100;
  const fs::path path = file.path;
  auto directory = OpenDirectory(path.parent_path().string());
  if (!directory) {
    return std::move(directory).error();
  }
  const std::string stem = path.filename().string() + ".casemate-backup-" + Now();
  for (int i = 1; i <= kAttempts; ++i) {
    const std::string name = i == 1 ? stem : stem + "-" + std::to_string(i);
    NewFile copy(directory->get(), name);
    if (copy.Write(file.content.value_or(""), file.info.st_mode & kPermissions, file.info.st_uid,
                   file.info.st_gid)) {
      copy.Keep();
      return (path.parent_path() / name).string();
    }
    if (errno != EEXIST) {
      return CannotWrite((path.parent_path() / name).string(), errno);
    }
  }
  return CannotWrite((path.parent_path() / stem).string(), EEXIST);
}

}  // namespace casemate::hosts
