#include "sandbox/container/build/context_error.h"

#include <cerrno>

#include "base/text.h"

namespace casemate::container {

namespace {

constexpr std::size_t kShownPathBytes = 200;

}  // namespace

std::string ShownPath(std::string_view path) {
  const bool cut = path.size() > kShownPathBytes;
  const std::string_view end = path.substr(cut ? path.size() - kShownPathBytes : 0);
  return (cut ? "\"…" : "\"") + EscapeControls(ToValidUtf8(end), false) + '"';
}

Error ContextError(std::string_view what, std::string_view path, int err) {
  const bool denied = err == EACCES || err == EPERM;
  const bool changed = err == ENOENT || err == ENOTDIR || err == ELOOP || err == EXDEV;
  Error error = ErrnoError(std::string(what) + ' ' + ShownPath(path), err);
  error.code = denied    ? ErrorCode::kPermissionDenied
               : changed ? ErrorCode::kInvalidArgument
                         : ErrorCode::kInternal;
  error.field = "context";
  error.remedy = denied    ? "make it readable, or exclude it in .dockerignore"
                 : changed ? "it changed while it was read: build again when nothing writes to it"
                           : "exclude it in .dockerignore, or mend the file system";
  return error;
}

}  // namespace casemate::container
