#include "tools/secret_signs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

namespace casemate::tools {

namespace {

constexpr std::size_t kLookedAtBytes = std::size_t{1} << 20;

// Whole words of a name, between underscores.
constexpr std::array<std::string_view, 11> kSecretWords = {
    "TOKEN",      "SECRET",      "PASSWORD", "PASSWD", "PASSPHRASE", "APIKEY",
    "CREDENTIAL", "CREDENTIALS", "PAT",      "PWD",    "KEY"};
// Names whose last word is one of these and that hold none.
constexpr std::array<std::string_view, 2> kHarmless = {"PWD", "OLDPWD"};

constexpr std::array<std::string_view, 14> kMarkers = {
    "PRIVATE KEY-----", "ghp_",    "gho_",     "ghs_", "github_pat_",
    "glpat-",           "xoxb-",   "xoxp-",    "AKIA", "AIzaSy",
    "sk_live_",         "sk-ant-", "sk-proj-", "npm_"};

constexpr std::array<const char*, 15> kSecretFiles = {
    ".env",    ".env.local",       ".env.production", ".npmrc",      ".pypirc",
    ".netrc",  ".git-credentials", "id_rsa",          "id_ed25519",  "id_ecdsa",
    ".pgpass", "credentials.json", "secrets.yaml",    "secrets.yml", "secrets.json"};

char Upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool IsTokenByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         c == '-';
}

// A marker that is followed by enough of a token: not the mere mention of one.
bool HasMarker(std::string_view text, std::string_view marker) {
  constexpr std::ptrdiff_t kTokenBytes = 12;
  for (std::size_t at = text.find(marker); at != std::string_view::npos;
       at = text.find(marker, at + 1)) {
    const std::string_view rest = text.substr(at + marker.size());
    const auto end = std::ranges::find_if_not(rest, IsTokenByte);
    if (marker.ends_with("-----") || end - rest.begin() >= kTokenBytes) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool IsSecretName(std::string_view name) {
  std::string upper(name);
  std::ranges::transform(upper, upper.begin(), Upper);
  if (std::ranges::find(kHarmless, upper) != kHarmless.end()) {
    return false;
  }
  std::string_view rest = upper;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('_'), rest.size());
    if (std::ranges::find(kSecretWords, rest.substr(0, end)) != kSecretWords.end()) {
      return true;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

bool HoldsSecret(std::string_view text) {
  const std::string_view head = text.substr(0, kLookedAtBytes);
  return std::ranges::any_of(kMarkers,
                             [&](std::string_view marker) { return HasMarker(head, marker); });
}

bool IsSecretFile(std::string_view name) {
  const std::string_view base = name.substr(name.rfind('/') + 1);  // npos + 1 is 0
  return std::ranges::find(kSecretFiles, base) != kSecretFiles.end();
}

std::int64_t CountSecretFiles(int directory) {
  return std::ranges::count_if(kSecretFiles, [&](const char* name) {
    return ::faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
  });
}

std::int64_t CountSecrets(const RunArgs& args) {
  std::int64_t count = HoldsSecret(args.code) ? 1 : 0;
  for (const auto& [name, value] : args.env) {
    count += !value.empty() && (IsSecretName(name) || HoldsSecret(value)) ? 1 : 0;
  }
  for (const RunFile& file : args.files) {
    count += IsSecretFile(file.path) || HoldsSecret(file.content) ? 1 : 0;
  }
  for (const std::string& argument : args.command) {
    count += HoldsSecret(argument) ? 1 : 0;
  }
  return count + (args.stdin_data && HoldsSecret(*args.stdin_data) ? 1 : 0);
}

}  // namespace casemate::tools
