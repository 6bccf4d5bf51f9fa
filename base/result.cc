#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace casemate {
namespace {

ErrorCode CodeOf(int err) {
  switch (err) {
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ErrorCode::kResourceExhausted;
    default:
      return ErrorCode::kInternal;
  }
}

}  // namespace

Error ErrnoError(std::string what, int err) {
  const char* name = strerrorname_np(err);
  what += std::string(": ") + strerrordesc_np(err);
  if (name != nullptr) {
    what += std::string(" (") + name + ")";
  }
  return Error{CodeOf(err), std::move(what), {}, {}, err};
}

std::string Describe(const Error& error) {
  std::string text = error.field.empty() ? error.message : error.field + ": " + error.message;
  if (!error.remedy.empty()) {
    text += " (" + error.remedy + ")";
  }
  return text;
}

}  // namespace casemate
