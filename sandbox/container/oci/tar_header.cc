#include "sandbox/container/oci/tar_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

namespace casemate::oci {

namespace {

// The ustar header (IEEE Std 1003.1, pax, "ustar Interchange Format"). Numbers are octal digits.
struct Header {
  std::array<char, 100> name;
  std::array<char, 8> mode;
  std::array<char, 8> uid;
  std::array<char, 8> gid;
  std::array<char, 12> size;
  std::array<char, 12> mtime;
  std::array<char, 8> checksum;
  char type;
  std::array<char, 100> link_target;
  std::array<char, 6> magic;
  std::array<char, 2> version;
  std::array<char, 32> user;
  std::array<char, 32> group;
  std::array<char, 8> major;
  std::array<char, 8> minor;
  std::array<char, 155> prefix;
  std::array<char, 12> unused;
};
static_assert(sizeof(Header) == kTarBlockBytes);

constexpr std::int64_t kMaxOctal11 = 077777777777;
constexpr std::uint32_t kMaxOctal7 = 07777777;

template <std::size_t kSize>
void PutText(std::array<char, kSize>& field, std::string_view text) {
  std::copy_n(text.begin(), std::min(text.size(), kSize), field.begin());
}

template <std::size_t kSize>
void PutOctal(std::array<char, kSize>& field, std::int64_t value) {
  for (std::size_t i = kSize - 1; i-- > 0; value /= 8) {
    field[i] = static_cast<char>('0' + value % 8);
  }
}

// Where a path is cut so that its two parts fit; npos: nowhere, 0: it fits as a whole.
std::size_t SplitAt(std::string_view path) {
  constexpr std::size_t kName = sizeof(Header::name);
  constexpr std::size_t kPrefix = sizeof(Header::prefix);
  if (path.size() <= kName) {
    return 0;
  }
  const std::size_t slash = path.find('/', path.size() - kName - 1);
  const bool fits =
      slash != std::string_view::npos && slash > 0 && slash <= kPrefix && slash + 1 < path.size();
  return fits ? slash : std::string_view::npos;
}

void AppendUstar(const TarEntry& entry, char type, std::string_view path, std::string& out) {
  Header header{};
  const std::size_t split = SplitAt(path);
  if (split == std::string_view::npos || split == 0) {
    PutText(header.name, path);
  } else {
    PutText(header.prefix, path.substr(0, split));
    PutText(header.name, path.substr(split + 1));
  }
  PutOctal(header.mode, entry.mode & 07777U);
  PutOctal(header.uid, std::min(entry.uid, kMaxOctal7));
  PutOctal(header.gid, std::min(entry.gid, kMaxOctal7));
  PutOctal(header.size, std::min(entry.size, kMaxOctal11));
  PutOctal(header.mtime, std::clamp<std::int64_t>(entry.mtime_s, 0, kMaxOctal11));
  header.type = type;
  PutText(header.link_target, entry.link_target);
  PutText(header.magic, "ustar");
  PutText(header.version, "00");
  PutOctal(header.major, 0);
  PutOctal(header.minor, 0);
  header.checksum.fill(' ');
  std::array<unsigned char, kTarBlockBytes> bytes{};
  std::memcpy(bytes.data(), &header, sizeof(header));
  std::array<char, 7> sum{};  // six digits and a zero; the space after them stays
  PutOctal(sum, std::accumulate(bytes.begin(), bytes.end(), 0));
  std::copy(sum.begin(), sum.end(), header.checksum.begin());
  std::array<char, kTarBlockBytes> block{};
  std::memcpy(block.data(), &header, sizeof(header));
  out.append(block.data(), block.size());
}

// "LENGTH key=value\n", where the length counts its own digits.
void AppendRecord(std::string_view key, std::string_view value, std::string& out) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + std::to_string(rest).size();
  length = rest + std::to_string(length).size();
  out += std::to_string(length);
  out += ' ';
  out += key;
  out += '=';
  out += value;
  out += '\n';
}

}  // namespace

void AppendTarHeader(const TarEntry& entry, std::string& out) {
  std::string path(entry.path);
  if (entry.type == TarType::kDirectory) {
    path += '/';
  }
  std::string records;
  if (SplitAt(path) == std::string_view::npos) {
    AppendRecord("path", path, records);
  }
  if (entry.link_target.size() > sizeof(Header::link_target)) {
    AppendRecord("linkpath", entry.link_target, records);
  }
  if (entry.uid > kMaxOctal7) {
    AppendRecord("uid", std::to_string(entry.uid), records);
  }
  if (entry.gid > kMaxOctal7) {
    AppendRecord("gid", std::to_string(entry.gid), records);
  }
  if (entry.size > kMaxOctal11) {
    AppendRecord("size", std::to_string(entry.size), records);
  }
  if (entry.mtime_s < 0 || entry.mtime_s > kMaxOctal11) {
    AppendRecord("mtime", std::to_string(entry.mtime_s), records);
  }
  if (!records.empty()) {
    TarEntry extended;
    extended.mode = 0644;
    extended.size = static_cast<std::int64_t>(records.size());
    AppendUstar(extended, 'x', "PaxHeaders/entry", out);
    out += records;
    AppendTarPadding(extended.size, out);
  }
  AppendUstar(entry, static_cast<char>(entry.type), path, out);
}

void AppendTarPadding(std::int64_t size, std::string& out) {
  const std::size_t over = static_cast<std::size_t>(size) % kTarBlockBytes;
  out.append(over == 0 ? 0 : kTarBlockBytes - over, '\0');
}

void AppendTarEnd(std::string& out) {
  out.append(2 * kTarBlockBytes, '\0');
}

}  // namespace casemate::oci
