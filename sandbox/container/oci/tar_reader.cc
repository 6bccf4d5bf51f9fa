#include "sandbox/container/oci/tar_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "base/text.h"

namespace casemate::oci {
namespace {

// Where the fields of a header lie (see tar_header.cc).
struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kTypeAt = 156;
constexpr Field kLinkTarget{157, 100};
constexpr Field kMagic{257, 8};
constexpr Field kPrefix{345, 155};
constexpr Field kStarPrefix{345, 131};
constexpr Field kStarMagic{508, 4};
constexpr std::string_view kPosix{"ustar\0", 6};
constexpr std::string_view kStar{"tar\0", 4};

constexpr std::int64_t kMaxId = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kPermissions = 07777;

std::string_view Raw(std::string_view block, Field field) {
  return block.substr(field.at, field.size);
}

std::string_view Text(std::string_view block, Field field) {
  const std::string_view raw = Raw(block, field);
  return raw.substr(0, raw.find('\0'));
}

// GNU's: a number in two's complement, after a bit that says so.
std::optional<std::int64_t> Base256(std::string_view raw) {
  constexpr unsigned kSign = 0x40;
  constexpr unsigned kValue = 0x7f;
  const auto first = static_cast<unsigned char>(raw[0]);
  const bool is_negative = (first & kSign) != 0;
  std::int64_t value = is_negative ? -1 : 0;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    unsigned byte = static_cast<unsigned char>(raw[i]);
    if (i == 0) {
      byte = is_negative ? byte : byte & kValue;
    }
    if (value > (std::numeric_limits<std::int64_t>::max() >> 8) ||
        value < (std::numeric_limits<std::int64_t>::min() >> 8)) {
      return std::nullopt;
    }
    value = value * 256 + static_cast<std::int64_t>(byte);
  }
  return value;
}

// Octal digits among spaces and zeros, nothing: 0, or GNU's form. nullopt: none of these.
std::optional<std::int64_t> Number(std::string_view raw) {
  if ((static_cast<unsigned char>(raw[0]) & 0x80U) != 0) {
    return Base256(raw);
  }
  constexpr std::string_view kFill{" \0", 2};
  const std::size_t first = raw.find_first_not_of(kFill);
  if (first == std::string_view::npos) {
    return 0;
  }
  raw = raw.substr(first, raw.find_last_not_of(kFill) + 1 - first);
  std::int64_t value = 0;
  const auto read = std::from_chars(raw.data(), raw.data() + raw.size(), value, 8);
  const bool is_number = read.ec == std::errc() && read.ptr == raw.data() + raw.size();
  return is_number && raw[0] != '-' ? std::optional(value) : std::nullopt;
}

// "-12.5" of a pax record, rounded down.
std::optional<std::int64_t> Seconds(std::string_view text) {
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  const std::string_view rest =
      dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  std::int64_t value = 0;
  const auto read = std::from_chars(whole.data(), whole.data() + whole.size(), value);
  if (read.ec != std::errc() || read.ptr != whole.data() + whole.size() ||
      rest.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  const bool has_fraction = rest.find_first_not_of('0') != std::string_view::npos;
  const bool down =
      has_fraction && text[0] == '-' && value > std::numeric_limits<std::int64_t>::min();
  return down ? value - 1 : value;
}

std::optional<std::int64_t> Decimal(std::string_view text) {
  std::int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = read.ec == std::errc() && read.ptr == text.data() + text.size();
  return is_number && value >= 0 ? std::optional(value) : std::nullopt;
}

// Old writers added up signed characters.
bool HasChecksum(std::string_view block) {
  const auto expected = Number(Raw(block, kChecksum));
  std::int64_t as_unsigned = 0;
  std::int64_t as_signed = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool is_sum = i >= kChecksum.at && i < kChecksum.at + kChecksum.size;
    const char c = is_sum ? ' ' : block[i];
    as_unsigned += static_cast<unsigned char>(c);
    as_signed += static_cast<signed char>(c);
  }
  return expected == as_unsigned || expected == as_signed;
}

// Joins the parts that say something; a slash at the start and ".." stay.
std::string Cleaned(std::string_view path) {
  std::string clean(path.starts_with('/') ? "/" : "");
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") {
      continue;
    }
    clean += clean.empty() || clean == "/" ? "" : "/";
    clean += part;
  }
  return clean;
}

bool LeavesRoot(std::string_view clean) {
  return clean.starts_with('/') || clean == ".." || clean.starts_with("../") ||
         clean.ends_with("/..") || clean.find("/../") != std::string_view::npos;
}

// Engines are written in Go, whose reader takes a slash at the end for a directory in v7 only.
std::optional<TarKind> KindOf(char type, std::string_view name) {
  if (type == '\0') {
    return name.ends_with('/') ? TarKind::kDirectory : TarKind::kFile;
  }
  if (type == '7') {  // contiguous
    return TarKind::kFile;
  }
  const bool is_known = type >= '0' && type <= '6';
  return is_known ? std::optional(static_cast<TarKind>(type)) : std::nullopt;
}

}  // namespace

Result<void> TarVisitor::Content(std::string_view /*bytes*/) {
  return {};
}

Result<void> TarVisitor::EntryEnd() {
  return {};
}

TarReader::TarReader(TarVisitor& visitor, const TarLimits& limits)
    : visitor_(visitor), limits_(limits) {
  block_.reserve(kTarBlockBytes);
}

Error TarReader::Wrong(const std::string& what) const {
  return InvalidArgument("layer",
                         "byte " + std::to_string(header_at_) + " of the archive: " + what);
}

Result<void> TarReader::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t before = bytes.size();
    Result<void> taken;
    switch (state_) {
      case State::kHeader:
        taken = TakeHeader(bytes);
        break;
      case State::kContent:
        taken = TakeContent(bytes);
        break;
      case State::kExtension:
        taken = TakeExtension(bytes);
        break;
      case State::kPadding: {
        const auto part = std::min<std::int64_t>(padding_, static_cast<std::int64_t>(before));
        bytes.remove_prefix(static_cast<std::size_t>(part));
        padding_ -= part;
        state_ = padding_ == 0 ? State::kHeader : state_;
        break;
      }
      case State::kEnd:
        taken = TakeEnd(bytes);
        break;
    }
    offset_ += static_cast<std::int64_t>(before - bytes.size());
    if (!taken) {
      return taken;
    }
  }
  return {};
}

Result<void> TarReader::Finish() {
  if (state_ == State::kEnd) {
    return {};
  }
  if (state_ != State::kHeader || !block_.empty()) {
    return Wrong("expected all of this entry, got the end of the archive at byte " +
                 std::to_string(offset_));
  }
  if (has_extended_ || long_path_ || long_target_) {
    return Wrong("expected an entry after its extended header, got the end of the archive");
  }
  return {};
}

Result<void> TarReader::TakeHeader(std::string_view& bytes) {
  if (block_.empty()) {
    header_at_ = offset_;
  }
  const std::string_view part = bytes.substr(0, kTarBlockBytes - block_.size());
  block_ += part;
  bytes.remove_prefix(part.size());
  if (block_.size() < kTarBlockBytes) {
    return {};
  }
  auto read = ReadHeader();
  block_.clear();
  return read;
}

Result<void> TarReader::TakeContent(std::string_view& bytes) {
  const auto part = std::min<std::int64_t>(left_, static_cast<std::int64_t>(bytes.size()));
  const std::string_view piece = bytes.substr(0, static_cast<std::size_t>(part));
  bytes.remove_prefix(piece.size());
  left_ -= part;
  if (auto taken = visitor_.Content(piece); !taken) {
    return taken;
  }
  if (left_ > 0) {
    return {};
  }
  state_ = padding_ > 0 ? State::kPadding : State::kHeader;
  return visitor_.EntryEnd();
}

Result<void> TarReader::TakeExtension(std::string_view& bytes) {
  const auto part = std::min<std::int64_t>(left_, static_cast<std::int64_t>(bytes.size()));
  extension_ += bytes.substr(0, static_cast<std::size_t>(part));
  bytes.remove_prefix(static_cast<std::size_t>(part));
  left_ -= part;
  return left_ > 0 ? Result<void>() : EndExtension();
}

// Whatever follows would be seen by some readers and not by others.
Result<void> TarReader::TakeEnd(std::string_view& bytes) {
  const std::size_t other = bytes.find_first_not_of('\0');
  if (other != std::string_view::npos) {
    header_at_ = offset_ + static_cast<std::int64_t>(other);
    return Wrong("expected nothing but zeros after the end of the archive");
  }
  bytes = {};
  return {};
}

void TarReader::PadAfter(std::int64_t size) {
  constexpr auto kBlock = static_cast<std::int64_t>(kTarBlockBytes);
  padding_ = (kBlock - size % kBlock) % kBlock;
}

Result<void> TarReader::ReadHeader() {
  if (block_.find_first_not_of('\0') == std::string::npos) {
    if (has_extended_ || long_path_ || long_target_) {
      return Wrong("expected an entry after its extended header, got the end of the archive");
    }
    state_ = ++zero_blocks_ == 2 ? State::kEnd : State::kHeader;
    return {};
  }
  if (zero_blocks_ > 0) {
    return Wrong("expected a second block of zeros at the end of the archive");
  }
  if (!HasChecksum(block_)) {
    return Wrong("expected a header whose checksum is right");
  }
  const char type = block_[kTypeAt];
  switch (type) {
    case 'x':
    case 'g':
    case 'L':
    case 'K':
      return BeginExtension(type);
    default:
      return BeginEntry(type);
  }
}

Result<void> TarReader::BeginExtension(char type) {
  const auto size = Number(Raw(block_, kSize));
  if (!size || *size < 0 || *size > static_cast<std::int64_t>(limits_.max_extension_bytes)) {
    return Wrong("expected an extended header of at most " +
                 std::to_string(limits_.max_extension_bytes) + " bytes");
  }
  const bool is_second = (type == 'x' && has_extended_) || (type == 'L' && long_path_) ||
                         (type == 'K' && long_target_);
  if (is_second) {
    return Wrong("expected one extended header for an entry, got two");
  }
  extension_type_ = type;
  extension_.clear();
  left_ = *size;
  PadAfter(*size);
  state_ = State::kExtension;
  return left_ > 0 ? Result<void>() : EndExtension();
}

Result<void> TarReader::EndExtension() {
  state_ = padding_ > 0 ? State::kPadding : State::kHeader;
  switch (extension_type_) {
    case 'L':
      return ReadLongName(long_path_);
    case 'K':
      return ReadLongName(long_target_);
    default:
      has_extended_ = has_extended_ || extension_type_ == 'x';
      return ReadRecords();
  }
}

Result<void> TarReader::ReadLongName(std::optional<std::string>& name) {
  const std::size_t end = std::min(extension_.find('\0'), extension_.size());
  if (extension_.find_first_not_of('\0', end) != std::string::npos) {
    return Wrong("expected a long name without zero bytes");
  }
  name = extension_.substr(0, end);
  return CheckName(*name, "a long name");
}

// "LENGTH key=value\n", where the length counts all of it.
Result<void> TarReader::ReadRecords() {
  Extended& into = extension_type_ == 'g' ? global_ : next_;
  std::string_view left = extension_;
  while (!left.empty()) {
    std::size_t length = 0;
    const auto read = std::from_chars(left.data(), left.data() + left.size(), length);
    const auto digits = static_cast<std::size_t>(read.ptr - left.data());
    if (read.ec != std::errc() || digits >= left.size() || left[digits] != ' ' ||
        length > left.size() || length < digits + 2 || left[length - 1] != '\n') {
      return Wrong("expected records of an extended header whose lengths are right");
    }
    const std::string_view record = left.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == 0 || equals == std::string_view::npos) {
      return Wrong("expected records of an extended header as key=value");
    }
    if (auto taken = ReadRecord(record.substr(0, equals), record.substr(equals + 1), into);
        !taken) {
      return taken;
    }
    left.remove_prefix(length);
  }
  return {};
}

Result<void> TarReader::ReadRecord(std::string_view key, std::string_view value, Extended& into) {
  if (key.starts_with("GNU.sparse.")) {
    return Wrong("expected no sparse files");
  }
  const bool is_name = key == "path" || key == "linkpath";
  // Engines pass over global headers: what is named by one would be something else there.
  if (extension_type_ == 'g' && (is_name || key == "size")) {
    return Wrong("expected no " + std::string(key) + " for all entries");
  }
  if (is_name) {
    auto& name = key == "path" ? into.path : into.link_target;
    name = value.empty() ? std::nullopt : std::optional<std::string>(value);
    return CheckName(value, key);
  }
  std::optional<std::int64_t>* number = key == "size"    ? &into.size
                                        : key == "uid"   ? &into.uid
                                        : key == "gid"   ? &into.gid
                                        : key == "mtime" ? &into.mtime_s
                                                         : nullptr;
  if (number == nullptr) {  // attributes, names of owners, other times
    return {};
  }
  *number = key == "mtime" ? Seconds(value) : Decimal(value);
  return value.empty() || *number ? Result<void>()
                                  : Wrong("expected a number as " + std::string(key));
}

Result<void> TarReader::CheckName(std::string_view name, std::string_view what) const {
  if (name.find('\0') != std::string_view::npos) {
    return Wrong("expected " + std::string(what) + " without zero bytes");
  }
  if (name.size() > limits_.max_name_bytes) {
    return Wrong("expected " + std::string(what) + " of at most " +
                 std::to_string(limits_.max_name_bytes) + " bytes, got " +
                 std::to_string(name.size()));
  }
  return {};
}

Result<void> TarReader::BeginEntry(char type) {
  if (entries_ == limits_.max_entries) {
    return Wrong("expected at most " + std::to_string(limits_.max_entries) + " entries");
  }
  TarHeader header;
  header.offset = header_at_;
  auto read = ReadNames(header);
  if (read) {
    const auto kind = KindOf(type, header.path);
    if (!kind) {
      return Wrong("expected a file, a directory, a link, a device or a pipe, got the type " +
                   Quoted(std::string(1, type)));
    }
    header.kind = *kind;
    read = ReadNumbers(header);
  }
  if (!read) {
    return read;
  }
  const bool is_hard_link = header.kind == TarKind::kHardLink;
  if (!is_hard_link && header.kind != TarKind::kSymlink) {
    header.link_target.clear();
  } else if (header.link_target.empty()) {
    return Wrong("expected a link with a target");
  }
  header.path = Cleaned(header.path);
  header.link_target = is_hard_link ? Cleaned(header.link_target) : header.link_target;
  header.is_unsafe = LeavesRoot(header.path) || (is_hard_link && LeavesRoot(header.link_target));
  next_ = {};
  has_extended_ = false;
  long_path_.reset();
  long_target_.reset();
  ++entries_;
  left_ = header.size;
  PadAfter(left_);
  state_ = left_ > 0 ? State::kContent : State::kHeader;
  if (auto told = visitor_.Entry(header); !told) {
    return told;
  }
  return left_ > 0 ? Result<void>() : visitor_.EntryEnd();
}

Result<void> TarReader::ReadNames(TarHeader& header) {
  if ((long_path_ && next_.path) || (long_target_ && next_.link_target)) {
    return Wrong("expected one long name for an entry, got one of GNU and one of pax");
  }
  const std::string_view block = block_;
  const std::string_view magic = Raw(block, kMagic);
  header.path = Text(block, kName);
  if (magic.starts_with(kPosix)) {  // GNU has other things there
    const bool is_star = Raw(block, kStarMagic) == kStar;
    const std::string_view prefix = Text(block, is_star ? kStarPrefix : kPrefix);
    if (!prefix.empty()) {
      header.path = std::string(prefix) + "/" + header.path;
    }
  }
  header.link_target = Text(block, kLinkTarget);
  if (const auto& path = long_path_ ? long_path_ : next_.path) {
    header.path = *path;
  }
  if (const auto& target = long_target_ ? long_target_ : next_.link_target) {
    header.link_target = *target;
  }
  return header.path.empty() ? Wrong("expected an entry with a name") : Result<void>();
}

Result<void> TarReader::ReadNumbers(TarHeader& header) {
  const auto read = [this](Field field, const std::optional<std::int64_t>& own,
                           const std::optional<std::int64_t>& for_all) {
    return own ? own : for_all ? for_all : Number(Raw(block_, field));
  };
  const auto mode = Number(Raw(block_, kMode));
  const auto uid = read(kUid, next_.uid, global_.uid);
  const auto gid = read(kGid, next_.gid, global_.gid);
  const auto mtime = read(kMtime, next_.mtime_s, global_.mtime_s);
  const auto size = read(kSize, next_.size, std::nullopt);
  if (!mode || *mode < 0 || !mtime) {
    return Wrong("expected numbers as mode and time of change");
  }
  if (!uid || *uid < 0 || *uid > kMaxId || !gid || *gid < 0 || *gid > kMaxId) {
    return Wrong("expected numbers of at most 32 bits as owner and group");
  }
  if (!size || *size < 0 || *size > limits_.max_file_bytes) {
    return Wrong("expected a size of at most " + std::to_string(limits_.max_file_bytes) + " bytes");
  }
  header.mode = static_cast<std::uint32_t>(*mode) & kPermissions;
  header.uid = static_cast<std::uint32_t>(*uid);
  header.gid = static_cast<std::uint32_t>(*gid);
  header.mtime_s = *mtime;
  // Some writers say of a hard link how large the file is; no content follows.
  header.size = header.kind == TarKind::kFile ? *size : 0;
  return {};
}

}  // namespace casemate::oci
