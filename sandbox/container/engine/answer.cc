#include "sandbox/container/engine/answer.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "sandbox/container/engine/transport.h"

namespace casemate::container {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxText = std::size_t{64} << 10;
constexpr std::size_t kMaxMessage = 1000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::string CutText(std::string text, std::size_t bytes) {
  if (text.size() > bytes) {
    text.resize(bytes);
    return ToValidUtf8(text) + "…";
  }
  return ToValidUtf8(text);
}

// What the engine said: {"message": …} in JSON, or a line.
std::string WordsOf(std::string_view body) {
  std::string words;
  if (auto parsed = ParseJson(body)) {
    words = TextOf(*parsed, "message");
    if (const std::string cause = TextOf(*parsed, "cause");
        words.empty() || (!cause.empty() && words.find(cause) == std::string::npos)) {
      words += words.empty() ? cause : ": " + cause;
    }
  }
  if (words.empty()) {
    words = body;
  }
  while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) {
    words.pop_back();
  }
  return EscapeControls(CutText(std::move(words), kMaxMessage), false);
}

ErrorCode CodeOf(int status, std::string_view words) {
  if (words.find("no space left on device") != std::string_view::npos) {
    return ErrorCode::kResourceExhausted;
  }
  // Podman says so with 500, where Docker has 409: what is asked for does not fit its state.
  if (words.find("container state improper") != std::string_view::npos) {
    return ErrorCode::kInvalidArgument;
  }
  switch (status) {
    case 404:
      return ErrorCode::kNotFound;
    case 401:
    case 403:
      return ErrorCode::kPermissionDenied;
    case 503:
      return ErrorCode::kUnavailable;
    default:
      return status < 500 ? ErrorCode::kInvalidArgument : ErrorCode::kInternal;
  }
}

std::string RemedyOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
      return "list what there is, and see whether it was removed meanwhile";
    case ErrorCode::kResourceExhausted:
      return "make room in the engine's data directory (`docker system df` shows what takes it)";
    case ErrorCode::kPermissionDenied:
      return "log in to the registry, or let the engine allow it";
    case ErrorCode::kInvalidArgument:
      return "change what the engine objects to";
    default:
      return "see what the engine logs";
  }
}

Result<json> Parse(std::string_view what, std::string_view body, json::value_t type,
                   const char* name) {
  if (body.size() > kMaxAnswerBytes) {
    return Error{ErrorCode::kResourceExhausted,
                 std::string(what) + ": the engine's answer is too large: expected at most " +
                     std::to_string(kMaxAnswerBytes) + " bytes, got " + std::to_string(body.size()),
                 {},
                 "ask for less at once",
                 0};
  }
  auto parsed = ParseJson(body, {.max_bytes = kMaxAnswerBytes});
  if (!parsed || parsed->type() != type) {
    return Error{
        ErrorCode::kInternal,
        std::string(what) + ": expected " + name + " in JSON as the engine's answer, got " +
            (parsed ? std::string("another type: ") + parsed->type_name() : parsed.error().message),
        {},
        "see whether the socket is that of Docker or Podman",
        0};
  }
  return parsed;
}

int Digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') {
      return -1;
    }
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

// What follows the seconds: "", "Z", ".123456789Z", "+02:00". Nanoseconds to add; nullopt: none of
// these.
std::optional<std::int64_t> Rest(std::string_view text) {
  std::int64_t ns = 0;
  std::size_t at = 0;
  if (at < text.size() && text[at] == '.') {
    std::int64_t unit = kNsPerSecond;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      unit /= 10;
      ns += unit * (text[at] - '0');
    }
  }
  const std::string_view zone = text.substr(at);
  if (zone.empty() || zone == "Z") {
    return ns;
  }
  const int hours = Digits(zone, 1, 2);
  const int minutes = Digits(zone, 4, 2);
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || hours < 0 || minutes < 0) {
    return std::nullopt;
  }
  const std::int64_t offset = (hours * 3600 + minutes * 60) * kNsPerSecond;
  return zone[0] == '+' ? ns - offset : ns + offset;
}

}  // namespace

Error ErrorOfAnswer(std::string_view what, int status, std::string_view body) {
  const std::string words = WordsOf(body);
  const ErrorCode code = CodeOf(status, words);
  return Error{code,
               std::string(what) + ": the engine answered " + std::to_string(status) +
                   (words.empty() ? std::string() : ": " + words),
               {},
               RemedyOf(code),
               0};
}

Result<json> ParseObject(std::string_view what, std::string_view body) {
  return Parse(what, body, json::value_t::object, "an object");
}

Result<json> ParseArray(std::string_view what, std::string_view body) {
  return Parse(what, body, json::value_t::array, "a list");
}

const json& MemberOf(const json& from, const char* name) {
  static const json kNone;
  if (!from.is_object()) {
    return kNone;
  }
  const auto found = from.find(name);
  return found == from.end() ? kNone : *found;
}

std::string TextOf(const json& from, const char* name) {
  const json& member = MemberOf(from, name);
  return member.is_string() ? CutText(member.get_ref<const std::string&>(), kMaxText)
                            : std::string();
}

std::int64_t NumberOf(const json& from, const char* name) {
  const json& member = MemberOf(from, name);
  if (member.is_number_unsigned()) {
    return static_cast<std::int64_t>(
        std::min(member.get<std::uint64_t>(),
                 static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())));
  }
  if (member.is_number_integer()) {
    return member.get<std::int64_t>();
  }
  if (member.is_number_float()) {
    const double value = member.get<double>();
    return std::fabs(value) < 9e18 ? static_cast<std::int64_t>(value) : 0;
  }
  return 0;
}

int SmallNumberOf(const json& from, const char* name) {
  return static_cast<int>(std::clamp<std::int64_t>(
      NumberOf(from, name), std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

bool FlagOf(const json& from, const char* name) {
  const json& member = MemberOf(from, name);
  return member.is_boolean() && member.get<bool>();
}

std::vector<std::string> TextsOf(const json& from, const char* name) {
  std::vector<std::string> texts;
  const json& member = MemberOf(from, name);
  if (member.is_string()) {
    texts.push_back(TextOf(from, name));
  }
  if (member.is_array()) {
    for (const json& each : member) {
      if (each.is_string()) {
        texts.push_back(CutText(each.get_ref<const std::string&>(), kMaxText));
      }
    }
  }
  return texts;
}

Labels LabelsOf(const json& from, const char* name) {
  Labels labels;
  const json& member = MemberOf(from, name);
  if (member.is_object()) {
    for (const auto& [key, value] : member.items()) {
      if (value.is_string()) {
        labels.emplace_back(CutText(key, kMaxText),
                            CutText(value.get_ref<const std::string&>(), kMaxText));
      }
    }
  }
  std::sort(labels.begin(), labels.end());
  return labels;
}

std::int64_t TimeOf(const json& from, const char* name) {
  const std::string text = TextOf(from, name);
  std::tm parts{};
  parts.tm_year = Digits(text, 0, 4) - 1900;
  parts.tm_mon = Digits(text, 5, 2) - 1;
  parts.tm_mday = Digits(text, 8, 2);
  parts.tm_hour = Digits(text, 11, 2);
  parts.tm_min = Digits(text, 14, 2);
  parts.tm_sec = Digits(text, 17, 2);
  if (parts.tm_year < 70 || parts.tm_year > 300 || parts.tm_mon < 0 || parts.tm_mday < 1 ||
      parts.tm_hour < 0 || parts.tm_min < 0 || parts.tm_sec < 0) {
    return 0;
  }
  const auto rest = Rest(std::string_view(text).substr(19));
  return rest.has_value() ? std::max<std::int64_t>(0, timegm(&parts) * kNsPerSecond + *rest) : 0;
}

}  // namespace casemate::container
