#include "tools/artifacts/packages.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/text.h"

namespace casemate::artifacts {
namespace {

struct Algorithm {
  std::string_view prefix;  // in lock files
  std::string_view name;    // in CycloneDX
  std::size_t hex_digits;
};
constexpr auto kAlgorithms = std::to_array<Algorithm>({{"md5", "MD5", 32},
                                                       {"sha1", "SHA-1", 40},
                                                       {"sha256", "SHA-256", 64},
                                                       {"sha384", "SHA-384", 96},
                                                       {"sha512", "SHA-512", 128}});

bool IsHex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsFit(std::string_view text) {
  return text.size() <= PackageList::kMaxNameBytes && IsValidUtf8(text) &&
         std::ranges::none_of(
             text, [](char c) { return static_cast<unsigned char>(c) < 0x20U || c == '\x7f'; });
}

}  // namespace

std::optional<PackageHash> HashFrom(std::string_view text) {
  // Several of one file, by space: the first.
  text = text.substr(0, text.find(' '));
  const std::size_t mark = text.find_first_of("-:");
  const std::string_view prefix =
      mark == std::string_view::npos ? std::string_view() : text.substr(0, mark);
  const std::string_view value = mark == std::string_view::npos ? text : text.substr(mark + 1);
  const bool is_base64 = mark != std::string_view::npos && text[mark] == '-';
  for (const Algorithm& algorithm : kAlgorithms) {
    if (!prefix.empty() && prefix != algorithm.prefix) {
      continue;
    }
    if (!is_base64 && value.size() == algorithm.hex_digits && IsHex(value)) {
      return PackageHash{std::string(algorithm.name), std::string(value)};
    }
    const auto bytes = is_base64 ? DecodeBase64(value) : std::nullopt;
    if (bytes && bytes->size() * 2 == algorithm.hex_digits) {
      return PackageHash{
          std::string(algorithm.name),
          ToHex({reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size()})};
    }
  }
  return std::nullopt;
}

void PackageList::Add(Package package, std::string_view source) {
  const PackageUrl& url = package.url;
  if (url.name.empty() || url.version.empty()) {
    return;
  }
  if (!IsFit(url.name_space) || !IsFit(url.name) || !IsFit(url.version)) {
    Note(std::string(source) + " names a package " + Quoted(url.name) +
         " with a text that no package has; it was left out");
    return;
  }
  const std::string key = ToString(url);
  const auto found = entries_.find(key);
  if (found == entries_.end() && entries_.size() >= kMaxPackages) {
    Note("there are more than " + std::to_string(kMaxPackages) +
         " packages; the rest was left out");
    return;
  }
  Entry& entry = found == entries_.end() ? entries_[key] : found->second;
  const bool is_new = entry.sources.empty();
  // What anything needs to run is needed to run.
  const bool is_for_development =
      package.is_for_development && (is_new || entry.package.is_for_development);
  for (PackageHash& hash : package.hashes) {
    if (entry.hashes.size() < kMaxHashes) {
      entry.hashes.insert(std::move(hash));
    }
  }
  if (is_new || entry.sources.size() < kMaxSources) {
    entry.sources.insert(std::string(source));
  }
  if (is_new) {
    entry.package = std::move(package);
  }
  entry.package.is_for_development = is_for_development;
}

void PackageList::Add(PackageUrl url, const std::vector<std::string>& hashes,
                      std::string_view source, bool is_for_development) {
  Package package{std::move(url), {}, is_for_development};
  for (const std::string& text : hashes) {
    if (auto hash = HashFrom(text); hash && package.hashes.size() < kMaxHashes) {
      package.hashes.push_back(*std::move(hash));
    }
  }
  Add(std::move(package), source);
}

void PackageList::Note(std::string_view sentence) {
  if (notes_.size() < kMaxNotes) {
    notes_.insert(ToValidUtf8(EscapeControls(sentence, false)));
  }
}

}  // namespace casemate::artifacts
