#include "policies/engine/attributes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <span>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "policies/engine/history_facts.h"

namespace casemate::policies {

namespace {

constexpr std::size_t kMaxPathBytes = 256;
constexpr std::size_t kMaxSegments = 16;
constexpr std::array<std::string_view, 5> kRoots = {"tool", "principal", "args", "context",
                                                    "history"};
constexpr std::array<std::string_view, 4> kHistoryFields = {"read_secret", "read_untrusted",
                                                            "egress_hosts", "calls"};
constexpr std::array<std::string_view, 3> kPrincipalFields = {"id", "tenant", "roles"};

Error BadPath(std::string_view text, std::string_view expected) {
  return InvalidArgument("path", "expected " + std::string(expected) + ", got `" +
                                     EscapeControls(ToValidUtf8(text.substr(0, 64)), false) + "`");
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t dot = text.find('.'); dot != std::string_view::npos;
       dot = text.find('.', start)) {
    parts.emplace_back(text.substr(start, dot - start));
    start = dot + 1;
  }
  parts.emplace_back(text.substr(start));
  return parts;
}

Result<void> RequireOneOf(std::string_view name, std::span<const std::string_view> names,
                          std::string_view path) {
  if (std::ranges::find(names, name) != names.end()) {
    return {};
  }
  std::vector<std::string> texts(names.begin(), names.end());
  std::string expected = "one of " + Join(texts, ", ") + " in a path";
  if (const auto nearest = NearestName(name, names)) {
    expected += " (did you mean `" + *nearest + "`?)";
  }
  return BadPath(path, expected);
}

std::optional<std::size_t> ParseIndex(const std::string& segment) {
  std::size_t index = 0;
  const char* end = segment.data() + segment.size();
  const auto [stop, code] = std::from_chars(segment.data(), end, index);
  if (code != std::errc() || stop != end) {
    return std::nullopt;
  }
  return index;
}

// One step down from `parent`.
Attribute Child(const nlohmann::json& parent, const std::string& segment) {
  if (parent.is_object()) {
    const auto found = parent.find(segment);
    if (found == parent.end()) {
      return {Attribute::State::kMissing, nullptr};
    }
    return {Attribute::State::kFound, &*found};
  }
  if (parent.is_array()) {
    const auto index = ParseIndex(segment);
    if (!index) {
      return {Attribute::State::kUnreachable, nullptr};
    }
    if (*index >= parent.size()) {
      return {Attribute::State::kMissing, nullptr};
    }
    return {Attribute::State::kFound, &parent[*index]};
  }
  return {Attribute::State::kUnreachable, nullptr};
}

}  // namespace

Result<AttributePath> AttributePath::Parse(std::string_view text) {
  if (text.size() > kMaxPathBytes) {
    return BadPath(text, "a path of at most 256 bytes");
  }
  AttributePath path;
  path.text_ = std::string(text);
  path.segments_ = Split(text);
  const auto& parts = path.segments_;
  if (std::ranges::any_of(parts, [](const std::string& part) { return part.empty(); })) {
    return BadPath(text, "names separated by single dots");
  }
  if (auto known = RequireOneOf(parts[0], kRoots, text); !known) {
    return known.error();
  }
  if (parts[0] == "tool" && parts.size() != 1) {
    return BadPath(text, "`tool` alone");
  }
  if (parts[0] != "tool" && (parts.size() < 2 || parts.size() > kMaxSegments)) {
    return BadPath(text, "2 to 16 names, such as args.network");
  }
  if (parts[0] == "principal") {
    if (auto known = RequireOneOf(parts[1], kPrincipalFields, text); !known) {
      return known.error();
    }
  }
  if (parts[0] == "history") {
    if (auto known = RequireOneOf(parts[1], kHistoryFields, text); !known) {
      return known.error();
    }
    if (parts[1] == "calls") {
      std::vector<std::string_view> windows;
      std::ranges::transform(kHistoryWindows, std::back_inserter(windows), &HistoryWindow::name);
      if (auto known = RequireOneOf(parts.size() > 2 ? parts[2] : "", windows, text); !known) {
        return known.error();
      }
    }
  }
  return path;
}

Attributes::Attributes(const PolicyInput& input)
    : args_(input.args),
      context_(input.context),
      history_(input.history),
      caller_(std::make_unique<const nlohmann::json>(
          nlohmann::json{{"tool", input.tool},
                         {"principal",
                          {{"id", input.principal.id},
                           {"tenant", input.principal.tenant},
                           {"roles", input.principal.roles}}}})) {}

Attributes::Attributes(const PolicyInput& input, std::vector<std::string>& hidden)
    : Attributes(input) {
  hidden_ = &hidden;
}

Attributes::~Attributes() = default;

std::size_t Attributes::HiddenCount() const {
  return hidden_ == nullptr ? 0 : hidden_->size();
}

void Attributes::ForgetHidden(std::size_t count) const {
  if (hidden_ != nullptr) {
    hidden_->resize(std::min(count, hidden_->size()));
  }
}

bool IsOmitted(const nlohmann::json& value) {
  if (!value.is_object()) {
    return false;
  }
  const auto omitted = value.find("omitted");
  return omitted != value.end() && omitted->is_boolean() && omitted->get<bool>();
}

Attribute Attributes::Find(const AttributePath& path) const {
  const auto& segments = path.segments();
  if (segments.empty()) {
    return {Attribute::State::kUnreachable, nullptr};
  }
  Attribute at{Attribute::State::kFound, caller_.get()};
  std::size_t next = 0;
  if (segments[0] == "args" || segments[0] == "context" || segments[0] == "history") {
    at.value = segments[0] == "args" ? &args_ : segments[0] == "context" ? &context_ : &history_;
    next = 1;
  }
  // a.b is missing when a is absent, but unreachable when a is, say, a string.
  for (; at.state == Attribute::State::kFound; ++next) {
    if (hidden_ != nullptr && IsOmitted(*at.value)) {
      hidden_->push_back(path.text());
      return {Attribute::State::kUnreachable, nullptr};
    }
    if (next == segments.size()) {
      break;
    }
    at = Child(*at.value, segments[next]);
  }
  return at;
}

}  // namespace casemate::policies
