#include "mcp/service_user.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/log.h"

namespace casemate {
namespace {

constexpr std::size_t kPasswdBytes = 16384;
constexpr uid_t kNoId = static_cast<uid_t>(-1);

Error UserError(const std::string& message, std::string remedy) {
  return {ErrorCode::kInvalidArgument, message, "user", std::move(remedy), 0};
}

// What lies in a directory of root's that was ours before. A file with a second name is left alone:
// that could be one of the system's.
Result<void> GiveAway(const std::string& path, uid_t uid, gid_t gid) {
  const UniqueFd file(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info{};
  if (!file.valid() || fstat(file.get(), &info) != 0) {
    return ErrnoError("cannot examine " + path, errno);
  }
  const bool is_ours = S_ISDIR(info.st_mode) || (S_ISREG(info.st_mode) && info.st_nlink == 1);
  if (is_ours && info.st_uid == 0 && fchownat(file.get(), "", uid, gid, AT_EMPTY_PATH) != 0) {
    return ErrnoError("cannot give " + path + " to user " + std::to_string(uid), errno);
  }
  return {};
}

// The directory itself comes last: until then nobody but root may change anything in it.
Result<void> GiveAll(const std::string& directory, uid_t uid, gid_t gid) {
  std::error_code error;
  namespace fs = std::filesystem;
  for (fs::recursive_directory_iterator each(directory, error), end; !error && each != end;
       each.increment(error)) {
    if (auto given = GiveAway(each->path().string(), uid, gid); !given) {
      return given;
    }
  }
  if (error) {
    return ErrnoError("cannot list the state directory", error.value());
  }
  return GiveAway(directory, uid, gid);
}

}  // namespace

Result<ServiceUser> ServiceUser::Choose(const std::string& configured) {
  ServiceUser user;
  user.is_root_ = geteuid() == 0;
  if (!user.is_root_) {
    return user;  // `user` is for root alone to use; others work as who they are
  }
  // No thread, and no program that one executes, gets back what is given up.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return ErrnoError("cannot renounce new privileges", errno);
  }
  if (configured.empty()) {
    return user;
  }
  uid_t number = 0;
  const char* end = configured.data() + configured.size();
  const auto read = std::from_chars(configured.data(), end, number);
  const bool is_number = read.ec == std::errc() && read.ptr == end;
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, kPasswdBytes> buffer{};
  const int error =
      is_number ? getpwuid_r(number, &entry, buffer.data(), buffer.size(), &found)
                : getpwnam_r(configured.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) {
    user.configured_ = Ids{entry.pw_uid, entry.pw_gid};
  } else if (is_number && number != kNoId) {
    user.configured_ = Ids{number, number};
  } else {
    return UserError("expected a user of this machine, got `" + configured + "`" +
                         (error == 0 ? "" : ": " + ErrnoError("", error).message),
                     "make the user, for example with `useradd --system casemate`, or give a "
                     "number");
  }
  if (user.configured_->uid == 0) {
    return UserError("expected a user other than root", "leave `user` out, or name another");
  }
  return user;
}

Result<ServiceUser::Ids> ServiceUser::ChooseBy(uid_t owner, gid_t group) const {
  if (owner == 0) {
    return configured_.value_or(Ids{kUnusedId, kUnusedId});
  }
  if (configured_.has_value() && configured_->uid != owner) {
    return UserError("the state directory belongs to user " + std::to_string(owner) +
                         ", and `user` is " + std::to_string(configured_->uid),
                     "give the directory to that user (chown -R), or leave `user` out");
  }
  return configured_.value_or(Ids{owner, group});
}

Result<std::string> ServiceUser::Assume(const std::string& state_dir) {
  if (!is_root_) {
    return state_dir;
  }
  state_.Reset(open(state_dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat info{};
  if (!state_.valid() || fstat(state_.get(), &info) != 0) {
    return ErrnoError("cannot open the state directory " + state_dir, errno);
  }
  const auto ids = ChooseBy(info.st_uid, info.st_gid);
  if (!ids) {
    return ids.error();
  }
  if (setegid(ids->gid) != 0) {
    // A user namespace that knows no other ids, whose root is somebody without rights outside; or a
    // container whose root was left without capabilities.
    if ((errno != EINVAL && errno != EPERM) || configured_.has_value()) {
      return ErrnoError("cannot take the group " + std::to_string(ids->gid), errno);
    }
    Log(LogLevel::kInfo, errno == EINVAL
                             ? "this namespace knows no other user: the server works as its root"
                             : "root without CAP_SETGID: the server works as root");
    return state_dir;
  }
  ids_ = *ids;
  std::string path = "/proc/self/fd/" + std::to_string(state_.get());
  if (info.st_uid == 0) {
    if (auto given = GiveAll(path + "/.", ids->uid, ids->gid); !given) {
      return std::move(given).error();
    }
  }
  if (seteuid(ids->uid) != 0) {
    return ErrnoError("cannot take the user " + std::to_string(ids->uid), errno);
  }
  return path;
}

Result<void> ServiceUser::AsRoot(const std::function<Result<void>()>& work) const {
  if (!ids_.has_value()) {
    return work();
  }
  if (seteuid(0) != 0 || setegid(0) != 0) {
    return ErrnoError("cannot take root's rights once more", errno);
  }
  auto done = work();
  if (setegid(ids_->gid) != 0 || seteuid(ids_->uid) != 0) {
    return ErrnoError("cannot give root's rights up again", errno);
  }
  return done;
}

Result<void> ServiceUser::Become() {
  if (!ids_.has_value()) {
    return {};
  }
  if (seteuid(0) != 0 || setgroups(groups_.size(), groups_.data()) != 0 ||
      setresgid(ids_->gid, ids_->gid, ids_->gid) != 0 ||
      setresuid(ids_->uid, ids_->uid, ids_->uid) != 0) {
    return ErrnoError("cannot become user " + std::to_string(ids_->uid), errno);
  }
  // The kernel took the capabilities away with the last id. Believed only when seen.
  if (setuid(0) == 0 || getuid() != ids_->uid || geteuid() != ids_->uid) {
    return Error{ErrorCode::kInternal, "root's rights could not be given up", "user", {}, 0};
  }
  return {};
}

}  // namespace casemate
