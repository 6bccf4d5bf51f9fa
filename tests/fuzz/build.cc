// Fuzz target: what a build reads of strangers. The first byte says which: a .dockerignore with a
// path behind its last zero, or the answer of an engine, cut into pieces.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.h"
#include "sandbox/container/build/build_reply.h"
#include "sandbox/container/build/buildkit_trace.h"
#include "sandbox/container/build/dockerignore.h"
#include "tests/fuzz/found.h"

namespace {

using namespace casemate;             // NOLINT(google-build-using-namespace)
using namespace casemate::container;  // NOLINT(google-build-using-namespace)

void OneLine(const Error& error) {
  const std::string why = Describe(error);
  if (why.empty() || !IsValidUtf8(why) || why.find('\n') != std::string::npos) {
    fuzz::Found("a refusal that is not one line of text: " + why);
  }
}

void Rules(std::string_view text) {
  const std::size_t zero = text.rfind('\0');
  const std::string_view name = zero == std::string_view::npos ? "a/b" : text.substr(zero + 1);
  const auto rules = IgnoreRules::Parse(text.substr(0, zero));
  if (!rules) {
    OneLine(rules.error());
    return;
  }
  const std::string path = CleanPath(name);
  if (path != CleanPath(path)) {
    fuzz::Found("a clean path that can be made cleaner: " + path);
  }
  // What a walk would never reach must be excluded.
  std::string directory = path;
  for (std::size_t slash = 0; (slash = directory.rfind('/')) != std::string::npos;) {
    directory.resize(slash);
    if (rules->Excludes(directory) && !rules->MayReincludeBelow(directory) &&
        !rules->Excludes(path)) {
      fuzz::Found("taken back below a directory that is not walked: " + path);
    }
  }
}

void Trace(std::string_view bytes) {
  const auto trace = DecodeBuildTrace(bytes);
  if (!trace) {
    OneLine(trace.error());
    return;
  }
  for (const TraceVertex& vertex : trace->vertexes) {
    if (!IsValidUtf8(vertex.name) || vertex.name.size() > 3 * kMaxTraceTextBytes) {
      fuzz::Found("a name that is no text, or too long");
    }
  }
}

void Answer(std::string_view bytes) {
  constexpr std::size_t kMaxLog = 1000;
  std::size_t told = 0;
  const BuildSink sink = [&](const BuildEvent& event) {
    if (event.kind == BuildEventKind::kStepLog) {
      told += event.text.size();
    } else if (!IsValidUtf8(event.text)) {
      fuzz::Found("an event that is no text");
    }
    if (event.step != nullptr &&
        (!IsValidUtf8(event.step->name) || event.step->name.find('\n') != std::string::npos)) {
      fuzz::Found("the name of a step that is not one line of text");
    }
  };
  const std::size_t piece = bytes.empty() ? 1 : static_cast<std::uint8_t>(bytes.front()) + 1U;
  BuildReply answer(sink, kMaxLog);
  while (!bytes.empty() && answer.Feed(bytes.substr(0, piece))) {
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  const auto result = answer.End();
  if (!result) {
    OneLine(result.error());
  } else if (result->succeeded == result->image_id.empty() || !IsValidUtf8(result->error)) {
    fuzz::Found("a build that succeeded without an image, or failed with one");
  }
  if (told > kMaxLog) {
    fuzz::Found("more log than is to be told");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) {
    return 0;
  }
  switch (input.front() % 3) {
    case 0:
      Trace(input.substr(1));
      break;
    case 1:
      Answer(input.substr(1));
      break;
    default:
      Rules(input.substr(1));
  }
  return 0;
}
