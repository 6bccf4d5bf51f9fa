#include "sandbox/container/oci/directories.h"

namespace casemate::oci {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel's
constexpr std::size_t kMaxPathBytes = 64 << 10;

}  // namespace

std::optional<std::string> ResolvePath(std::string_view path, bool follow_last,
                                       const LinkAt& link_at) {
  std::string left(path);
  std::string done;
  int links = 0;
  std::size_t at = 0;  // in `left`
  while (at < left.size()) {
    const std::size_t slash = left.find('/', at);
    const bool is_last = left.find_first_not_of('/', slash) == std::string::npos;
    const std::string part = left.substr(at, slash == std::string::npos ? slash : slash - at);
    at = slash == std::string::npos ? left.size() : slash + 1;
    if (part.empty() || part == ".") {
      continue;
    }
    if (part == "..") {
      const std::size_t parent = done.rfind('/');
      done.resize(parent == std::string::npos ? 0 : parent);
      continue;
    }
    std::string next = done;
    next += done.empty() ? "" : "/";
    next += part;
    const std::string* target = is_last && !follow_last ? nullptr : link_at(next);
    if (target == nullptr) {
      done = std::move(next);
      continue;
    }
    std::string rest = *target + "/" + left.substr(at);
    if (++links > kMaxLinks || rest.size() > kMaxPathBytes) {
      return std::nullopt;
    }
    if (target->starts_with('/')) {
      done.clear();
    }
    left = std::move(rest);
    at = 0;
  }
  return done;
}

std::optional<std::string> ResolvePath(std::string_view path, bool follow_last,
                                       const Directories& directories) {
  return ResolvePath(path, follow_last, [&](const std::string& at) -> const std::string* {
    const auto found = directories.find(at);
    return found != directories.end() && found->second.is_link ? &found->second.target : nullptr;
  });
}

}  // namespace casemate::oci
