#include "clients/hosts/toml_document.h"

#include <algorithm>
#include <sstream>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/toml.h"
#include "clients/hosts/text_position.h"

namespace casemate::hosts {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
// The library goes a level of its stack deeper for each part of a key, and has no limit of its own:
// so many dots a line are free, and so many more may be in the whole file.
constexpr std::ptrdiff_t kFreeDots = 16;
constexpr std::ptrdiff_t kMoreDots = 1000;

struct Range {
  std::size_t begin;
  std::size_t end;
};

// Turns the library's lines and columns, in code points, into offsets.
class Offsets {
 public:
  explicit Offsets(std::string_view text) : text_(text) {
    lines_.push_back(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
    for (std::size_t at = text.find('\n'); at != std::string_view::npos;
         at = text.find('\n', at + 1)) {
      lines_.push_back(at + 1);
    }
  }

  [[nodiscard]] std::size_t Of(const toml::source_position& position) const {
    if (position.line == 0 || position.line > lines_.size()) {
      return position.line == 0 ? 0 : text_.size();
    }
    std::size_t at = lines_[position.line - 1];
    for (auto left = position.column; left > 1 && at < text_.size(); --left) {
      do {
        ++at;
      } while (at < text_.size() && (static_cast<unsigned char>(text_[at]) & 0xC0U) == 0x80U);
    }
    return at;
  }
  [[nodiscard]] const std::vector<std::size_t>& Lines() const { return lines_; }

 private:
  std::string_view text_;
  std::vector<std::size_t> lines_;
};

// Everything between a value's first and last byte.
// NOLINTNEXTLINE(misc-no-recursion): the parser and CheckBounds bound the depth
void CollectValues(const toml::node& node, const Offsets& offsets, std::vector<Range>& ranges) {
  const toml::table* table = node.as_table();
  const toml::array* array = node.as_array();
  const bool of_headers = (table != nullptr && !table->is_inline()) ||
                          (array != nullptr && !array->empty() && array->is_array_of_tables() &&
                           !array->front().as_table()->is_inline());
  if (!of_headers) {
    ranges.push_back({offsets.Of(node.source().begin), offsets.Of(node.source().end)});
  } else if (table != nullptr) {
    for (const auto& [key, value] : *table) {
      CollectValues(value, offsets, ranges);
    }
  } else {
    for (const toml::node& element : *array) {
      CollectValues(element, offsets, ranges);
    }
  }
}

// The keys of a header line: the line alone is a document with one table.
std::vector<std::string> KeysOf(std::string_view line) {
  const toml::parse_result parsed = toml::parse(line);
  std::vector<std::string> keys;
  const toml::table* table = parsed ? &parsed.table() : nullptr;
  while (table != nullptr && !table->empty()) {
    keys.emplace_back(table->begin()->first.str());
    const toml::node& value = table->begin()->second;
    table = value.is_array() && !value.as_array()->empty() ? value.as_array()->front().as_table()
                                                           : value.as_table();
  }
  return keys;
}

std::vector<TomlHeader> HeadersOf(std::string_view text, const toml::table& root,
                                  const Offsets& offsets) {
  std::vector<Range> values;
  CollectValues(root, offsets, values);
  std::sort(values.begin(), values.end(), [](Range a, Range b) { return a.begin < b.begin; });
  std::vector<TomlHeader> headers;
  for (const std::size_t line : offsets.Lines()) {
    const std::size_t first = text.find_first_not_of(" \t", line);
    const auto next = std::upper_bound(values.begin(), values.end(), line,
                                       [](std::size_t at, Range r) { return at < r.begin; });
    const bool in_value = next != values.begin() && line < std::prev(next)->end;
    if (first != std::string_view::npos && text[first] == '[' && !in_value) {
      const std::size_t end = std::min(text.find_first_of("\r\n", first), text.size());
      headers.push_back({line, KeysOf(text.substr(first, end - first))});
    }
  }
  return headers;
}

template <typename Value>
json Tagged(const Value& value) {
  std::ostringstream text;
  text << std::hexfloat << value;
  return {{"", text.str()}};
}

// `is_exact` becomes false if there is something that JSON has no word for, such as a date; it gets
// a form of its own then, so that it still can be compared.
// NOLINTNEXTLINE(misc-no-recursion): the parser and CheckBounds bound the depth
json ToJson(const toml::node& node, bool& is_exact) {
  if (const auto* table = node.as_table()) {
    json object = json::object();
    for (const auto& [key, value] : *table) {
      object[std::string(key.str())] = ToJson(value, is_exact);
    }
    return object;
  }
  if (const auto* elements = node.as_array()) {
    json array = json::array();
    for (const toml::node& element : *elements) {
      array.push_back(ToJson(element, is_exact));
    }
    return array;
  }
  if (const auto* text = node.as_string()) {
    return text->get();
  }
  if (const auto* integer = node.as_integer()) {
    return integer->get();
  }
  if (const auto* boolean = node.as_boolean()) {
    return boolean->get();
  }
  is_exact = false;
  if (const auto* number = node.as_floating_point()) {
    return Tagged(number->get());
  }
  if (const auto* date = node.as_date()) {
    return Tagged(date->get());
  }
  if (const auto* time = node.as_time()) {
    return Tagged(time->get());
  }
  return Tagged(node.as_date_time()->get());
}

Result<void> CheckBounds(std::string_view text, const Offsets& offsets) {
  if (text.size() > kMaxBytes) {
    return ErrorAt(text, 0,
                   "expected at most " + std::to_string(kMaxBytes) + " bytes, got " +
                       std::to_string(text.size()));
  }
  std::ptrdiff_t more = 0;
  for (const std::size_t line : offsets.Lines()) {
    const std::string_view content = text.substr(line, text.find('\n', line) - line);
    more +=
        std::max<std::ptrdiff_t>(std::count(content.begin(), content.end(), '.') - kFreeDots, 0);
    if (more > kMoreDots) {
      return ErrorAt(text, line, "expected lines of few dots, got too many");
    }
  }
  return {};
}

}  // namespace

Result<TomlDocument> ParseToml(std::string_view text, const KeyPath& path) {
  const Offsets offsets(text);
  if (auto checked = CheckBounds(text, offsets); !checked) {
    return checked.error();
  }
  if (auto checked = CheckText(text); !checked) {
    return checked.error();
  }
  const bool marked = text.starts_with(kByteOrderMark);
  toml::parse_result parsed = toml::parse(text.substr(marked ? kByteOrderMark.size() : 0));
  if (!parsed) {
    return ErrorAt(text, offsets.Of(parsed.error().source().begin),
                   "expected TOML: " + ToValidUtf8(parsed.error().description()));
  }
  TomlDocument document;
  toml::table& root = parsed.table();
  document.headers = HeadersOf(text, root, offsets);
  std::vector<toml::table*> tables = {&root};
  for (const std::string& key : path) {
    toml::node* node = tables.back()->get(key);
    if (node == nullptr) {
      break;
    }
    if (!node->is_table()) {
      return ErrorAt(text, offsets.Of(node->source().begin),
                     "expected `" + key + "` to be a table, got something else");
    }
    tables.push_back(node->as_table());
  }
  if (tables.size() == path.size() + 1) {
    document.has_entry = true;
    document.entry_begin = offsets.Of(tables.back()->source().begin);
    bool is_exact = true;
    const json value = ToJson(*tables.back(), is_exact);
    if (is_exact) {
      document.entry_json = value.dump();
    }
    tables.pop_back();
    tables.back()->erase(path.back());
  }
  // A table that was only there for the entry says nothing.
  for (; tables.size() > 1 && tables.back()->empty(); tables.pop_back()) {
    tables[tables.size() - 2]->erase(path[tables.size() - 2]);
  }
  bool ignored = true;
  document.others = ToJson(root, ignored).dump();
  return document;
}

}  // namespace casemate::hosts
