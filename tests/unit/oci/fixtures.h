// What tests of layers and images share: archives byte by byte, stores and images of them. Header
// only; one thread.
#pragma once

#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "sandbox/container/oci/blob_store.h"
#include "sandbox/container/oci/image.h"
#include "sandbox/container/oci/layer_reader.h"
#include "sandbox/container/oci/tar_reader.h"

namespace casemate::oci::fixtures {

class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "casemate-oci-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

inline std::unique_ptr<BlobStore> StoreIn(const std::filesystem::path& path) {
  auto store = BlobStore::Open(path.string());
  REQUIRE(store);
  return *std::move(store);
}

inline std::string Content(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline std::string Octal(std::uint64_t value, int digits) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", digits, static_cast<unsigned long long>(value));
  return text.data();
}

// An entry of an archive, with what could be wrong with it.
struct Raw {
  std::string name;
  std::string content = "";
  char type = '0';
  std::string link = "";
  std::uint32_t mode = 0644;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime_s = 1700000000;
  std::string size_field = "";  // empty: as the content is
  std::string magic = std::string("ustar\0", 6) + "00";
  int sum_error = 0;
};

inline Raw File(std::string name, std::string content) {
  Raw raw{std::move(name)};
  raw.content = std::move(content);
  return raw;
}

inline Raw Typed(char type, std::string name, std::string link = "") {
  Raw raw{std::move(name)};
  raw.type = type;
  raw.link = std::move(link);
  raw.mode = type == '5' ? 0755 : 0644;
  return raw;
}

inline std::string Tar(const std::vector<Raw>& entries, bool ends = true) {
  std::string tar;
  for (const Raw& raw : entries) {
    std::string block(512, '\0');
    block.replace(0, raw.name.size(), raw.name);
    block.replace(100, 7, Octal(raw.mode, 7));
    block.replace(108, 7, Octal(raw.uid, 7));
    block.replace(116, 7, Octal(raw.gid, 7));
    const std::string size =
        raw.size_field.empty() ? Octal(raw.content.size(), 11) : raw.size_field;
    block.replace(124, size.size(), size);
    block.replace(136, 11, Octal(static_cast<std::uint64_t>(raw.mtime_s), 11));
    block.replace(148, 8, 8, ' ');
    block[156] = raw.type;
    block.replace(157, raw.link.size(), raw.link);
    block.replace(257, raw.magic.size(), raw.magic);
    int sum = raw.sum_error;
    for (const char c : block) {
      sum += static_cast<unsigned char>(c);
    }
    block.replace(148, 7, Octal(static_cast<std::uint64_t>(sum), 6) + std::string(1, '\0'));
    tar += block + raw.content;
    tar.append((512 - raw.content.size() % 512) % 512, '\0');
  }
  return tar + std::string(ends ? 1024 : 0, '\0');
}

inline std::string Gzip(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, bytes.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// An image of these archives.
inline Image PutImage(BlobStore& store, const std::vector<std::string>& tars,
                      nlohmann::json config = nlohmann::json::object()) {
  nlohmann::json manifest = {{"layers", nlohmann::json::array()}};
  config["rootfs"] = {{"type", "layers"}, {"diff_ids", nlohmann::json::array()}};
  config["architecture"] = "amd64";
  config["os"] = "linux";
  for (const std::string& tar : tars) {
    manifest["layers"].push_back(ToJson(store.Put(kLayerType, Gzip(tar)).value()));
    config["rootfs"]["diff_ids"].push_back(DigestOf(tar));
  }
  manifest["config"] = ToJson(store.Put(kConfigType, config.dump()).value());
  const auto put = store.Put(kManifestType, manifest.dump());
  REQUIRE(put);
  auto image = ReadImage(put->digest, store);
  REQUIRE(image);
  return *std::move(image);
}

// What a reader was told, a line each: "0 644 1:2 5 @1700000000 path -> target = content".
class Recorder : public TarVisitor {
 public:
  Result<void> Entry(const TarHeader& header) override {
    std::ostringstream line;
    line << static_cast<char>(header.kind) << ' ' << std::oct << header.mode << std::dec << ' '
         << header.uid << ':' << header.gid << ' ' << header.size << " @" << header.mtime_s << ' '
         << header.path;
    if (!header.link_target.empty()) {
      line << " -> " << header.link_target;
    }
    if (header.is_unsafe) {
      line << " !";
    }
    lines.push_back(line.str());
    content.clear();
    ++open;
    return {};
  }
  Result<void> Content(std::string_view bytes) override {
    content += bytes;
    return {};
  }
  Result<void> EntryEnd() override {
    --open;
    if (!content.empty()) {
      lines.back() += " = " + (content.size() > 20 ? DigestOf(content) : content);
    }
    return {};
  }
  std::vector<std::string> lines;
  std::string content;
  int open = 0;
};

inline Result<std::vector<std::string>> Lines(std::string_view tar,
                                              std::size_t step = std::size_t{1} << 20,
                                              const TarLimits& limits = {}) {
  Recorder recorder;
  TarReader reader(recorder, limits);
  for (std::size_t at = 0; at < tar.size(); at += step) {
    if (auto fed = reader.Feed(tar.substr(at, step)); !fed) {
      return fed.error();
    }
  }
  if (auto finished = reader.Finish(); !finished) {
    return finished.error();
  }
  CHECK(recorder.open == 0);
  CHECK(reader.entries() == recorder.lines.size());
  return recorder.lines;
}

}  // namespace casemate::oci::fixtures
