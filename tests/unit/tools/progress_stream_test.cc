#include "tools/progress_stream.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "fixtures.h"

namespace casemate::tools {
namespace {

using sandbox::Stream;

class Recorder : public ProgressSink {
 public:
  void Report(double progress, std::optional<double> total, std::string_view message) override {
    CHECK(progress > last_);
    CHECK_FALSE(total);
    CHECK(IsValidUtf8(message));
    CHECK_FALSE(message.empty());
    last_ = progress;
    messages.emplace_back(message);
  }
  std::vector<std::string> messages;

 private:
  double last_ = 0;
};

std::int64_t Frozen() {
  return 1;
}

TEST_CASE("the first output goes at once, with its terminal escapes shown") {
  Recorder recorder;
  ProgressStream stream(recorder, Frozen);
  stream.OnOutput(Stream::kStdout, "one\x1b[2J\n");
  CHECK(recorder.messages == std::vector<std::string>{"one\\x1b[2J\n"});
}

TEST_CASE("a flood is coalesced, and nothing of it is lost") {
  Recorder recorder;
  ProgressStream stream(recorder, Frozen);
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    stream.OnOutput(i % 2 == 0 ? Stream::kStdout : Stream::kStderr, "line\n");
    all += "line\n";
  }
  CHECK(recorder.messages.size() == 8);  // the burst
  stream.OnOutput(Stream::kStdout, std::string(8192, 'x'));
  CHECK(recorder.messages.size() == 9);  // a full message does not wait
  stream.OnOutput(Stream::kStdout, "end");
  stream.Finish();
  all += std::string(8192, 'x') + "end";
  std::string joined;
  for (const std::string& message : recorder.messages) {
    joined += message;
  }
  CHECK(joined == all);
}

TEST_CASE("characters split between chunks arrive whole, by stream") {
  Recorder recorder;
  ProgressStream stream(recorder, Frozen);
  stream.OnOutput(Stream::kStdout, "\xE2\x82");
  CHECK(recorder.messages.empty());
  stream.OnOutput(Stream::kStderr, "e");
  stream.OnOutput(Stream::kStdout, "\xAC");
  CHECK(recorder.messages == std::vector<std::string>{"e", "\xE2\x82\xAC"});
  stream.OnOutput(Stream::kStdout, "\xE2");
  stream.Finish();
  CHECK(recorder.messages.back() == "\xEF\xBF\xBD");
}

TEST_CASE("streaming stops after 1 MiB") {
  Recorder recorder;
  ProgressStream stream(recorder, Frozen);
  const std::string chunk(65536, 'x');
  for (int i = 0; i < 100; ++i) {
    stream.OnOutput(Stream::kStdout, chunk);
  }
  stream.Finish();
  CHECK(recorder.messages.size() == 16);
  CHECK(recorder.messages.back().find("no longer streamed") != std::string::npos);
}

}  // namespace
}  // namespace casemate::tools
