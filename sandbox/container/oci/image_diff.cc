#include "sandbox/container/oci/image_diff.h"

#include <algorithm>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "sandbox/container/oci/image_tree.h"

namespace casemate::oci {
namespace {

using nlohmann::json;
using Files = std::map<std::string, FileState>;

constexpr std::size_t kMaxNameBytes = std::size_t{256} << 20;  // of one layer
constexpr std::size_t kMaxValueBytes = 256;                    // shown of a JSON value

// Of a path that comes twice the last counts.
class Reader : public TarVisitor {
 public:
  Result<void> Entry(const TarHeader& header) override {
    name_bytes_ += header.path.size() + header.link_target.size();
    if (name_bytes_ > kMaxNameBytes) {
      return Error{
          ErrorCode::kResourceExhausted,
          "expected a layer of at most " + std::to_string(kMaxNameBytes) + " bytes of names",
          "layer",
          {},
          0};
    }
    state_ = &files_[header.path];
    *state_ = {header.kind,    header.mode, header.uid,         header.gid,
               header.mtime_s, header.size, header.link_target, ""};
    return {};
  }
  Result<void> Content(std::string_view bytes) override {
    hash_.Update(bytes);
    return {};
  }
  Result<void> EntryEnd() override {
    if (state_->kind == TarKind::kFile) {
      state_->digest = "sha256:" + hash_.FinishHex();
    }
    return {};
  }
  [[nodiscard]] const Files& files() const { return files_; }

 private:
  Files files_;
  FileState* state_ = nullptr;
  Sha256 hash_;
  std::size_t name_bytes_ = 0;
};

std::vector<std::string> Attributes(const FileState& a, const FileState& b) {
  std::vector<std::string> differing;
  const auto add = [&differing](bool differs, const char* name) {
    if (differs) {
      differing.emplace_back(name);
    }
  };
  add(a.kind != b.kind, "type");
  add(a.digest != b.digest || a.size != b.size, "content");
  add(a.mode != b.mode, "mode");
  add(a.uid != b.uid || a.gid != b.gid, "owner");
  add(a.mtime_s != b.mtime_s, "mtime");
  add(a.link_target != b.link_target, "link");
  return differing;
}

// Adds what differs to the list; the number of it.
std::size_t CompareFiles(const Files& before, const Files& after, std::size_t layer,
                         std::size_t max_files, ImageDrift& drift) {
  std::size_t count = 0;
  const auto add = [&](const std::string& path, const FileState* a, const FileState* b) {
    ++count;
    if (drift.files.size() >= max_files) {
      ++drift.more_files;
      return;
    }
    drift.files.push_back(
        {layer, path, a != nullptr ? std::optional(*a) : std::nullopt,
         b != nullptr ? std::optional(*b) : std::nullopt,
         a != nullptr && b != nullptr ? Attributes(*a, *b) : std::vector<std::string>()});
  };
  auto a = before.begin();
  auto b = after.begin();
  while (a != before.end() || b != after.end()) {
    if (b == after.end() || (a != before.end() && a->first < b->first)) {
      add(a->first, &a->second, nullptr);
      ++a;
    } else if (a == before.end() || b->first < a->first) {
      add(b->first, nullptr, &b->second);
      ++b;
    } else {
      if (a->second != b->second) {
        add(a->first, &a->second, &b->second);
      }
      ++a;
      ++b;
    }
  }
  return count;
}

Result<void> CompareLayers(const Image& a, const Image& b, const BlobStore& store,
                           std::size_t max_files, ImageDrift& drift, const std::stop_token& stop) {
  const std::size_t both = std::min(a.diff_ids.size(), b.diff_ids.size());
  for (std::size_t i = 0; i < both; ++i) {
    if (a.diff_ids[i] == b.diff_ids[i]) {
      continue;
    }
    Reader before;
    if (const auto read = ReadImageLayer(a, i, store, {}, before, stop); !read) {
      return read.error();
    }
    Reader after;
    if (const auto read = ReadImageLayer(b, i, store, {}, after, stop); !read) {
      return read.error();
    }
    const std::size_t files = CompareFiles(before.files(), after.files(), i, max_files, drift);
    drift.layers.push_back({i, a.diff_ids[i], b.diff_ids[i], files});
  }
  return {};
}

std::string Escaped(const std::string& key) {
  std::string escaped;
  for (const char c : key) {
    escaped += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  }
  return escaped;
}

std::string Shown(const json* value) {
  if (value == nullptr) {
    return {};
  }
  std::string text = DumpJson(*value);
  if (text.size() > kMaxValueBytes) {
    std::size_t end = kMaxValueBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) {
      --end;  // within a character
    }
    text.resize(end);
    text += "…";
  }
  return text;
}

struct Pair {
  std::string pointer;
  const json* a;
  const json* b;
};

void PushMembers(const Pair& pair, std::vector<Pair>& left) {
  for (const auto& [key, value] : pair.a->items()) {
    const auto other = pair.b->find(key);
    left.push_back(
        {pair.pointer + "/" + Escaped(key), &value, other != pair.b->end() ? &*other : nullptr});
  }
  for (const auto& [key, value] : pair.b->items()) {
    if (!pair.a->contains(key)) {
      left.push_back({pair.pointer + "/" + Escaped(key), nullptr, &value});
    }
  }
}

void PushElements(const Pair& pair, std::vector<Pair>& left) {
  for (std::size_t i = 0; i < std::max(pair.a->size(), pair.b->size()); ++i) {
    left.push_back({pair.pointer + "/" + std::to_string(i),
                    i < pair.a->size() ? &(*pair.a)[i] : nullptr,
                    i < pair.b->size() ? &(*pair.b)[i] : nullptr});
  }
}

void CompareJson(const json& a, const json& b, std::size_t max_config, ImageDrift& drift) {
  std::vector<Pair> left{{"", &a, &b}};
  std::vector<Pair> differing;
  while (!left.empty()) {
    const Pair pair = std::move(left.back());
    left.pop_back();
    if (pair.a != nullptr && pair.b != nullptr) {
      if (*pair.a == *pair.b) {
        continue;
      }
      if (pair.a->is_object() && pair.b->is_object()) {
        PushMembers(pair, left);
        continue;
      }
      if (pair.a->is_array() && pair.b->is_array()) {
        PushElements(pair, left);
        continue;
      }
    }
    differing.push_back(pair);
  }
  std::ranges::sort(differing, {}, &Pair::pointer);
  for (const Pair& pair : differing) {
    if (drift.config.size() < max_config) {
      drift.config.push_back({pair.pointer, Shown(pair.a), Shown(pair.b)});
    } else {
      ++drift.more_config;
    }
  }
}

Result<json> ReadConfig(const Image& image, const BlobStore& store) {
  const auto text = store.Read(image.config.digest, kMaxConfigBytes);
  return text ? ParseJson(*text) : Result<json>(text.error());
}

}  // namespace

Result<ImageDrift> CompareImages(const Image& a, const Image& b, const BlobStore& store,
                                 const DriftLimits& limits, const std::stop_token& stop) {
  ImageDrift drift;
  drift.layers_before = a.diff_ids.size();
  drift.layers_after = b.diff_ids.size();
  if (auto compared = CompareLayers(a, b, store, limits.max_files, drift, stop); !compared) {
    return compared.error();
  }
  const auto before = ReadConfig(a, store);
  if (!before) {
    return before.error();
  }
  const auto after = ReadConfig(b, store);
  if (!after) {
    return after.error();
  }
  CompareJson(*before, *after, limits.max_config, drift);
  return drift;
}

}  // namespace casemate::oci
