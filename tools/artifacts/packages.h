// PackageList: the packages that lock files and package databases name, each once by its package
// URL, within bounds whatever those files hold. One thread at a time.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tools/artifacts/purl.h"

namespace casemate::artifacts {

// Of the file that a package comes in.
struct PackageHash {
  std::string algorithm;  // "SHA-256", as CycloneDX names it
  std::string hex;
  friend auto operator<=>(const PackageHash&, const PackageHash&) = default;
};
// Of "sha512-BASE64" (Subresource Integrity), "sha256:HEX", or HEX alone by its length; nullopt:
// none of these.
std::optional<PackageHash> HashFrom(std::string_view text);

struct Package {
  PackageUrl url;
  std::vector<PackageHash> hashes;
  bool is_for_development = false;  // not a part of what runs
};

class PackageList {
 public:
  struct Entry {
    Package package;
    std::set<PackageHash> hashes;
    std::set<std::string> sources;  // files that name it
  };
  static constexpr std::size_t kMaxPackages = 50'000;
  static constexpr std::size_t kMaxHashes = 64;  // of one package
  static constexpr std::size_t kMaxSources = 16;
  static constexpr std::size_t kMaxNotes = 100;
  static constexpr std::size_t kMaxNameBytes = 512;  // of a name, a namespace, a version

  // `source`: the file that names it. One without a name or a version is not added; nor is one
  // with control characters or endless texts in these, and a note says so.
  void Add(Package package, std::string_view source);
  // Of "sha512-…" and its like; what is none is left out.
  void Add(PackageUrl url, const std::vector<std::string>& hashes, std::string_view source,
           bool is_for_development = false);
  void Note(std::string_view sentence);

  // By package URL.
  [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }
  [[nodiscard]] const std::set<std::string>& notes() const { return notes_; }

 private:
  std::map<std::string, Entry> entries_;
  std::set<std::string> notes_;
};

}  // namespace casemate::artifacts
