// Sources: the files below a directory with their digests, walked once and bounded, and one hash
// over all of them that is the same on every machine: it knows contents, paths, links and whether
// the owner may execute a file, but neither times, owners, the order of directories nor the umask.
// Directories count by what they hold: empty ones do not, as in Git. Names are resolved below the
// directory only and never through links. Immutable once made; thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace casemate::package {

struct SourceFile {
  std::string path;  // relative, in bytes
  bool is_link = false;
  bool is_executable = false;  // by its owner
  std::int64_t size = 0;
  std::string link_target;
  Sha256::Digest digest{};  // of the content, or of the target
};

struct SourceOptions {
  std::string below;                  // only what lies there; empty: everything
  bool ignores = true;                // the rules of .dockerignore hold, and `.git` is left out
  std::vector<std::string> left_out;  // paths with all below them, beyond that
  std::size_t max_files = 500'000;
  std::int64_t max_bytes = std::int64_t{16} << 30;
  int max_depth = 128;
  unsigned threads = 0;  // that read; 0: as many as there are processors, at most eight
};

class Sources {
 public:
  // `directory` (O_PATH is enough) is lent for the call. Errors: kPermissionDenied for what cannot
  // be read, kNotFound when `below` is not there, kInvalidArgument for wrong rules and for files
  // that change meanwhile, kResourceExhausted beyond a limit, kCancelled.
  static Result<Sources> Scan(int directory, const SourceOptions& options,
                              const std::stop_token& stop);

  // In byte order of their paths.
  [[nodiscard]] const std::vector<SourceFile>& files() const { return files_; }
  // Hexadecimal SHA-256 over the lines "KIND DIGEST PATH" with a NUL after each; KIND is F, X for
  // executables, L for links.
  [[nodiscard]] const std::string& hash() const { return hash_; }
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }
  // Sockets, pipes and devices, which are no sources.
  [[nodiscard]] const std::vector<std::string>& skipped() const { return skipped_; }
  // The file, or all below the directory, of that path; empty: all.
  [[nodiscard]] std::span<const SourceFile> At(std::string_view path) const;
  // A file of these, for reading. Errors: of the kernel.
  [[nodiscard]] Result<UniqueFd> OpenFile(const std::string& path) const;

 private:
  Sources() = default;
  friend class SourceWalk;

  std::shared_ptr<const UniqueFd> root_;
  std::vector<SourceFile> files_;
  std::string hash_;
  std::int64_t bytes_ = 0;
  std::vector<std::string> skipped_;
};

}  // namespace casemate::package
