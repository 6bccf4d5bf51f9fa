#include "policies/identity/incarnation.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "base/file.h"
#include "base/hash.h"

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxIdBytes = 40;
// Bounds the descriptors one pass holds; the rest is claimed at the next start.
constexpr std::size_t kMaxClaims = 128;
constexpr int kMaxAttempts = 16;

std::string DirectoryOf(const std::string& state_dir) {
  return state_dir + "/incarnations";
}

std::string PathOf(const std::string& directory, const std::string& id) {
  std::string path = directory;
  path.append("/").append(id);
  return path;
}

// Also keeps an id such as "../x" from naming a file elsewhere.
bool IsValidId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxIdBytes && std::ranges::all_of(id, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
  });
}

// Whether `path` still names the file open as `fd`. Between open(2) and flock(2) its owner may have
// removed it; a lock on a file without a name proves nothing.
bool NamesSameFile(const std::string& path, int fd) {
  struct stat by_path = {};
  struct stat by_fd = {};
  return ::lstat(path.c_str(), &by_path) == 0 && ::fstat(fd, &by_fd) == 0 &&
         by_path.st_dev == by_fd.st_dev && by_path.st_ino == by_fd.st_ino;
}

int Lock(int fd, int operation) {
  int result = -1;
  do {
    result = ::flock(fd, operation);
  } while (result != 0 && errno == EINTR);
  return result;
}

// O_NOFOLLOW and O_NONBLOCK: a planted symlink or FIFO neither redirects nor blocks us.
UniqueFd OpenExisting(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  const int open_errno = errno;
  struct stat info = {};
  if (fd.valid() && (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))) {
    fd.Reset();
    errno = EINVAL;
    return fd;
  }
  errno = open_errno;
  return fd;
}

void RemoveAndRelease(const std::string& path, UniqueFd& lock) {
  if (!lock.valid()) {
    return;
  }
  // Remove while still locked: nobody else can come to hold this file in between.
  if (NamesSameFile(path, lock.get())) {
    ::unlink(path.c_str());
  }
  lock.Reset();
}

std::vector<std::string> ListIds(const std::string& directory) {
  std::vector<std::string> ids = ListNames(directory);
  std::erase_if(ids, [](const std::string& name) { return !IsValidId(name); });
  return ids;
}

}  // namespace

Result<Incarnation> Incarnation::Begin(const std::string& state_dir) {
  const std::string directory = DirectoryOf(state_dir);
  if (auto made = MakePrivateDirectories(directory); !made) {
    return made.error();
  }
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    std::string id = RandomHex(16);
    std::string path = PathOf(directory, id);
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                       S_IRUSR | S_IWUSR));
    if (!fd.valid() && errno == EEXIST) {
      continue;
    }
    if (!fd.valid()) {
      return ErrnoError("creating the incarnation lock " + path, errno);
    }
    // Another server may take our new, still unlocked file for a dead one's. Then it is theirs to
    // remove, and we start over under a new id.
    if (Lock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) {
        continue;
      }
      const int lock_errno = errno;
      ::unlink(path.c_str());
      return ErrnoError("locking the incarnation file " + path, lock_errno);
    }
    if (NamesSameFile(path, fd.get())) {
      return Incarnation(std::move(id), std::move(path), std::move(fd));
    }
  }
  return Error{ErrorCode::kUnavailable,
               "could not take an incarnation lock in " + directory + " after 16 attempts",
               "state_dir", "start the server again", 0};
}

Incarnation::~Incarnation() {
  RemoveAndRelease(path_, lock_);
}

void Incarnation::LeaveToReaper() {
  lock_.Reset();
}

void Incarnation::Dead::Forget() {
  RemoveAndRelease(path, lock);
}

std::vector<Incarnation::Dead> Incarnation::ClaimDead(const std::string& state_dir) {
  const std::string directory = DirectoryOf(state_dir);
  std::vector<Dead> claimed;
  for (std::string& id : ListIds(directory)) {
    if (claimed.size() >= kMaxClaims) {
      break;
    }
    std::string path = PathOf(directory, id);
    UniqueFd fd = OpenExisting(path);
    if (fd.valid() && Lock(fd.get(), LOCK_EX | LOCK_NB) == 0 && NamesSameFile(path, fd.get())) {
      claimed.push_back({std::move(id), std::move(path), std::move(fd)});
    }
  }
  return claimed;
}

bool Incarnation::IsAlive(const std::string& state_dir, const std::string& id) {
  if (!IsValidId(id)) {
    return false;
  }
  const std::string path = PathOf(DirectoryOf(state_dir), id);
  const UniqueFd fd = OpenExisting(path);
  if (!fd.valid()) {
    // When in doubt it lives: what may be in use is never reaped.
    return errno != ENOENT && errno != ENOTDIR;
  }
  // A shared lock, so that two servers that ask at once do not take each other for the owner.
  return Lock(fd.get(), LOCK_SH | LOCK_NB) != 0;
}

}  // namespace casemate::policies
