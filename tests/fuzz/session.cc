// Fuzz target: the bytes of a client on standard input, against the whole server but its processes.
// What comes back must be valid messages, one to each request.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "mcp/transport/stdio/line_splitter.h"
#include "tests/fuzz/found.h"
#include "tests/fuzz/in_memory_server.h"

namespace {

constexpr std::size_t kMaxLineBytes = std::size_t{64} << 10;
constexpr int kConversations = 500;  // of one backend, for its trail grows

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace casemate;
  static std::unique_ptr<fuzz::Backend> backend;
  static int left = 0;
  if (left-- == 0) {
    SetLogLevel(LogLevel::kError);
    backend.reset();
    backend = std::make_unique<fuzz::Backend>();
    left = kConversations - 1;
  }
  fuzz::Conversation conversation(*backend);
  const mcp::LineSplitter::OnLine on_line = [&](std::string_view line) { conversation.Send(line); };
  const mcp::LineSplitter::OnOversized on_oversized = [&](std::size_t limit) {
    conversation.SendTooMuch(limit);
  };
  mcp::LineSplitter lines(kMaxLineBytes, on_line, on_oversized);
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (!bytes.empty()) {
    bytes.remove_prefix(lines.Take(bytes));
  }
  lines.Finish();
  conversation.End();
  if (const std::string problem = conversation.Problem(); !problem.empty()) {
    fuzz::Found(problem);
  }
  return 0;
}
