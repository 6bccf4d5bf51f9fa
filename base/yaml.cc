#include "base/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <sstream>

#include "base/text.h"

namespace casemate {

struct YamlNode::Data {
  Kind kind = Kind::kNull;
  std::string where;
  std::string scalar;
  bool quoted = false;
  std::vector<std::string> keys;
  std::vector<std::shared_ptr<const Data>> children;  // items, or values in the order of keys
};

namespace {

using Data = YamlNode::Data;
using Kind = YamlNode::Kind;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxDepth = 32;

// Thrown inside the parser's callbacks and caught in ParseYaml; yaml-cpp offers no other way out.
class Refusal : public std::exception {
 public:
  Refusal(std::string where, std::string problem)
      : where_(std::move(where)), problem_(std::move(problem)) {}
  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::string where_;
  std::string problem_;
};

// Builds the plain tree from parser events, so that nothing which the file does not spell out
// (aliases, merged keys, the last of two duplicates) can enter it.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::string origin) : origin_(std::move(origin)) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      throw Refusal(At(mark), "expected one document, got a second one");
    }
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    RefuseAnchor(mark, anchor);
    Add(mark, MakeNode(mark, Kind::kNull));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refusal(At(mark), "aliases (*name) are not supported");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    auto node = MakeNode(mark, Kind::kScalar);
    node->scalar = value;
    node->quoted = tag == "!";
    if (!node->quoted && (value.empty() || value == "null" || value == "~")) {
      node->kind = Kind::kNull;
    }
    Add(mark, std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Kind::kSequence);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, Kind::kMap);
  }
  void OnMapEnd() override { open_.pop_back(); }

  [[nodiscard]] std::shared_ptr<Data> root() const { return root_; }

 private:
  [[nodiscard]] std::string At(const YAML::Mark& mark) const {
    return origin_ + ":" + std::to_string(mark.line + 1) + ":" + std::to_string(mark.column + 1);
  }
  void RefuseAnchor(const YAML::Mark& mark, YAML::anchor_t anchor) const {
    if (anchor != 0) {
      throw Refusal(At(mark), "anchors (&name) are not supported");
    }
  }
  void RefuseTag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!") {
      throw Refusal(At(mark), "tags (" + EscapeControls(tag, false) + ") are not supported");
    }
  }
  [[nodiscard]] std::shared_ptr<Data> MakeNode(const YAML::Mark& mark, Kind kind) const {
    auto node = std::make_shared<Data>();
    node->kind = kind;
    node->where = At(mark);
    return node;
  }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Kind kind) {
    RefuseAnchor(mark, anchor);
    RefuseTag(mark, tag);
    if (open_.size() >= kMaxDepth) {
      throw Refusal(At(mark), "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    auto node = MakeNode(mark, kind);
    Add(mark, node);
    open_.push_back(std::move(node));
  }

  void Add(const YAML::Mark& mark, std::shared_ptr<Data> node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Data& parent = *open_.back();
    const bool is_key = parent.kind == Kind::kMap && parent.keys.size() == parent.children.size();
    if (!is_key) {
      parent.children.push_back(std::move(node));
      return;
    }
    if (node->kind != Kind::kScalar) {
      throw Refusal(At(mark), "expected a plain text key");
    }
    if (std::find(parent.keys.begin(), parent.keys.end(), node->scalar) != parent.keys.end()) {
      throw Refusal(At(mark), "duplicate key `" + EscapeControls(node->scalar, false) + "`");
    }
    parent.keys.push_back(node->scalar);
  }

  std::string origin_;
  int documents_ = 0;
  std::vector<std::shared_ptr<Data>> open_;
  std::shared_ptr<Data> root_;
};

// One line of text, whatever of the file it quotes: yaml-cpp's own words quote it byte by byte.
Error At(const std::string& where, const std::string& what) {
  return InvalidArgument(where, EscapeControls(ToValidUtf8(what), false));
}

// YAML 1.2 §5.1 has no control characters but tabs and line ends; yaml-cpp takes them, and reads a
// NUL as a byte that is not UTF-8.
bool IsPrintable(std::string_view text) {
  return IsValidUtf8(text) && std::none_of(text.begin(), text.end(), [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte == 0x7F || (byte < 0x20 && c != '\t' && c != '\n' && c != '\r');
         });
}

std::string Got(const Data& data) {
  switch (data.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return "`" + EscapeControls(data.scalar.substr(0, 80), false) + "`";
    case Kind::kSequence:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "?";
}

// from_chars over the whole text; leading zeros would read as octal elsewhere.
template <typename Number>
std::optional<Number> ParseNumber(const Data& data) {
  const std::string& text = data.scalar;
  const std::size_t digits = text.starts_with('-') ? 1 : 0;
  const bool padded = text.size() > digits + 1 && text[digits] == '0' && text[digits + 1] >= '0' &&
                      text[digits + 1] <= '9';
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stopped, code] = std::from_chars(text.data(), end, value);
  if (data.kind != Kind::kScalar || data.quoted || padded || code != std::errc() ||
      stopped != end) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

Kind YamlNode::kind() const {
  return data_->kind;
}
std::string YamlNode::Where() const {
  return data_->where;
}
bool YamlNode::IsQuoted() const {
  return data_->quoted;
}

std::vector<YamlNode> YamlNode::Items() const {
  std::vector<YamlNode> items;
  if (data_->kind == Kind::kSequence) {
    for (const auto& child : data_->children) {
      items.emplace_back(child);
    }
  }
  return items;
}

std::vector<std::string> YamlNode::Keys() const {
  return data_->keys;
}

std::optional<YamlNode> YamlNode::Get(std::string_view key) const {
  const auto found = std::find(data_->keys.begin(), data_->keys.end(), key);
  if (found == data_->keys.end()) {
    return std::nullopt;
  }
  return YamlNode(data_->children[static_cast<std::size_t>(found - data_->keys.begin())]);
}

Result<std::string> YamlNode::AsString() const {
  if (data_->kind != Kind::kScalar) {
    return At(Where(), "expected text, got " + Got(*data_));
  }
  return data_->scalar;
}

Result<std::int64_t> YamlNode::AsInt() const {
  if (const auto value = ParseNumber<std::int64_t>(*data_)) {
    return *value;
  }
  return At(Where(), "expected a whole decimal number, got " + Got(*data_));
}

Result<double> YamlNode::AsNumber() const {
  const auto value = ParseNumber<double>(*data_);
  if (value && *value == *value && *value <= 1e300 && *value >= -1e300) {
    return *value;
  }
  return At(Where(), "expected a decimal number, got " + Got(*data_));
}

Result<bool> YamlNode::AsBool() const {
  if (data_->kind == Kind::kScalar && !data_->quoted) {
    if (data_->scalar == "true") {
      return true;
    }
    if (data_->scalar == "false") {
      return false;
    }
  }
  return At(Where(), "expected true or false, got " + Got(*data_));
}

Result<void> YamlNode::OnlyKeys(std::vector<std::string_view> allowed) const {
  for (std::size_t i = 0; i < data_->keys.size(); ++i) {
    const std::string& key = data_->keys[i];
    if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) {
      continue;
    }
    std::string what = "unknown key `" + EscapeControls(key, false) + "`";
    if (const auto nearest = NearestName(key, allowed)) {
      what += "; did you mean `" + *nearest + "`?";
    } else {
      std::vector<std::string> names(allowed.begin(), allowed.end());
      what += "; expected one of: " + Join(names, ", ");
    }
    return At(data_->children[i]->where, what);
  }
  return {};
}

Result<YamlNode> ParseYaml(std::string_view text, const std::string& origin) {
  if (text.size() > kMaxBytes) {
    return At(origin,
              "expected at most 1 MiB of YAML, got " + std::to_string(text.size()) + " bytes");
  }
  if (!IsPrintable(text)) {
    return At(origin, "expected UTF-8 text without control characters");
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(origin);
    while (parser.HandleNextDocument(builder)) {
    }
    if (builder.root() == nullptr) {
      return At(origin + ":1:1", "expected a map, got an empty file");
    }
    return YamlNode(builder.root());
  } catch (const Refusal& refusal) {
    return At(refusal.where(), refusal.problem());
  } catch (const YAML::Exception& error) {
    return At(origin + ":" + std::to_string(error.mark.line + 1) + ":" +
                  std::to_string(error.mark.column + 1),
              error.msg);
  } catch (const std::exception& error) {
    return At(origin, std::string("cannot read the YAML: ") + error.what());
  }
}

}  // namespace casemate
