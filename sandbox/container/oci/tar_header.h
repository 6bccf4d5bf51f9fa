// Headers of a tar archive (POSIX.1-2008 pax interchange format; plain ustar where that is enough).
// Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace casemate::oci {

inline constexpr std::size_t kTarBlockBytes = 512;

enum class TarType : char { kFile = '0', kSymlink = '2', kDirectory = '5' };

// Owner and group have no names.
struct TarEntry {
  TarType type = TarType::kFile;
  std::string_view path;         // relative, without a slash at its end
  std::string_view link_target;  // of a symbolic link
  std::uint32_t mode = 0;        // permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t size = 0;     // bytes that follow, of a file
  std::int64_t mtime_s = 0;  // Unix time
};

// One header, or three blocks and more where ustar has no room for what the entry holds.
void AppendTarHeader(const TarEntry& entry, std::string& out);
// Zeros up to the next block after `size` bytes of content.
void AppendTarPadding(std::int64_t size, std::string& out);
// The two blocks that end an archive.
void AppendTarEnd(std::string& out);

}  // namespace casemate::oci
