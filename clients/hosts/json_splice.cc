#include "clients/hosts/json_splice.h"

#include <algorithm>
#include <span>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "clients/hosts/json_text.h"
#include "clients/hosts/jsonc.h"
#include "clients/hosts/text_position.h"

namespace casemate::hosts {
namespace {

using nlohmann::ordered_json;
using Keys = std::span<const std::string>;

struct Cut {
  std::size_t begin;
  std::size_t end;
};

// The containers from the root on, and the index in each of the member that leads on: as far as
// they are there.
struct Trail {
  std::vector<const JsonNode*> containers;
  std::vector<std::size_t> members;
  [[nodiscard]] const JsonMember& Last() const {
    return containers.back()->members[members.back()];
  }
};

constexpr std::size_t kNowhere = std::string_view::npos;

// kNowhere: there is no such member.
Result<std::size_t> IndexOf(std::string_view text, const JsonNode& object, const std::string& key) {
  std::size_t found = kNowhere;
  for (std::size_t i = 0; i < object.members.size(); ++i) {
    if (object.members[i].key != key) {
      continue;
    }
    if (found != kNowhere) {
      return ErrorAt(text, object.members[i].key_begin,
                     "expected one \"" + key + "\", got a second; the first is at " +
                         PositionOf(text, object.members[found].key_begin));
    }
    found = i;
  }
  return found;
}

// All containers of the path that are there; one member fewer if the last key is not.
Result<Trail> Follow(std::string_view text, const JsonNode& root, Keys path) {
  Trail trail;
  const JsonNode* node = &root;
  for (std::size_t depth = 0; depth < path.size(); ++depth) {
    if (node->kind != JsonNode::Kind::kObject) {
      const std::string what =
          depth == 0 ? "the file to hold" : "\"" + Join(path.first(depth), ".") + "\" to be";
      return ErrorAt(text, node->begin, "expected " + what + " an object, got something else");
    }
    auto index = IndexOf(text, *node, path[depth]);
    if (!index) {
      return std::move(index).error();
    }
    trail.containers.push_back(node);
    if (*index == kNowhere) {
      break;
    }
    trail.members.push_back(*index);
    node = &node->members[*index].value;
  }
  return trail;
}

bool IsWhole(const Trail& trail, Keys path) {
  return trail.members.size() == path.size();
}

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Past the spaces and comments after `offset` on its line, when the line ends after them; otherwise
// `offset` itself.
std::size_t EndOfLineTrivia(std::string_view text, std::size_t offset) {
  const std::size_t line = std::min(text.find('\n', offset), text.size());
  const std::size_t end = line > offset && text[line - 1] == '\r' ? line - 1 : line;
  return SkipTrivia(text.substr(0, end), offset) == end ? end : offset;
}

bool BeginsItsLine(std::string_view text, std::size_t after, std::size_t offset) {
  return text.substr(after, offset - after).find('\n') != std::string_view::npos;
}

std::string Inserted(std::string_view text, const JsonNode& object, Keys keys,
                     const ordered_json& value) {
  JsonLayout layout = LayoutOf(text);
  std::string result(text);
  if (object.members.empty()) {
    const std::string indent(IndentOf(text, object.begin));
    return result.insert(object.begin + 1, MemberText(keys, value, layout, indent));
  }
  const JsonMember& last = object.members.back();
  const std::size_t before = object.members.size() == 1
                                 ? object.begin + 1
                                 : object.members[object.members.size() - 2].comma + 1;
  const std::size_t end = last.has_comma() ? last.comma + 1 : last.value.end;
  std::size_t at = end;
  std::string member = " ";
  layout.one_line = !BeginsItsLine(text, before, last.key_begin);
  if (layout.one_line) {
    member += MemberText(keys, value, layout, "");
  } else {
    const std::string indent(IndentOf(text, last.key_begin));
    at = EndOfLineTrivia(text, end);
    member = layout.newline + indent + MemberText(keys, value, layout, indent);
  }
  result.insert(at, member + (last.has_comma() ? "," : ""));
  return last.has_comma() ? result : result.insert(end, ",");
}

// Of a member that goes: where to begin, so that its line goes too. Not if a line comment before it
// would swallow what follows on the line.
std::size_t CutFrom(std::string_view text, std::size_t after, std::size_t key, std::size_t end) {
  std::size_t begin = key;
  while (begin > after && (text[begin - 1] == ' ' || text[begin - 1] == '\t')) {
    --begin;
  }
  if (begin == after || text[begin - 1] != '\n') {
    return begin;
  }
  const std::size_t line = begin - (begin > after + 1 && text[begin - 2] == '\r' ? 2 : 1);
  const std::size_t next = std::min(text.find('\n', end), text.size());
  const bool is_commented = SkipTrivia(text.substr(0, line), after) == line &&
                            SkipTrivia(std::string(text.substr(0, line)) + "x", after) != line;
  return is_commented && !IsBlank(text.substr(end, next - end)) ? key : line;
}

// The cuts that take a member out of its object.
std::vector<Cut> CutsOf(std::string_view text, const JsonNode& object, std::size_t index) {
  const JsonMember& member = object.members[index];
  const JsonMember* before = index == 0 ? nullptr : &object.members[index - 1];
  const bool is_last = index + 1 == object.members.size();
  const std::size_t after = before != nullptr ? before->comma + 1 : object.begin + 1;
  // The comma goes where it separates: after the member, or before one that ended the object.
  const bool takes_own_comma = member.has_comma();
  std::size_t end = member.value.end;
  std::vector<Cut> cuts;
  if (takes_own_comma && IsBlank(text.substr(end, member.comma - end))) {
    end = member.comma + 1;
  } else if (takes_own_comma) {
    cuts.push_back({member.comma, member.comma + 1});
  } else if (before != nullptr) {
    cuts.push_back({before->comma, before->comma + 1});
  }
  std::size_t begin = CutFrom(text, after, member.key_begin, end);
  if (before == nullptr && !is_last && begin == after) {
    begin = member.key_begin;
    end = std::min(text.find_first_not_of(" \t", end), text.size());
  } else if (before == nullptr && is_last) {
    begin = member.key_begin;
  }
  cuts.push_back({begin, end});
  return cuts;
}

std::string Without(std::string_view text, std::vector<Cut> cuts) {
  std::string result(text);
  std::sort(cuts.begin(), cuts.end(), [](Cut a, Cut b) { return a.begin > b.begin; });
  for (const Cut& cut : cuts) {
    result.erase(cut.begin, cut.end - cut.begin);
  }
  return result;
}

// Whether ObjectText made this container: nothing but our member in it, and space on both sides.
bool IsMadeByUs(std::string_view text, const JsonNode& object) {
  if (object.members.size() != 1 || object.members[0].has_comma()) {
    return false;
  }
  const JsonMember& member = object.members[0];
  const std::string_view left = text.substr(object.begin + 1, member.key_begin - object.begin - 1);
  const std::string_view right = text.substr(member.value.end, object.end - 1 - member.value.end);
  return !left.empty() && IsBlank(left) && !right.empty() && IsBlank(right);
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxJsonDepth
bool IsSame(std::string_view a_text, const JsonNode& a, std::string_view b_text,
            const JsonNode& b) {
  if (a.kind != b.kind || a.members.size() != b.members.size()) {
    return false;
  }
  if (a.kind == JsonNode::Kind::kScalar) {
    return a_text.substr(a.begin, a.end - a.begin) == b_text.substr(b.begin, b.end - b.begin);
  }
  for (std::size_t i = 0; i < a.members.size(); ++i) {
    if (a.members[i].key != b.members[i].key ||
        !IsSame(a_text, a.members[i].value, b_text, b.members[i].value)) {
      return false;
    }
  }
  return true;
}

// Whether `rich` says what `plain` (null: nothing) says, and nothing else besides the path.
// NOLINTNEXTLINE(misc-no-recursion): as deep as the path is long
bool DiffersOnlyAt(std::string_view plain_text, const JsonNode* plain, std::string_view rich_text,
                   const JsonNode& rich, Keys path) {
  if (path.empty()) {
    return true;
  }
  if (rich.kind != JsonNode::Kind::kObject ||
      (plain != nullptr && plain->kind != JsonNode::Kind::kObject)) {
    return false;
  }
  std::vector<const JsonMember*> others;
  const JsonNode* plain_next = nullptr;
  for (std::size_t i = 0; plain != nullptr && i < plain->members.size(); ++i) {
    const JsonMember& member = plain->members[i];
    if (member.key == path.front()) {
      plain_next = &member.value;
    } else {
      others.push_back(&member);
    }
  }
  std::size_t next_other = 0;
  const JsonNode* rich_next = nullptr;
  for (const JsonMember& member : rich.members) {
    if (member.key == path.front()) {
      rich_next = &member.value;
    } else if (next_other == others.size() || others[next_other]->key != member.key ||
               !IsSame(plain_text, others[next_other]->value, rich_text, member.value)) {
      return false;
    } else {
      ++next_other;
    }
  }
  return next_other == others.size() && rich_next != nullptr &&
         DiffersOnlyAt(plain_text, plain_next, rich_text, *rich_next, path.subspan(1));
}

// The last line of defence before somebody's file is written: a splice that changed more than the
// entry is a defect of ours.
Result<void> Verify(std::string_view plain, std::string_view rich, Keys path) {
  auto plain_root = ParseJsonc(plain);
  auto rich_root = ParseJsonc(rich);
  if (plain_root && rich_root) {
    const bool is_blank = plain_root->kind == JsonNode::Kind::kNothing;
    if (DiffersOnlyAt(plain, is_blank ? nullptr : &*plain_root, rich, *rich_root, path)) {
      return {};
    }
  }
  return Error{ErrorCode::kInternal, "the changed file would not say what the old one said",
               PositionOf(plain, 0), "nothing was written; please report it with the file", 0};
}

// A new text for a document of which nothing would be left; no inner value: no file at all.
std::optional<std::string> WithoutRoot(std::string_view text, const JsonNode& root) {
  const std::string_view before = text.substr(0, root.begin);
  const std::string_view after = text.substr(root.end);
  const std::string newline(NewlineOf(text));
  if (after == newline + newline) {
    return std::string(before);
  }
  if (before.empty() && after == newline) {
    return std::nullopt;
  }
  return std::string(before) + "{}" + std::string(after);
}

}  // namespace

Result<std::optional<Entry>> FindInJson(std::string_view text, const KeyPath& path) {
  auto root = ParseJsonc(text);
  if (!root) {
    return std::move(root).error();
  }
  if (root->kind == JsonNode::Kind::kNothing) {
    return std::optional<Entry>();
  }
  auto trail = Follow(text, *root, path);
  if (!trail) {
    return std::move(trail).error();
  }
  if (!IsWhole(*trail, path)) {
    return std::optional<Entry>();
  }
  const JsonNode& node = trail->Last().value;
  if (node.end - node.begin > kMaxEntryBytes) {
    return ErrorAt(
        text, node.begin,
        "expected an entry of at most " + std::to_string(kMaxEntryBytes) + " bytes, got more");
  }
  return std::optional<Entry>(
      Entry{ValueOf(text, node).dump(), PositionOf(text, trail->Last().key_begin)});
}

Result<std::string> WithJsonEntry(std::optional<std::string_view> text, const KeyPath& path,
                                  const ordered_json& value) {
  if (!text) {
    return ObjectText(path, value, {}, "") + "\n";
  }
  auto root = ParseJsonc(*text);
  if (!root) {
    return std::move(root).error();
  }
  std::string result;
  if (root->kind == JsonNode::Kind::kNothing) {
    const JsonLayout layout{.newline = std::string(NewlineOf(*text))};
    result =
        std::string(*text) + ObjectText(path, value, layout, "") + layout.newline + layout.newline;
  } else {
    auto trail = Follow(*text, *root, path);
    if (!trail) {
      return std::move(trail).error();
    }
    if (IsWhole(*trail, path)) {
      const JsonMember& member = trail->Last();
      const JsonNode& old = member.value;
      if (old.end - old.begin <= kMaxEntryBytes &&
          nlohmann::json(ValueOf(*text, old)) == nlohmann::json(value)) {
        return std::string(*text);
      }
      JsonLayout layout = LayoutOf(*text);
      layout.one_line =
          text->substr(old.begin, old.end - old.begin).find('\n') == std::string_view::npos;
      result = std::string(*text).replace(
          old.begin, old.end - old.begin,
          JsonText(value, layout, std::string(IndentOf(*text, member.key_begin))));
    } else {
      result = Inserted(*text, *trail->containers.back(), Keys(path).subspan(trail->members.size()),
                        value);
    }
  }
  if (auto verified = Verify(*text, result, path); !verified) {
    return verified.error();
  }
  return result;
}

Result<std::optional<std::string>> WithoutJsonEntry(std::string_view text, const KeyPath& path) {
  auto root = ParseJsonc(text);
  if (!root) {
    return std::move(root).error();
  }
  auto trail =
      root->kind == JsonNode::Kind::kNothing ? Result<Trail>(Trail{}) : Follow(text, *root, path);
  if (!trail) {
    return std::move(trail).error();
  }
  if (!IsWhole(*trail, path)) {
    return std::optional<std::string>(text);
  }
  std::size_t depth = path.size() - 1;
  while (depth > 0 && IsMadeByUs(text, *trail->containers[depth])) {
    --depth;
  }
  const JsonNode& container = *trail->containers[depth];
  std::optional<std::string> result;
  if (depth == 0 && IsMadeByUs(text, container)) {
    result = WithoutRoot(text, container);
  } else {
    result = Without(text, CutsOf(text, container, trail->members[depth]));
  }
  if (auto verified = Verify(result.value_or(""), text, path); !verified) {
    return verified.error();
  }
  return result;
}

}  // namespace casemate::hosts
