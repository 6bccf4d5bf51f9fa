#include "tools/package/identity.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/beneath.h"
#include "base/canonical_json.h"
#include "base/hash.h"
#include "base/text.h"
#include "tools/package/manifest_read.h"

namespace casemate::package {
namespace {

constexpr std::size_t kShortHash = 12;
constexpr std::size_t kMaxRefBytes = std::size_t{4} << 20;  // of packed-refs

std::optional<std::string> ReadBelow(int directory, const std::string& path) {
  const UniqueFd file =
      OpenBeneath(directory, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, InnerLinks::kRefuse);
  if (!file.valid()) {
    return std::nullopt;
  }
  std::string text(kMaxRefBytes, '\0');
  const ssize_t got = read(file.get(), text.data(), text.size());
  if (got <= 0) {
    return std::nullopt;
  }
  text.resize(static_cast<std::size_t>(got));
  return text;
}

std::string FirstLine(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) {
    line.pop_back();
  }
  return line;
}

bool IsCommit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// "COMMIT NAME" on a line.
std::string PackedRef(const std::string& packed, const std::string& name) {
  std::size_t at = 0;
  while (at < packed.size()) {
    const std::size_t end = std::min(packed.find('\n', at), packed.size());
    const std::string line = packed.substr(at, end - at);
    const std::size_t blank = line.find(' ');
    if (blank != std::string::npos && line.substr(blank + 1) == name) {
      return line.substr(0, blank);
    }
    at = end + 1;
  }
  return {};
}

}  // namespace

std::string Identity::Id() const {
  return name + ":" + Short();
}

std::string Identity::Short() const {
  return hash.substr(0, kShortHash);
}

SourceOptions SourcesOf(const Manifest& manifest, const std::string& manifest_file) {
  SourceOptions options;
  options.left_out.push_back(manifest_file);
  for (const Application& app : manifest.applications) {
    for (const std::string& output : app.build_outputs) {
      if (!app.build_commands.empty() && !output.empty()) {
        options.left_out.push_back(app.path.empty() ? output : app.path + "/" + output);
      }
    }
  }
  return options;
}

Result<Identity> IdentityOf(const nlohmann::json& document, const Manifest& manifest,
                            const Sources& sources) {
  auto hash = ManifestHash(document);
  if (!hash) {
    return hash.error();
  }
  Identity identity{manifest.name, *std::move(hash), sources.hash(), {}};
  const auto both =
      CanonicalJson({{"manifest", identity.manifest_hash}, {"sources", identity.source_hash}});
  if (!both) {
    return both.error();
  }
  identity.hash = Sha256Hex(*both);
  return identity;
}

Result<std::string> GitCommit(int directory) {
  const Error none{ErrorCode::kNotFound, "expected a work tree of Git with a commit",
                   "packaging.tagging", "commit, or use another tagging", 0};
  const auto head = ReadBelow(directory, ".git/HEAD");
  if (!head) {
    return none;
  }
  std::string commit = FirstLine(*head);
  constexpr std::string_view kRef = "ref: ";
  if (commit.starts_with(kRef)) {
    const std::string name = commit.substr(kRef.size());
    const auto loose =
        name.find("..") == std::string::npos ? ReadBelow(directory, ".git/" + name) : std::nullopt;
    const auto packed = loose ? std::nullopt : ReadBelow(directory, ".git/packed-refs");
    commit = loose ? FirstLine(*loose) : PackedRef(packed.value_or(""), name);
  }
  return IsCommit(commit) ? Result<std::string>(commit) : none;
}

Result<std::string> TagFor(const Manifest& manifest, const Identity& identity, int directory) {
  switch (manifest.packaging.tagging) {
    case Tagging::kVersion:
      return manifest.version;
    case Tagging::kGitSha: {
      auto commit = GitCommit(directory);
      return commit ? commit->substr(0, kShortHash) : commit;
    }
    case Tagging::kHash:
      break;
  }
  return identity.Short();
}

}  // namespace casemate::package
