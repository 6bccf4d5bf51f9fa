// Configuration files as people and editors leave them, made from a seed: comments, trailing
// commas, any indentation and line ending, byte order marks, empty containers, nothing at all.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace casemate::testing {

class RandomDocument {
 public:
  explicit RandomDocument(std::uint32_t seed) : random_(seed) {}

  // Some have what leads to `path[0..n-1]`, none has `path` itself.
  std::string Json(const std::vector<std::string>& path) {
    Style();
    if (Chance(12)) {
      return Mark() + Trivia() + Trivia();
    }
    return Mark() + Trivia() + Object(path, 0, "") + Trivia();
  }

  std::string Toml(const std::vector<std::string>& path) {
    Style();
    std::string text = Mark();
    if (Chance(3)) {
      text += Pick({"title = \"x\"", "a.b = 1", "n = nan", "d = 1979-05-27",
                    "m = '''\n[not.a.header]\n'''", "list = [\n  [1],\n[2],\n]"}) +
              TomlEnd();
    }
    for (int left = Below(5), i = 0; i < left; ++i) {
      text += TomlSpace();
      if (i == 0 && Chance(3)) {
        text += "[" + path[0] + "]" + TomlEnd();
        text += Chance(2) ? "other.x = 1" + TomlEnd() : "";
      } else if (Chance(3)) {
        text += "[" + path[0] + ".other" + std::to_string(i) + "]" + TomlEnd() + "command = \"x\"" +
                TomlEnd();
        text += Chance(2) ? "[" + path[0] + ".other" + std::to_string(i) + ".env]" + TomlEnd() +
                                "A=\"b\"" + TomlEnd()
                          : "";
      } else if (Chance(4)) {
        text +=
            "[[array]]" + TomlEnd() + "y = " + Pick({"1", "{ a = 1 }", "[ {b=2} ]"}) + TomlEnd();
      } else {
        text += " [ table" + std::to_string(i) + " . 'q.u' ]" + TomlEnd() + "k = " +
                Pick({"\"v # no comment\"", "[ # c\n 1,\n ]", "\"\"\"\n[x]\n\"\"\"", "true"}) +
                TomlEnd();
      }
    }
    text += TomlSpace();
    if (Chance(3)) {
      while (text.ends_with('\n') || text.ends_with('\r')) {
        text.pop_back();
      }
    }
    return text;
  }

 private:
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool Chance(int n) { return Below(n) == 0; }
  std::string Pick(const std::vector<std::string>& from) {
    return from[static_cast<std::size_t>(Below(static_cast<int>(from.size())))];
  }
  void Style() {
    newline_ = Chance(3) ? "\r\n" : "\n";
    unit_ = Pick({"  ", "    ", "\t", " ", ""});
    one_line_ = Chance(4);
    comments_ = !Chance(3);
  }
  std::string Mark() { return Chance(5) ? "\xEF\xBB\xBF" : ""; }
  std::string TomlEnd() { return (Chance(4) ? " # é comment" : Chance(5) ? "  " : "") + newline_; }
  std::string TomlSpace() {
    std::string text;
    for (int left = Below(3); left > 0; --left) {
      text += Pick({"", "# c", "  "}) + newline_;
    }
    return text;
  }
  std::string Trivia() {
    if (!comments_) {
      return Pick({"", "", " ", newline_});
    }
    return Pick({"", "", " ", newline_, "\t", "/* é */", "/*a" + newline_ + "b*/ ",
                 "// { \" é" + newline_, newline_ + newline_,
                 " // x" + newline_ + "  // y" + newline_, "//" + newline_});
  }
  std::string Break(const std::string& indent) {
    if (one_line_) {
      return Chance(3) ? Trivia() : "";
    }
    return (Chance(4) ? Trivia() : "") + newline_ + indent;
  }
  std::string Scalar() {
    return Pick({"1", "-2.5e3", "true", "null", "\"\"", "\"a\\\"b\\u00e9é\"",
                 "\"// no /* comment */\"", "123456789012345678901234567890"});
  }
  std::string Value(int depth, const std::string& indent) {
    if (depth > 3 || Chance(2)) {
      return Scalar();
    }
    return Chance(3) ? Array(depth, indent) : Object({}, depth, indent);
  }
  std::string Array(int depth, const std::string& indent) {
    std::string text = "[";
    const int n = Below(3);
    for (int i = 0; i < n; ++i) {
      text += Break(indent + unit_) + Value(depth + 1, indent + unit_) + Trivia() +
              (i + 1 < n || Chance(4) ? "," : "");
    }
    return text + Trivia() + "]";
  }
  std::string Object(const std::vector<std::string>& path, int depth, const std::string& indent) {
    const int others = Below(4);
    const int lead = path.size() > 1 && !Chance(3) ? Below(others + 1) : -1;
    const int n = others + (lead >= 0 ? 1 : 0);
    const std::string inner = indent + unit_;
    std::string text = "{";
    for (int i = 0; i < n; ++i) {
      const bool leads = i == lead;
      text += Break(inner) +
              (leads ? nlohmann::json(path[0]).dump() : "\"k" + std::to_string(i) + "\"") +
              (Chance(6) ? Trivia() : "") + ":" + (Chance(6) ? Trivia() : " ") +
              (leads ? Object({path.begin() + 1, path.end()}, depth + 1, inner)
                     : Value(depth + 1, inner)) +
              (Chance(6) ? Trivia() : "") + (i + 1 < n || Chance(4) ? "," : "");
    }
    return text + (n > 0 && !Chance(5) ? Break(indent) : Trivia()) + "}";
  }

  std::mt19937 random_;
  std::string newline_ = "\n";
  std::string unit_ = "  ";
  bool one_line_ = false;
  bool comments_ = true;
};

}  // namespace casemate::testing
