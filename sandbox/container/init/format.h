// What the writer of init.conf (init_config/init_config.h, where the format is described) and the
// program that reads it agree on: limits and the shapes of names. Constants and pure functions;
// usable without exceptions.
#pragma once

#include <cstddef>
#include <string_view>

namespace casemate::container::init {

inline constexpr char kFirstLine[] = "casemate-init 1";
inline constexpr std::size_t kMaxText = std::size_t{256} << 10;
inline constexpr int kMaxApps = 16;
// Arguments, variables and the ends of their lists, of all applications.
inline constexpr int kMaxStrings = 4096;
inline constexpr std::size_t kMaxName = 63;
inline constexpr std::size_t kMaxHttpPath = 1024;
inline constexpr int kMaxMs = 86'400'000;  // a day
inline constexpr int kMaxRetries = 100;
inline constexpr int kMaxSignal = 64;
inline constexpr int kMaxPort = 65535;
inline constexpr int kBackoffMs = 1000;  // before the first start after a failure

// Names go to terminals and logs: nothing in them needs to be made visible.
constexpr bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) {
    return false;
  }
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool is_inner = i > 0 && (c == '-' || c == '_' || c == '.');
    const bool is_plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_plain && !is_inner) {
      return false;
    }
  }
  return true;
}

// Visible ASCII without `excluded`.
constexpr bool IsVisible(std::string_view text, char excluded) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == excluded) {
      return false;
    }
  }
  return !text.empty();
}

constexpr bool IsVariableName(std::string_view name) {
  return IsVisible(name, '=');
}

// Nothing that ends a request line or a header (attack: a second request in the path).
constexpr bool IsHttpPath(std::string_view path) {
  return path.size() <= kMaxHttpPath && IsVisible(path, '#') && path.front() == '/';
}

}  // namespace casemate::container::init
