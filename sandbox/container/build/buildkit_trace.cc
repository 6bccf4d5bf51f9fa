#include "sandbox/container/build/buildkit_trace.h"

#include <limits>
#include <utility>

#include "base/text.h"
#include "sandbox/container/build/wire_reader.h"

namespace casemate::container {

namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kMaxSeconds = std::numeric_limits<std::int64_t>::max() / kNsPerSecond - 1;

// How many items and inputs a message may still bring.
struct Budget {
  std::size_t left = kMaxTraceItems;
};

// Calls `take(field)` for each field; the first error ends it.
template <typename Take>
Result<void> ForEachField(std::string_view message, Take take) {
  WireReader reader(message);
  while (true) {
    auto field = reader.Next();
    if (!field) {
      return std::move(field).error();
    }
    const std::optional<WireField>& found = *field;
    if (!found) {
      return {};
    }
    if (Result<void> taken = take(*found); !taken) {
      return taken;
    }
  }
}

Error WrongKind(std::string_view name) {
  return InvalidArgument("", "the field " + std::string(name) + " is of another kind");
}

Result<void> TakeText(const WireField& field, std::string_view name, std::string& into) {
  if (!field.bytes) {
    return WrongKind(name);
  }
  into = ToValidUtf8(field.bytes->substr(0, kMaxTraceTextBytes));
  return {};
}

Result<void> TakeNumber(const WireField& field, std::string_view name, std::int64_t& into) {
  if (!field.value) {
    return WrongKind(name);
  }
  into = static_cast<std::int64_t>(*field.value);
  return {};
}

// google.protobuf.Timestamp. All zero is Go's way to say that there is none.
Result<void> TakeTime(const WireField& field, std::string_view name,
                      std::optional<std::int64_t>& into) {
  if (!field.bytes) {
    return WrongKind(name);
  }
  std::int64_t seconds = 0;
  std::int64_t nanos = 0;
  auto read = ForEachField(*field.bytes, [&](const WireField& part) -> Result<void> {
    if (part.number == 1) {
      return TakeNumber(part, "seconds", seconds);
    }
    return part.number == 2 ? TakeNumber(part, "nanos", nanos) : Result<void>();
  });
  if (!read) {
    return read;
  }
  if (nanos < 0 || nanos >= kNsPerSecond || seconds > kMaxSeconds) {
    return InvalidArgument("", "the field " + std::string(name) + " is no point in time");
  }
  into = seconds < 0 ? 0 : seconds * kNsPerSecond + nanos;
  return {};
}

Result<void> TakeItem(Budget& budget) {
  if (budget.left == 0) {
    return Error{ErrorCode::kResourceExhausted,
                 "a message of the build's progress holds more than " +
                     std::to_string(kMaxTraceItems) + " parts",
                 {},
                 {},
                 0};
  }
  --budget.left;
  return {};
}

Result<void> TakeVertexField(const WireField& field, TraceVertex& vertex, Budget& budget) {
  std::int64_t number = 0;
  switch (field.number) {
    case 1:
      return TakeText(field, "digest", vertex.digest);
    case 2:
      if (auto taken = TakeItem(budget); !taken) {
        return taken;
      }
      return TakeText(field, "inputs", vertex.inputs.emplace_back());
    case 3:
      return TakeText(field, "name", vertex.name);
    case 4: {
      auto taken = TakeNumber(field, "cached", number);
      vertex.cached = number != 0;
      return taken;
    }
    case 5:
      return TakeTime(field, "started", vertex.started_ns);
    case 6:
      return TakeTime(field, "completed", vertex.completed_ns);
    case 7:
      return TakeText(field, "error", vertex.error);
    default:
      return {};
  }
}

Result<void> TakeStatusField(const WireField& field, TraceStatus& status) {
  switch (field.number) {
    case 1:
      return TakeText(field, "ID", status.id);
    case 2:
      return TakeText(field, "vertex", status.vertex);
    case 4:
      return TakeNumber(field, "current", status.current);
    case 5:
      return TakeNumber(field, "total", status.total);
    case 8: {
      std::optional<std::int64_t> time;
      auto taken = TakeTime(field, "completed", time);
      status.completed = time.has_value();
      return taken;
    }
    default:
      return {};
  }
}

Result<void> TakeLogField(const WireField& field, TraceLog& log) {
  std::int64_t number = 0;
  switch (field.number) {
    case 1:
      return TakeText(field, "vertex", log.vertex);
    case 3: {
      auto taken = TakeNumber(field, "stream", number);
      log.stream = number == 2 ? 2 : 1;
      return taken;
    }
    case 4:
      if (!field.bytes) {
        return WrongKind("msg");
      }
      log.text = *field.bytes;
      return {};
    default:
      return {};
  }
}

Result<void> TakeWarningField(const WireField& field, TraceWarning& warning) {
  switch (field.number) {
    case 1:
      return TakeText(field, "vertex", warning.vertex);
    case 3:
      return TakeText(field, "short", warning.text);
    case 5:
      return TakeText(field, "url", warning.url);
    default:
      return {};
  }
}

Result<void> TakePart(const WireField& part, BuildTrace& trace, Budget& budget) {
  if (part.number < 1 || part.number > 4) {
    return {};
  }
  if (!part.bytes) {
    return WrongKind("of number " + std::to_string(part.number));
  }
  if (auto taken = TakeItem(budget); !taken) {
    return taken;
  }
  switch (part.number) {
    case 1: {
      TraceVertex& vertex = trace.vertexes.emplace_back();
      return ForEachField(*part.bytes, [&](const WireField& field) {
        return TakeVertexField(field, vertex, budget);
      });
    }
    case 2: {
      TraceStatus& status = trace.statuses.emplace_back();
      return ForEachField(*part.bytes,
                          [&](const WireField& field) { return TakeStatusField(field, status); });
    }
    case 3: {
      TraceLog& log = trace.logs.emplace_back();
      return ForEachField(*part.bytes,
                          [&](const WireField& field) { return TakeLogField(field, log); });
    }
    default: {
      TraceWarning& warning = trace.warnings.emplace_back();
      return ForEachField(*part.bytes,
                          [&](const WireField& field) { return TakeWarningField(field, warning); });
    }
  }
}

Error TooLong() {
  return Error{ErrorCode::kResourceExhausted,
               "a message of the build's progress is longer than 8 MiB",
               {},
               {},
               0};
}

}  // namespace

Result<BuildTrace> DecodeBuildTrace(std::string_view message) {
  if (message.size() > kMaxTraceBytes) {
    return TooLong();
  }
  BuildTrace trace;
  Budget budget;
  auto read =
      ForEachField(message, [&](const WireField& part) { return TakePart(part, trace, budget); });
  if (!read) {
    return std::move(read).error();
  }
  return trace;
}

Result<BuildTrace> DecodeBuildTraceBase64(std::string_view text) {
  if (text.size() / 4 > kMaxTraceBytes / 3 + 1) {
    return TooLong();
  }
  const std::optional<std::string> message = DecodeBase64(text);
  if (!message) {
    return InvalidArgument("", "the build's progress is not base64");
  }
  return DecodeBuildTrace(*message);
}

}  // namespace casemate::container
