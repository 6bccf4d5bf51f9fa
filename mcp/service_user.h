// ServiceUser: under whom a server works that root has started. Its launcher keeps root's rights;
// the server itself, which reads what agents send, gives them up. Does nothing for other users.
//
// The order: Choose, before any thread; Assume, for files that are made from then on; the launcher
// is started, which takes root's rights up again; what else needs them (AsRoot); Become.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate {

class ServiceUser {
 public:
  // `configured` is a user's name or number; empty: the owner of the state directory if that is not
  // root, else kUnusedId. Errors: kInvalidArgument for "user".
  static Result<ServiceUser> Choose(const std::string& configured);

  // Takes over `state_dir`, which exists, with all in it if it is root's, and works under the
  // user's effective ids from then on. Returns the path by which this process now reaches the
  // directory, whoever may enter those above it. Errors: kInvalidArgument for "user" when the
  // directory belongs to a third user; kPermissionDenied when the ids cannot be had.
  Result<std::string> Assume(const std::string& state_dir);
  // With root's effective ids, once more. Only between Assume and Become.
  Result<void> AsRoot(const std::function<Result<void>()>& work) const;
  // Before Become: stays in this group, too. For the socket of a container engine.
  void AlsoIn(gid_t group) { groups_.push_back(group); }
  // For good: no way leads back to root.
  Result<void> Become();

  // Whom systemd's table of ids (UIDS-GIDS) leaves unused, and a container with 65536 ids has.
  static constexpr uid_t kUnusedId = 65533;

 private:
  struct Ids {
    uid_t uid;
    gid_t gid;
  };
  [[nodiscard]] Result<Ids> ChooseBy(uid_t owner, gid_t group) const;

  bool is_root_ = false;
  std::optional<Ids> configured_;
  std::optional<Ids> ids_;     // none: nobody else to be
  std::vector<gid_t> groups_;  // besides its own
  UniqueFd state_;
};

}  // namespace casemate
