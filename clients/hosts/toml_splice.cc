#include "clients/hosts/toml_splice.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "clients/hosts/text_position.h"
#include "clients/hosts/toml_document.h"

namespace casemate::hosts {
namespace {

using nlohmann::ordered_json;

struct Lines {  // whole lines of the text
  std::size_t begin;
  std::size_t end;
};

bool IsBareKey(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

// JSON's escapes of a string are among those of a TOML basic string; DEL must be one there.
std::string Quoted(const std::string& text) {
  std::string quoted =
      ordered_json(text).dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  for (std::size_t at = quoted.find('\x7f'); at != std::string::npos;
       at = quoted.find('\x7f', at)) {
    quoted.replace(at, 1, "\\u007F");
  }
  return quoted;
}

std::string KeyText(const std::string& key) {
  return IsBareKey(key) ? key : Quoted(key);
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as an entry
std::string ValueText(const ordered_json& value) {
  std::string text;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) {
      text += (text.empty() ? " " : ", ") + KeyText(key) + " = " + ValueText(member);
    }
    return "{" + text + (text.empty() ? "}" : " }");
  }
  if (value.is_array()) {
    for (const auto& element : value) {
      text += (text.empty() ? "" : ", ") + ValueText(element);
    }
    return "[" + text + "]";
  }
  return value.is_string() ? Quoted(value.get<std::string>()) : value.dump();
}

// A table with its header, without a line break at the end.
std::string Block(const KeyPath& path, const ordered_json& value, std::string_view newline) {
  std::string block = "[";
  for (const std::string& key : path) {
    block += (block.size() > 1 ? "." : "") + KeyText(key);
  }
  block += "]";
  for (const auto& [key, member] : value.items()) {
    block += std::string(newline) + KeyText(key) + " = " + ValueText(member);
  }
  return block;
}

bool IsBlankOrComment(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos || line[first] == '#';
}

// The tables of the entry, each from its header to its last value: what follows is somebody else's.
std::vector<Lines> TablesOf(std::string_view text, const TomlDocument& document,
                            const KeyPath& path) {
  std::vector<Lines> tables;
  for (std::size_t i = 0; i < document.headers.size(); ++i) {
    const TomlHeader& header = document.headers[i];
    if (header.keys.size() < path.size() ||
        !std::equal(path.begin(), path.end(), header.keys.begin())) {
      continue;
    }
    std::size_t end = i + 1 < document.headers.size() ? document.headers[i + 1].line : text.size();
    while (true) {
      const std::size_t content = end > 0 && text[end - 1] == '\n' ? end - 1 : end;
      const std::size_t line = text.substr(0, content).rfind('\n') + 1;
      if (line <= header.line || !IsBlankOrComment(text.substr(line, end - line))) {
        break;
      }
      end = line;
    }
    tables.push_back({header.line, end});
  }
  return tables;
}

// The line break, if any, that ends before `offset`.
std::size_t BeforeNewline(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  return offset - (before.ends_with("\r\n") ? 2 : before.ends_with("\n") ? 1 : 0);
}

// With the empty line that WithTomlEntry put before a table and, if the file ends without a line
// break, the one that it put before that.
Lines WithSpace(std::string_view text, Lines table) {
  const std::size_t line = BeforeNewline(text, table.begin);
  const std::size_t before = BeforeNewline(text, line);
  const bool at_end = table.end == text.size() && !text.ends_with('\n');
  if (line != table.begin && (before != line || line == 0)) {
    return {at_end ? before : line, table.end};
  }
  return table;
}

Error NotOurForm(std::string_view text, const TomlDocument& document, const KeyPath& path) {
  std::string name;
  for (const std::string& key : path) {
    name += (name.empty() ? "" : ".") + KeyText(key);
  }
  return ErrorAt(text, document.entry_begin,
                 "expected `" + name + "` as a table with a header, [" + name +
                     "], got another form; change it by hand");
}

// That `changed` says the same as the text, the entry apart. Where the entry cannot be appended,
// for what holds it is closed, is where that stands.
Result<TomlDocument> Verify(std::string_view text, const TomlDocument& before,
                            std::string_view changed, const KeyPath& path) {
  auto after = ParseToml(changed, path);
  if (!after) {
    return ErrorAt(text, text.size(),
                   "expected a file to which the table can be added at the end, got one where that "
                   "would be wrong (" +
                       after.error().message + "); is `" + path.front() + "` written inline?");
  }
  if (after->others != before.others) {
    return NotOurForm(text, before, path);
  }
  return after;
}

std::string WithoutTables(std::string_view text, const std::vector<Lines>& tables) {
  std::string result(text);
  for (auto table = tables.rbegin(); table != tables.rend(); ++table) {
    const Lines lines = WithSpace(text, *table);
    result.erase(lines.begin, lines.end - lines.begin);
  }
  return result;
}

}  // namespace

Result<std::optional<Entry>> FindInToml(std::string_view text, const KeyPath& path) {
  auto document = ParseToml(text, path);
  if (!document) {
    return std::move(document).error();
  }
  if (!document->has_entry) {
    return std::optional<Entry>();
  }
  const std::optional<std::string>& json = document->entry_json;
  if (!json) {
    return ErrorAt(text, document->entry_begin,
                   "expected strings, integers, booleans, arrays and tables in this entry, got "
                   "something else");
  }
  return std::optional<Entry>(Entry{*json, PositionOf(text, document->entry_begin)});
}

Result<std::string> WithTomlEntry(std::optional<std::string_view> text, const KeyPath& path,
                                  const ordered_json& value) {
  if (!text) {
    return Block(path, value, "\n") + "\n";
  }
  auto document = ParseToml(*text, path);
  if (!document) {
    return std::move(document).error();
  }
  const std::string newline(NewlineOf(*text));
  const std::string block = Block(path, value, newline);
  std::string result(*text);
  if (!document->has_entry) {
    const bool is_empty = text->empty() || *text == kByteOrderMark;
    const bool ends_line = is_empty || text->ends_with('\n');
    result += (is_empty    ? ""
               : ends_line ? newline
                           : newline + newline) +
              block + (ends_line ? newline : "");
  } else {
    // The order of keys is not kept by the library, and means nothing.
    const std::optional<std::string>& old = document->entry_json;
    if (old && nlohmann::json::parse(*old) == nlohmann::json(value)) {
      return result;
    }
    const auto tables = TablesOf(*text, *document, path);
    if (tables.empty()) {
      return NotOurForm(*text, *document, path);
    }
    const Lines first = tables.front();
    const bool ends_line = text->substr(0, first.end).ends_with('\n');
    result = WithoutTables(*text, {tables.begin() + 1, tables.end()});
    result.replace(first.begin, first.end - first.begin, block + (ends_line ? newline : ""));
  }
  auto verified = Verify(*text, *document, result, path);
  if (!verified) {
    return std::move(verified).error();
  }
  return result;
}

Result<std::optional<std::string>> WithoutTomlEntry(std::string_view text, const KeyPath& path) {
  auto document = ParseToml(text, path);
  if (!document) {
    return std::move(document).error();
  }
  if (!document->has_entry) {
    return std::optional<std::string>(text);
  }
  std::string result = WithoutTables(text, TablesOf(text, *document, path));
  auto verified = Verify(text, *document, result, path);
  if (!verified) {
    return std::move(verified).error();
  }
  if (verified->has_entry) {
    return NotOurForm(text, *document, path);
  }
  return std::optional<std::string>(std::move(result));
}

}  // namespace casemate::hosts
