// StreamCapture: first and last bytes, in bounded memory, however the stream is cut into pieces.
#include "sandbox/native/capture.h"

#include <catch2/catch.hpp>

namespace casemate::sandbox::test {
namespace {

CapturedStream Capture(std::size_t limit, const std::string& text, std::size_t piece) {
  StreamCapture capture(limit);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    capture.Append(std::string_view(text).substr(at, piece));
  }
  return std::move(capture).Finish();
}

}  // namespace

TEST_CASE("a stream within the limit is kept whole") {
  for (const std::size_t piece : {1U, 3U, 100U}) {
    const CapturedStream captured = Capture(10, "0123456789", piece);
    CHECK(captured.head == "0123456789");
    CHECK(captured.tail.empty());
    CHECK_FALSE(captured.truncated());
  }
  CHECK(Capture(10, "", 1).head.empty());
}

TEST_CASE("of a longer stream the first and the last bytes are kept") {
  for (const std::size_t piece : {1U, 2U, 7U, 100U}) {
    const CapturedStream captured = Capture(10, "0123456789abcdefghijklm", piece);
    CHECK(captured.head == "01234");
    CHECK(captured.tail == "ijklm");
    CHECK(captured.total_bytes == 23);
    CHECK(captured.truncated());
  }
}

TEST_CASE("one byte too many cuts one byte") {
  const CapturedStream captured = Capture(10, "0123456789a", 4);
  CHECK(captured.head + captured.tail == "012346789a");
  CHECK(captured.truncated());
}

TEST_CASE("tiny and odd limits hold") {
  CHECK(Capture(1, "abc", 2).head == "a");
  CHECK(Capture(0, "abc", 2).total_bytes == 3);
  const CapturedStream odd = Capture(5, "abcdefgh", 3);
  CHECK(odd.head == "abc");
  CHECK(odd.tail == "gh");
}

}  // namespace casemate::sandbox::test
