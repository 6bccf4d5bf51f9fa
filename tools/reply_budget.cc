#include "tools/reply_budget.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "tools/output_text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxLineBytes = 300;

struct Bound {
  std::size_t items;  // of a list, and of a map if that is more than kOwnMembers
  std::size_t bytes;  // of a text
};
// From the most generous on, until it fits.
constexpr std::array<Bound, 4> kBounds = {{{100, 1000}, {40, 400}, {12, 200}, {3, 60}}};
// An object of so few members is one of ours, whose members all mean something; a longer one is a
// map of names that somebody else chose.
constexpr std::size_t kOwnMembers = 12;

std::string Shortened(std::string_view text, std::size_t max_bytes) {
  return text.size() <= max_bytes ? std::string(text)
                                  : std::string(Utf8Prefix(text, max_bytes)) + "…";
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as our own results are
json Bounded(const json& value, const Bound& bound) {
  if (value.is_string()) {
    return Shortened(ToValidUtf8(value.get_ref<const std::string&>()), bound.bytes);
  }
  if (!value.is_structured()) {
    return value;
  }
  json kept = value.is_array() ? json::array() : json::object();
  const std::size_t most = value.is_array() ? bound.items : std::max(bound.items, kOwnMembers);
  for (const auto& [name, item] : value.items()) {
    if (kept.size() == most) {
      break;
    }
    if (value.is_array()) {
      kept.push_back(Bounded(item, bound));
    } else {
      kept[Shortened(ToValidUtf8(name), bound.bytes)] = Bounded(item, bound);
    }
  }
  return kept;
}

}  // namespace

std::size_t SizeOf(const json& value) {
  return DumpJson(value).size();
}

json Fitted(const json& value, std::size_t max_bytes, std::vector<std::string>& cuts) {
  json fitted;
  for (const Bound& bound : kBounds) {
    // The members of the value itself are ours, and all stay.
    fitted = json::object();
    for (const auto& [name, member] : value.items()) {
      fitted[name] = Bounded(member, bound);
    }
    if (SizeOf(fitted) <= max_bytes) {
      break;
    }
  }
  for (const auto& [name, member] : value.items()) {
    if (member.is_structured() && fitted[name].size() < member.size()) {
      cuts.push_back("`" + name + "`: " + std::to_string(fitted[name].size()) + " of " +
                     std::to_string(member.size()));
    }
  }
  return fitted;
}

std::string FittedLines(std::string_view text, std::size_t max_bytes) {
  std::string kept;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::string shown = Shortened(line, kMaxLineBytes) + "\n";
    if (kept.size() + shown.size() > max_bytes) {
      const auto left = std::ranges::count(text, '\n') + (text.ends_with('\n') ? 0 : 1);
      return kept + "[" + std::to_string(left) + " more lines are left out]\n";
    }
    kept += shown;
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return kept;
}

}  // namespace casemate::tools
