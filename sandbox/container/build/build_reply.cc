#include "sandbox/container/build/build_reply.h"

#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "sandbox/container/build/buildkit_trace.h"
#include "sandbox/container/engine/answer.h"

namespace casemate::container {

namespace {

using nlohmann::json;

// A message of BuildKit in base64, and the rest of its line.
constexpr std::size_t kMaxLineBytes = std::size_t{12} << 20;
constexpr std::size_t kMaxErrorBytes = 4096;
constexpr std::size_t kDigestDigits = 64;

bool IsImageId(std::string_view id) {
  constexpr std::string_view kPrefix = "sha256:";
  return id.starts_with(kPrefix) && id.size() == kPrefix.size() + kDigestDigits &&
         id.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

}  // namespace

std::optional<int> ExitCodeOf(std::string_view error) {
  while (!error.empty() && (error.back() == '\n' || error.back() == ' ')) {
    error.remove_suffix(1);
  }
  for (const std::string_view mark : {"exit code: ", "exit status ", "non-zero code: "}) {
    const std::size_t at = error.rfind(mark);
    if (at == std::string_view::npos) {
      continue;
    }
    const std::string_view digits = error.substr(at + mark.size());
    int code = 0;
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), code);
    if (wrong == std::errc() && end == digits.data() + digits.size() && code >= 0 && code < 256) {
      return code;
    }
  }
  return std::nullopt;
}

BuildReply::BuildReply(const BuildSink& sink, std::size_t max_log_bytes)
    : book_(sink, max_log_bytes),
      vertex_steps_(book_),
      line_steps_(book_),
      lines_(
          "building an image", [this](const json& line) { return TakeLine(line); }, kMaxLineBytes) {
}

bool BuildReply::TakeAux(const json& line) {
  const json& aux = MemberOf(line, "aux");
  if (TextOf(line, "id") == "moby.buildkit.trace") {
    const auto* text = aux.get_ptr<const std::string*>();
    auto trace = DecodeBuildTraceBase64(text == nullptr ? std::string_view() : *text);
    if (!trace) {
      broken_ = std::move(trace).error();
      broken_->message = "building an image: the engine's progress: " + broken_->message;
      return false;
    }
    vertex_steps_.Take(*trace);
    return true;
  }
  if (std::string id = TextOf(aux, "ID"); IsImageId(id)) {
    image_id_ = std::move(id);
  }
  return true;
}

bool BuildReply::TakeLine(const json& line) {
  if (line.contains("error") || line.contains("errorDetail")) {
    const json& detail = MemberOf(line, "errorDetail");
    error_ = TextOf(detail, "message");
    error_ = error_.empty() ? TextOf(line, "error") : error_;
    exit_code_ = SmallNumberOf(detail, "code");
    failed_ = true;
    return true;
  }
  if (line.contains("aux")) {
    return TakeAux(line);
  }
  if (line.contains("stream")) {
    line_steps_.TakeStream(TextOf(line, "stream"));
  } else if (line.contains("status")) {
    const json& progress = MemberOf(line, "progressDetail");
    line_steps_.TakeStatus(TextOf(line, "id"), TextOf(line, "status"),
                           NumberOf(progress, "current"), NumberOf(progress, "total"));
  }
  return true;
}

Result<BuildResult> BuildReply::End() {
  if (broken_.has_value()) {
    return *std::move(broken_);
  }
  if (const std::optional<Error>& wrong = lines_.error()) {
    return *wrong;
  }
  if (!failed_ && image_id_.empty()) {
    return Error{ErrorCode::kUnavailable,
                 "building an image: the engine broke off without saying how it ended",
                 {},
                 "see what the engine logs, then build again",
                 0};
  }
  BuildResult result;
  line_steps_.End(!failed_, error_);
  book_.FillResult(!failed_, result);
  if (!failed_) {
    result.image_id = image_id_;
    return result;
  }
  while (!error_.empty() && error_.back() == '\n') {
    error_.pop_back();
  }
  result.error = ShownWords(error_, kMaxErrorBytes, true);
  result.exit_code = ExitCodeOf(error_);
  if (!result.exit_code.has_value() && exit_code_ > 0) {
    result.exit_code = exit_code_;
  }
  return result;
}

}  // namespace casemate::container
