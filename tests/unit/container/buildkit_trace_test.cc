#include "sandbox/container/build/buildkit_trace.h"

#include <string>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "sandbox/container/build/vertex_steps.h"
#include "sandbox/container/build/wire_reader.h"

namespace casemate::container {

namespace {

std::string Varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) {
    bytes += static_cast<char>(0x80U | (value & 0x7FU));
  }
  return bytes + static_cast<char>(value);
}

std::string Number(unsigned field, std::uint64_t value) {
  return Varint(field << 3U) + Varint(value);
}

std::string Bytes(unsigned field, std::string_view value) {
  return Varint(field << 3U | 2U) + Varint(value.size()) + std::string(value);
}

std::string Time(unsigned field, std::uint64_t seconds, std::uint64_t nanos = 0) {
  return Bytes(field, Number(1, seconds) + Number(2, nanos));
}

std::string Message() {
  const std::string vertex = Bytes(1, "sha256:aa") + Bytes(2, "sha256:in1") +
                             Bytes(2, "sha256:in2") + Bytes(3, "[2/3] RUN make") + Number(4, 1) +
                             Time(5, 1'700'000'000, 5) + Time(6, 1'700'000'001) +
                             Bytes(7, "exit code: 1") + Bytes(8, "a group, passed over");
  const std::string status = Bytes(1, "layer") + Bytes(2, "sha256:aa") + Bytes(3, "name") +
                             Number(4, 5) + Number(5, 10) + Time(6, 1) + Time(7, 1) + Time(8, 2);
  const std::string log = Bytes(1, "sha256:aa") + Time(2, 1) + Number(3, 2) + Bytes(4, "out\xFF\n");
  const std::string warning = Bytes(1, "sha256:aa") + Number(2, 1) + Bytes(3, "careful") +
                              Bytes(4, "detail") + Bytes(5, "https://example.com");
  return Bytes(1, vertex) + Bytes(2, status) + Bytes(3, log) + Bytes(4, warning);
}

TEST_CASE("a message of BuildKit's progress is read", "[container][trace]") {
  const auto trace = DecodeBuildTraceBase64(EncodeBase64(Message()));
  REQUIRE(trace);
  REQUIRE(trace->vertexes.size() == 1);
  const TraceVertex& vertex = trace->vertexes[0];
  CHECK(vertex.digest == "sha256:aa");
  CHECK(vertex.inputs == std::vector<std::string>{"sha256:in1", "sha256:in2"});
  CHECK(vertex.name == "[2/3] RUN make");
  CHECK(vertex.cached);
  CHECK(vertex.started_ns == 1'700'000'000'000'000'005);
  CHECK(vertex.completed_ns == 1'700'000'001'000'000'000);
  CHECK(vertex.error == "exit code: 1");
  REQUIRE(trace->statuses.size() == 1);
  CHECK(trace->statuses[0].id == "layer");
  CHECK(trace->statuses[0].current == 5);
  CHECK(trace->statuses[0].total == 10);
  CHECK(trace->statuses[0].completed);
  REQUIRE(trace->logs.size() == 1);
  CHECK(trace->logs[0].stream == 2);
  CHECK(trace->logs[0].text == "out\xFF\n");
  REQUIRE(trace->warnings.size() == 1);
  CHECK(trace->warnings[0].text == "careful");
  CHECK(trace->warnings[0].url == "https://example.com");
}

TEST_CASE("a message that is cut off is refused, wherever", "[container][trace]") {
  const std::string message = Message();
  std::size_t whole = 0;
  for (std::size_t size = 0; size < message.size(); ++size) {
    const auto trace = DecodeBuildTrace(std::string_view(message).substr(0, size));
    whole += trace.ok() ? 1 : 0;
  }
  CHECK(whole == 4);  // before each of the four parts
}

TEST_CASE("bytes that are no such message are refused", "[container][trace]") {
  for (const std::string& message : {
           Varint(1U << 3U | 2U) + Varint(std::uint64_t{1} << 63U) + "x",  // a huge length
           Varint(1U << 3U | 2U) + std::string(11, '\xFF'),                // more than 64 bits
           Varint(1U << 3U) + std::string(9, '\xFF') + "\x02",
           Varint(0) + Varint(1),                     // field 0
           Varint(std::uint64_t{1} << 33U) + "\x01",  // a field beyond 2^29
           Varint(1U << 3U | 3U),                     // a group
           Varint(1U << 3U | 4U),
           Varint(1U << 3U | 6U),
           Varint(9U << 3U | 1U) + "1234567",  // a fixed number cut off
           Number(1, 5),                       // a vertex that is a number
           Bytes(1, Number(1, 5)),             // a digest that is a number
           Bytes(1, Bytes(4, "x")),            // a flag that is bytes
           Bytes(1, Number(5, 1)),             // a time that is a number
           Bytes(1, Time(5, 1, 1'000'000'000)),
           Bytes(1, Time(5, std::uint64_t{1} << 62U)),
           Bytes(1, Time(5, 1, ~std::uint64_t{0})),
           Bytes(3, Number(4, 5)),
       }) {
    CAPTURE(ToHex({reinterpret_cast<const std::uint8_t*>(message.data()), message.size()}));
    const auto trace = DecodeBuildTrace(message);
    REQUIRE_FALSE(trace);
    CHECK(trace.error().code == ErrorCode::kInvalidArgument);
  }
  CHECK_FALSE(DecodeBuildTraceBase64("!"));
  CHECK_FALSE(DecodeBuildTraceBase64("QQ"));
}

TEST_CASE("what a later BuildKit adds is passed over", "[container][trace]") {
  const std::string message = Number(7, 9) + Bytes(9, "new") + Varint(9U << 3U | 5U) + "1234" +
                              Varint(9U << 3U | 1U) + "12345678" +
                              Bytes(1, Bytes(3, "name") + Bytes(99, "new"));
  const auto trace = DecodeBuildTrace(message);
  REQUIRE(trace);
  CHECK(trace->vertexes.at(0).name == "name");
  // Before 1970 is Go's time of nothing.
  CHECK(DecodeBuildTrace(Bytes(1, Time(5, static_cast<std::uint64_t>(-62'135'596'800))))
            ->vertexes.at(0)
            .started_ns == 0);
}

TEST_CASE("a message has bounds", "[container][trace]") {
  std::string many;
  for (std::size_t i = 0; i < kMaxTraceItems; ++i) {
    many += Bytes(3, "");
  }
  CHECK(DecodeBuildTrace(many));
  CHECK(DecodeBuildTrace(many + Bytes(3, "")).error().code == ErrorCode::kResourceExhausted);
  std::string inputs;
  for (std::size_t i = 0; i < kMaxTraceItems; ++i) {
    inputs += Bytes(2, "");
  }
  CHECK(DecodeBuildTrace(Bytes(1, inputs)).error().code == ErrorCode::kResourceExhausted);
  CHECK(DecodeBuildTrace(std::string(kMaxTraceBytes + 1, '\0')).error().code ==
        ErrorCode::kResourceExhausted);
  CHECK(DecodeBuildTraceBase64(std::string(kMaxTraceBytes * 4 / 3 + 100, 'A')).error().code ==
        ErrorCode::kResourceExhausted);
  const auto cut = DecodeBuildTrace(Bytes(1, Bytes(3, std::string(10'000, 'n') + "\xFF")));
  CHECK(cut->vertexes.at(0).name.size() == kMaxTraceTextBytes);
}

TEST_CASE("names of vertexes say which step they are", "[container][trace]") {
  struct Row {
    std::string_view text;
    int number;
    int total;
    std::string stage;
    std::string name;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"[2/4] RUN make", 2, 4, "", "RUN make"},
           {"[builder 1/3] FROM x", 1, 3, "builder", "FROM x"},
           {"[linux/amd64 builder 1/3] FROM x", 1, 3, "linux/amd64 builder", "FROM x"},
           {"[internal] load build context", 0, 0, "", "[internal] load build context"},
           {"exporting to image", 0, 0, "", "exporting to image"},
           {"[5/4] RUN", 0, 0, "", "[5/4] RUN"},
           {"[1/99999999999999999999] RUN", 0, 0, "", "[1/99999999999999999999] RUN"},
           {"[-1/2] RUN", 0, 0, "", "[-1/2] RUN"},
           {"[1/2]RUN", 0, 0, "", "[1/2]RUN"},
           {"[1/2x] RUN", 0, 0, "", "[1/2x] RUN"},
           {"[", 0, 0, "", "["},
           {"", 0, 0, "", ""}}) {
    CAPTURE(row.text);
    const BuildStep step = StepOfVertexName(row.text);
    CHECK(step.number == row.number);
    CHECK(step.total == row.total);
    CHECK(step.stage == row.stage);
    CHECK(step.name == row.name);
  }
}

}  // namespace

}  // namespace casemate::container
