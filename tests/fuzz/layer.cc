// Fuzz target: a layer of a stranger's image. Its first byte says how it is packed and cut. The
// same entries are told however the bytes come; names are clean; what applies stays in the root.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"
#include "sandbox/container/oci/image_tree.h"
#include "sandbox/container/oci/layer_reader.h"
#include "tests/fuzz/found.h"

namespace {

using namespace casemate;       // NOLINT(google-build-using-namespace)
using namespace casemate::oci;  // NOLINT(google-build-using-namespace)

bool IsClean(std::string_view path) {
  const std::string around =
      std::string(path.starts_with('/') ? "" : "/") + std::string(path) + "/";
  return path.empty() || path == "/" ||
         (around.find("//") == std::string::npos && around.find("/./") == std::string::npos);
}

bool HasDots(std::string_view path) {
  return ("/" + std::string(path) + "/").find("/../") != std::string::npos;
}

class Checker : public TarVisitor {
 public:
  Result<void> Entry(const TarHeader& header) override {
    if (is_open_) {
      fuzz::Found("an entry within another");
    }
    const bool leaves = header.path.starts_with('/') || HasDots(header.path);
    if (!IsClean(header.path) || header.path.find('\0') != std::string::npos || header.size < 0 ||
        header.mode > 07777 || (leaves && !header.is_unsafe)) {
      fuzz::Found("a header that is not what it promises");
    }
    is_open_ = true;
    left_ = header.size;
    told_ += header.path + '\0' + header.link_target + '\0' + std::to_string(header.size) + ' ' +
             std::to_string(header.mtime_s) + ' ' + std::to_string(header.uid) + '\n';
    if (auto applied = tree_.Apply(header, entry_ / 4, entry_); !applied) {
      told_ += applied.error().message;
    }
    ++entry_;
    return {};
  }
  Result<void> Content(std::string_view bytes) override {
    left_ -= static_cast<std::int64_t>(bytes.size());
    told_ += bytes;
    if (!is_open_ || left_ < 0 || bytes.empty()) {
      fuzz::Found("content that belongs to nothing");
    }
    return {};
  }
  Result<void> EntryEnd() override {
    if (!is_open_ || left_ != 0) {
      fuzz::Found("an end before the content is whole");
    }
    is_open_ = false;
    return {};
  }
  [[nodiscard]] const std::string& told() const { return told_; }
  void CheckTree() const {
    for (const auto& [path, node] : tree_.nodes()) {
      if (!IsClean(path) || path.starts_with('/') || HasDots(path)) {
        fuzz::Found("a path that leaves the root");
      }
      const std::size_t slash = path.rfind('/');
      const auto* parent = slash == std::string::npos ? nullptr : tree_.Find(path.substr(0, slash));
      if (slash != std::string::npos &&
          (parent == nullptr || parent->kind != TarKind::kDirectory)) {
        fuzz::Found("a path below no directory");
      }
      static_cast<void>(tree_.Resolve(path, true));
    }
  }

 private:
  bool is_open_ = false;
  std::int64_t left_ = 0;
  std::size_t entry_ = 0;
  std::string told_;
  ImageTree tree_{ImageTree::Keep::kAll};
};

std::string Read(std::string_view bytes, LayerCompression compression, std::size_t step) {
  LayerLimits limits;
  limits.max_bytes = 1 << 20;
  limits.max_entries = 100;
  Checker checker;
  LayerStream stream(compression, limits, checker, {});
  Result<void> fed;
  for (std::size_t at = 0; at < bytes.size() && fed; at += step) {
    fed = stream.Feed(bytes.substr(at, step));
  }
  const auto finished = fed ? stream.Finish() : Result<LayerContent>(fed.error());
  checker.CheckTree();
  if (finished) {
    return checker.told() + finished->diff_id;
  }
  const std::string why = Describe(finished.error());
  const bool is_expected = finished.error().code == ErrorCode::kInvalidArgument ||
                           finished.error().code == ErrorCode::kResourceExhausted;
  if (!is_expected || !IsValidUtf8(why) || why.find('\n') != std::string::npos) {
    fuzz::Found("a refusal that is not one line of text: " + why);
  }
  return why;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto compression = data[0] % 2 == 0 ? LayerCompression::kNone : LayerCompression::kGzip;
  const std::size_t step = 1 + data[0] / 2 * std::size_t{7};
  const std::string whole = Read(bytes, compression, bytes.size() + 1);
  if (Read(bytes, compression, step) != whole) {
    fuzz::Found("the same bytes in other pieces are another layer");
  }
  return 0;
}
