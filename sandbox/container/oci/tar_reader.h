// TarReader: the entries of an archive that somebody else wrote, as its bytes come: v7, ustar, pax
// (POSIX.1-2008) and GNU's long names and numbers. Strict where readers would disagree about what
// an archive holds, and bounded: it keeps one entry's names and nothing of its content. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sandbox/container/oci/tar_header.h"

namespace casemate::oci {

enum class TarKind : char {
  kFile = '0',
  kHardLink = '1',
  kSymlink = '2',
  kCharacterDevice = '3',
  kBlockDevice = '4',
  kDirectory = '5',
  kFifo = '6',
};

struct TarHeader {
  TarKind kind = TarKind::kFile;
  std::string path;         // without "./", "//" and a slash at its end; empty: the root itself
  std::string link_target;  // of a hard link: cleaned as `path`; of a symbolic link: as it was
  std::uint32_t mode = 0;   // permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t size = 0;     // bytes of content that follow; 0 but for files
  std::int64_t mtime_s = 0;  // Unix time, without fractions
  // The path, or that of a hard link's target, is absolute or has "..": to be refused or skipped by
  // who would write it anywhere.
  bool is_unsafe = false;
  std::int64_t offset = 0;  // of its header in the archive
};

// What is told of an archive, in its order. An error ends the reading and is handed on.
class TarVisitor {
 public:
  TarVisitor() = default;
  TarVisitor(const TarVisitor&) = delete;
  TarVisitor& operator=(const TarVisitor&) = delete;
  virtual ~TarVisitor() = default;
  virtual Result<void> Entry(const TarHeader& header) = 0;
  // A piece of the last entry, which is valid during the call.
  virtual Result<void> Content(std::string_view bytes);
  // After the last piece of each entry, also of those without content.
  virtual Result<void> EntryEnd();
};

struct TarLimits {
  std::size_t max_entries = 1'000'000;
  std::size_t max_name_bytes = 4096;                       // of a path or a target
  std::size_t max_extension_bytes = std::size_t{1} << 20;  // of a pax header or a long name
  std::int64_t max_file_bytes = std::int64_t{1} << 40;
};

class TarReader {
 public:
  // `visitor` is borrowed.
  explicit TarReader(TarVisitor& visitor, const TarLimits& limits = {});

  // Errors: kInvalidArgument with the offset; the visitor's. Not to be called after an error.
  Result<void> Feed(std::string_view bytes);
  // No more bytes come. An archive may end after any entry: some writers leave out the two blocks
  // of zeros. Errors: kInvalidArgument when it ends within one.
  Result<void> Finish();
  [[nodiscard]] std::size_t entries() const { return entries_; }

 private:
  // What extended headers say of the next entry, or of all.
  struct Extended {
    std::optional<std::string> path;
    std::optional<std::string> link_target;
    std::optional<std::int64_t> size;
    std::optional<std::int64_t> mtime_s;
    std::optional<std::int64_t> uid;
    std::optional<std::int64_t> gid;
  };
  enum class State : std::uint8_t { kHeader, kContent, kExtension, kPadding, kEnd };

  [[nodiscard]] Error Wrong(const std::string& what) const;
  // Each takes what it can from the front of `bytes`.
  Result<void> TakeHeader(std::string_view& bytes);
  Result<void> TakeContent(std::string_view& bytes);
  Result<void> TakeExtension(std::string_view& bytes);
  Result<void> TakeEnd(std::string_view& bytes);

  Result<void> ReadHeader();
  Result<void> BeginExtension(char type);
  Result<void> EndExtension();
  Result<void> ReadLongName(std::optional<std::string>& name);
  Result<void> ReadRecords();
  Result<void> ReadRecord(std::string_view key, std::string_view value, Extended& into);
  Result<void> BeginEntry(char type);
  Result<void> ReadNames(TarHeader& header);
  Result<void> ReadNumbers(TarHeader& header);
  Result<void> CheckName(std::string_view name, std::string_view what) const;
  void PadAfter(std::int64_t size);

  TarVisitor& visitor_;
  const TarLimits limits_;
  State state_ = State::kHeader;
  std::string block_;        // header that is being put together
  std::int64_t offset_ = 0;  // bytes taken so far
  std::int64_t header_at_ = 0;
  std::int64_t left_ = 0;     // of content, extension or padding
  std::int64_t padding_ = 0;  // after what is left
  std::size_t entries_ = 0;
  int zero_blocks_ = 0;
  char extension_type_ = 0;
  std::string extension_;
  bool has_extended_ = false;  // an extended header waits for its entry
  Extended global_;
  Extended next_;
  std::optional<std::string> long_path_;  // GNU's
  std::optional<std::string> long_target_;
};

}  // namespace casemate::oci
