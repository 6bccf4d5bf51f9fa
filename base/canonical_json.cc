#include "base/canonical_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace casemate {
namespace {

using nlohmann::json;

constexpr std::uint32_t kFirstSupplementary = 0x10000;

// A code point of valid UTF-8 at `at`, which moves on.
std::uint32_t TakeCodePoint(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  std::size_t more = 0;
  std::uint32_t point = first;
  if (first >= 0xF0) {
    more = 3;
    point = first & 0x07U;
  } else if (first >= 0xE0) {
    more = 2;
    point = first & 0x0FU;
  } else if (first >= 0xC0) {
    more = 1;
    point = first & 0x1FU;
  }
  for (++at; more > 0; --more, ++at) {
    point = (point << 6U) | (byte(at) & 0x3FU);
  }
  return point;
}

// Order by UTF-16: as by code points, but for those above U+FFFF, which begin with a surrogate and
// so come before U+E000.
bool IsBefore(std::string_view a, std::string_view b) {
  std::size_t at_a = 0;
  std::size_t at_b = 0;
  while (at_a < a.size() && at_b < b.size()) {
    const std::uint32_t point_a = TakeCodePoint(a, at_a);
    const std::uint32_t point_b = TakeCodePoint(b, at_b);
    if (point_a == point_b) {
      continue;
    }
    const bool is_pair_a = point_a >= kFirstSupplementary;
    const bool is_pair_b = point_b >= kFirstSupplementary;
    if (is_pair_a == is_pair_b) {
      return point_a < point_b;
    }
    constexpr std::uint32_t kFirstSurrogate = 0xD800;
    return is_pair_a ? kFirstSurrogate < point_b : point_a < kFirstSurrogate;
  }
  return at_a == a.size() && at_b < b.size();
}

void AppendText(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    constexpr std::string_view kShort = "\b\t\n\f\r\"\\";
    constexpr std::string_view kLetters = "btnfr\"\\";
    const std::size_t found = c == '\0' ? std::string_view::npos : kShort.find(c);
    if (found != std::string_view::npos) {
      out += '\\';
      out += kLetters[found];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4U];
      out += kHex[static_cast<unsigned char>(c) & 0xFU];
    } else {
      out += c;
    }
  }
  out += '"';
}

class Writer {
 public:
  // NOLINTNEXTLINE(misc-no-recursion): who reads JSON bounds its depth
  Result<void> Write(const json& value) {
    switch (value.type()) {
      case json::value_t::object:
        return WriteObject(value);
      case json::value_t::array:
        return WriteArray(value);
      case json::value_t::string:
        return WriteText(value.get_ref<const std::string&>());
      case json::value_t::number_integer:
      case json::value_t::number_unsigned:
        return WriteInteger(value);
      case json::value_t::number_float:
        if (!std::isfinite(value.get<double>())) {
          return Wrong("expected a finite number");
        }
        out_ += EcmaScriptNumber(value.get<double>());
        return {};
      case json::value_t::boolean:
        out_ += value.get<bool>() ? "true" : "false";
        return {};
      case json::value_t::null:
        out_ += "null";
        return {};
      default:
        return Wrong("expected a value of JSON");
    }
  }
  std::string Take() { return std::move(out_); }

 private:
  [[nodiscard]] Error Wrong(std::string message) const {
    return InvalidArgument(path_, std::move(message));
  }

  Result<void> WriteText(const std::string& text) {
    if (!IsValidUtf8(text)) {
      return Wrong("expected UTF-8");
    }
    AppendText(text, out_);
    return {};
  }

  // Every number is a double to those who read it: one that would become another is refused.
  Result<void> WriteInteger(const json& value) {
    const std::string exact = value.dump();
    std::string canonical = EcmaScriptNumber(value.get<double>());
    if (canonical != exact) {
      return Wrong("expected an integer that a double holds (up to 2^53 all are), got " + exact);
    }
    out_ += canonical;
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion): who reads JSON bounds its depth
  Result<void> WriteArray(const json& array) {
    out_ += '[';
    const std::size_t length = path_.size();
    for (std::size_t i = 0; i < array.size(); ++i) {
      out_ += i == 0 ? "" : ",";
      path_ += '[' + std::to_string(i) + ']';
      if (auto written = Write(array[i]); !written) {
        return written;
      }
      path_.resize(length);
    }
    out_ += ']';
    return {};
  }

  // NOLINTNEXTLINE(misc-no-recursion): who reads JSON bounds its depth
  Result<void> WriteObject(const json& object) {
    std::vector<const std::string*> names;
    for (const auto& [name, value] : object.items()) {
      if (!IsValidUtf8(name)) {
        return Wrong("expected names of members in UTF-8");
      }
      names.push_back(&object.find(name).key());
    }
    std::ranges::sort(names, [](const auto* a, const auto* b) { return IsBefore(*a, *b); });
    out_ += '{';
    const std::size_t length = path_.size();
    for (const std::string* name : names) {
      out_ += name == names.front() ? "" : ",";
      AppendText(*name, out_);
      out_ += ':';
      path_ += (path_.empty() ? "" : ".") + *name;
      if (auto written = Write(object.at(*name)); !written) {
        return written;
      }
      path_.resize(length);
    }
    out_ += '}';
    return {};
  }

  std::string out_;
  std::string path_;
};

}  // namespace

std::string EcmaScriptNumber(double number) {
  if (number == 0) {
    return "0";  // also what is -0
  }
  // The shortest digits that are read as the same number; of several the nearest to it.
  std::array<char, 32> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(number),
                                     std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data()));
  const std::size_t mark = text.find('e');
  std::string digits(1, text[0]);
  if (mark > 2) {
    digits += text.substr(2, mark - 2);
  }
  int exponent = 0;
  const std::string_view power = text.substr(text[mark + 1] == '+' ? mark + 2 : mark + 1);
  std::from_chars(power.data(), power.data() + power.size(), exponent);

  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // where the decimal point is, from the first digit
  std::string out = number < 0 ? "-" : "";
  constexpr int kMostDigits = 21;  // before the point without an exponent
  constexpr int kMostZeros = -6;   // after it
  if (count <= point && point <= kMostDigits) {
    out += digits + std::string(static_cast<std::size_t>(point - count), '0');
  } else if (0 < point && point <= kMostDigits) {
    out += digits.substr(0, static_cast<std::size_t>(point)) + '.' +
           digits.substr(static_cast<std::size_t>(point));
  } else if (kMostZeros < point && point <= 0) {
    out += "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  } else {
    out += digits[0];
    out += count > 1 ? '.' + digits.substr(1) : "";
    out += exponent < 0 ? "e-" : "e+";
    out += std::to_string(std::abs(exponent));
  }
  return out;
}

Result<std::string> CanonicalJson(const json& value) {
  Writer writer;
  if (auto written = writer.Write(value); !written) {
    return written.error();
  }
  return writer.Take();
}

}  // namespace casemate
