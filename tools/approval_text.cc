#include "tools/approval_text.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/json.h"
#include "policies/engine/policy_json.h"
#include "tools/output_text.h"
#include "tools/visible_text.h"

namespace casemate::tools {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxCommand = 2000;  // bytes shown
constexpr std::size_t kMaxCode = 2000;
constexpr std::size_t kMaxCodeShown = 3 * kMaxCode;  // with what makes it visible
constexpr std::size_t kMaxCodeLines = 60;
constexpr std::size_t kMaxLine = 400;
constexpr std::size_t kMaxListed = 16;
constexpr std::size_t kMaxSummary = 120;

const json* Member(const json& object, std::string_view key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string TextOf(const json& object, std::string_view key) {
  const json* found = Member(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

// `shown` up to a character's end before `max`, and what is missing.
std::string Cut(std::string shown, std::size_t max, std::string_view whole) {
  if (shown.size() <= max) {
    return shown;
  }
  while (max > 0 && (static_cast<unsigned char>(shown[max]) & 0xC0U) == 0x80) {
    --max;
  }
  shown.resize(max);
  return shown + " [\u2026 cut: " + std::to_string(whole.size()) + " bytes in all, SHA-256 " +
         Sha256Hex(whole) + "]";
}

// Code is full of tabs, and none of them hides anything.
std::string Untabbed(std::string_view line) {
  std::string text;
  for (const char c : line) {
    text += c == '\t' ? std::string(4, ' ') : std::string(1, c);
  }
  return text;
}

class Writer {
 public:
  void Line(std::string_view name, const std::string& value) {
    text_ += std::string(name) + ": " + value + "\n";
  }
  std::string Plain(std::string_view value, std::size_t max = kMaxLine) {
    return Cut(Visible(value, marks_), max, value);
  }
  std::string Quoted(std::string_view value, std::size_t max = kMaxLine) {
    return Cut(QuotedVisible(value, marks_), max, value);
  }
  // Words of a command line; each is quoted by itself, so that no two commands look the same.
  std::string Words(const json& words) {
    std::string shown;
    for (const json& word : words) {
      shown += shown.empty() ? "" : " ";
      shown += QuotedVisible(word.is_string() ? word.get<std::string>() : DumpJson(word), marks_);
      if (shown.size() > kMaxCommand) {
        break;
      }
    }
    return Cut(std::move(shown), kMaxCommand, DumpJson(words));
  }
  // As much of it as may be shown; false: not all.
  bool Block(std::string_view text) {
    std::string_view rest = text;
    std::size_t shown = 0;
    for (std::size_t lines = 0; !rest.empty(); ++lines) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      const std::string visible = Visible(Untabbed(line), marks_);
      shown += visible.size();
      if (lines == kMaxCodeLines || shown > kMaxCodeShown) {
        return false;
      }
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      // The bar: a line of code cannot pass for a line of ours.
      text_ += "  | " + visible + "\n";
    }
    return true;
  }
  void Add(const std::string& text) { text_ += text; }

  [[nodiscard]] const VisibleMarks& marks() const { return marks_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
  VisibleMarks marks_;
};

std::string DigestWords(const json& digest) {
  const json* bytes = Member(digest, "bytes");
  return (bytes != nullptr ? DumpJson(*bytes) : std::string("?")) + " bytes, SHA-256 " +
         TextOf(digest, "sha256");
}

void WriteCode(Writer& out, const json& code) {
  const std::string excerpt = TextOf(code, "excerpt");
  const json* bytes = Member(code, "bytes");
  const std::string_view shown = Utf8Prefix(excerpt, kMaxCode);
  out.Line("Code", out.Plain(TextOf(code, "language")) + ", " + DigestWords(code));
  const bool is_whole = bytes != nullptr && *bytes == shown.size();
  if (!out.Block(shown) || !is_whole) {
    out.Add("  [\u2026 the rest is not shown; its digest is that above]\n");
  }
}

void WriteList(Writer& out, std::string_view name, const json& items,
               const std::function<std::string(const json&)>& words) {
  std::string line;
  std::size_t count = 0;
  for (const json& item : items) {
    if (++count > kMaxListed) {
      line += " [\u2026 " + std::to_string(items.size() - kMaxListed) +
              " more, SHA-256 of the list " + Sha256Hex(DumpJson(items)) + "]";
      break;
    }
    line += (line.empty() ? "" : ", ") + words(item);
  }
  out.Line(name, line);
}

// Takes the member out of `rest` if it has that type: what is left there is shown as JSON, so that
// nothing is left out.
json Take(json& rest, std::string_view key, json::value_t type) {
  const auto found = rest.find(key);
  if (found == rest.end() || found->type() != type) {
    return {};
  }
  json taken = std::move(*found);
  rest.erase(found);
  return taken;
}

void WriteWorkspace(Writer& out, json& rest, const json& context) {
  const std::string workspace = TextOf(context, "workspace");
  if (workspace.empty() || TextOf(rest, "workspace") != workspace) {
    if (rest.contains("network") && !rest.contains("workspace")) {
      out.Line("Workspace", "private, gone at the end");
    }
    return;
  }
  rest.erase("workspace");
  out.Line("Workspace", out.Quoted(workspace) + " (" +
                            out.Plain(TextOf(context, "workspace_mode")) +
                            "); what its files hold is not bound, and may change before it runs");
}

void WriteInputs(Writer& out, json& rest) {
  if (const json data = Take(rest, "stdin", json::value_t::object); !data.is_null()) {
    out.Line("Standard input", DigestWords(data));
  }
  if (const json files = Take(rest, "files", json::value_t::array); !files.is_null()) {
    WriteList(out, "Files written first", files, [&](const json& file) {
      return out.Quoted(TextOf(file, "path")) + " (" + DigestWords(file) + ")";
    });
  }
  if (const json env = Take(rest, "env", json::value_t::array); !env.is_null()) {
    WriteList(out, "Variables set (values are bound, not shown)", env, [&](const json& name) {
      return out.Quoted(name.is_string() ? name.get<std::string>() : DumpJson(name));
    });
  }
}

// Of container_optimize: each action by what somebody would notice, then all else that it says.
void WriteActions(Writer& out, json& rest) {
  const json actions = Take(rest, "actions", json::value_t::array);
  const auto is_plain = [](const json& action) { return action.is_object(); };
  if (actions.is_null() || !std::ranges::all_of(actions, is_plain)) {
    if (!actions.is_null()) {
      rest["actions"] = actions;
    }
    return;
  }
  for (json action : actions) {
    const json kind = Take(action, "kind", json::value_t::string);
    const json name = Take(action, "name", json::value_t::string);
    const json effect = Take(action, "effect", json::value_t::string);
    const json reason = Take(action, "reason", json::value_t::string);
    const auto words = [](const json& text) {
      return text.is_null() ? std::string() : text.get<std::string>();
    };
    out.Line("Action", out.Quoted(words(kind)) +
                           (name.is_null() ? std::string() : " of " + out.Quoted(words(name))) +
                           ": " + out.Plain(words(effect)));
    if (!reason.is_null()) {
      out.Line("  because", out.Plain(words(reason)));
    }
    out.Line("  with", out.Plain(DumpJson(action)));
  }
}

void WriteArguments(Writer& out, json rest, const json& context) {
  if (const json command = Take(rest, "command", json::value_t::array); !command.is_null()) {
    out.Line("Command", out.Words(command));
  }
  if (const json code = Take(rest, "code", json::value_t::object); !code.is_null()) {
    WriteCode(out, code);
    if (rest.contains("language") && rest["language"] == code.value("language", json())) {
      rest.erase("language");
    }
  }
  WriteActions(out, rest);
  WriteInputs(out, rest);
  WriteWorkspace(out, rest, context);
  if (const json background = Take(rest, "background", json::value_t::boolean);
      background == true) {
    out.Line("Background", "yes: it goes on after the call");
  }
  for (const auto& [name, value] : rest.items()) {
    out.Line(out.Quoted(name), out.Plain(DumpJson(value)));
  }
}

void WriteDecision(Writer& out, const ApprovalFacts& facts) {
  const policies::Decision& decision = facts.decision;
  const policies::Principal& who = facts.call.principal;
  out.Line("Asked by", out.Quoted(who.id) + " of tenant " + out.Quoted(who.tenant) + ", over " +
                           out.Plain(facts.call.channel));
  out.Line("Because of rule", out.Quoted(decision.rule_id) + ": " + out.Plain(decision.reason));
  if (decision.asked) {
    out.Line("Approval grants at most", out.Plain(DumpJson(policies::RightsJson(*decision.asked))));
  }
  out.Line("Digest of the call", facts.call.hash);
}

std::string Warning(const VisibleMarks& marks) {
  std::string warning;
  if (marks.look_alikes > 0) {
    warning += "WARNING: " + std::to_string(marks.look_alikes) +
               " look-alikes: characters that look like others, each followed by its number.\n";
  }
  if (marks.hidden > 0) {
    warning += "WARNING: " + std::to_string(marks.hidden) +
               " invisible or controlling characters, shown as \u2039U+\u2026\u203a.\n";
  }
  return warning;
}

std::string Summary(const ApprovalFacts& facts) {
  Writer out;
  std::string line = facts.call.tool;
  if (const json* command = Member(facts.args, "command");
      command != nullptr && command->is_array()) {
    line += " " + out.Words(*command);
  } else if (const json* code = Member(facts.args, "code"); code != nullptr && code->is_object()) {
    line += " " + out.Plain(TextOf(*code, "language")) + " code, " + DigestWords(*code);
  } else if (!facts.args.empty()) {
    line += " " + out.Plain(DumpJson(facts.args));
  }
  std::size_t max = kMaxSummary;
  if (line.size() <= max) {
    return line;
  }
  while (max > 0 && (static_cast<unsigned char>(line[max]) & 0xC0U) == 0x80) {
    --max;
  }
  return line.substr(0, max) + "\u2026";
}

}  // namespace

policies::ApprovalText DescribeForApproval(const ApprovalFacts& facts) {
  Writer out;
  out.Line("Tool", out.Plain(facts.call.tool));
  WriteArguments(out, facts.args, facts.context);
  WriteDecision(out, facts);
  // First: what stands below a long command may not be read.
  return {Summary(facts), Warning(out.marks()) + out.text()};
}

std::string InWords(std::int64_t ms) {
  constexpr std::int64_t kSecond = 1000;
  constexpr std::int64_t kMinute = 60 * kSecond;
  constexpr std::int64_t kHour = 60 * kMinute;
  if (ms >= 2 * kHour) {
    return std::to_string(ms / kHour) + " h";
  }
  if (ms >= 2 * kMinute) {
    return std::to_string(ms / kMinute) + " min";
  }
  return std::to_string(std::max<std::int64_t>(ms, 0) / kSecond) + " s";
}

}  // namespace casemate::tools
