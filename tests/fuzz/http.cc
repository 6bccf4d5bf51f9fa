// Fuzz target: the bytes of an HTTP connection, against the reader of requests and the endpoint
// with the whole server behind it. However the bytes are cut, the same requests are read; each is
// answered once, with messages that are valid and headers that cannot be taken for two. The session
// id `$` stands for that of the session begun last; a request with `X-Gone` is left by its client.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "mcp/auth/authenticator.h"
#include "mcp/http/request_reader.h"
#include "mcp/transport/http/http_endpoint.h"
#include "tests/fuzz/found.h"
#include "tests/fuzz/in_memory_server.h"
#include "tests/fuzz/traffic.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace casemate::fuzz {
namespace {

using nlohmann::json;

constexpr int kConnections = 500;  // of one backend, for its trail grows
constexpr std::size_t kMaxRequests = 16;
constexpr std::size_t kUnjudged = 5;  // bytes: RequestReader waits for the shortest end of chunks

struct Read {
  std::vector<http::Request> requests;
  bool is_refused = false;  // what follows; in pieces perhaps for another reason
  // So few bytes wait for more that a reader of chunks does not judge them yet, while in one piece
  // with what came before they would have been judged.
  bool is_waiting = false;
  bool operator==(const Read& other) const {
    const auto same = [](const http::Request& a, const http::Request& b) {
      return a.method == b.method && a.target == b.target && a.headers == b.headers &&
             a.body == b.body;
    };
    return (is_refused == other.is_refused || is_waiting || other.is_waiting) &&
           std::ranges::equal(requests, other.requests, same);
  }
};

// As a connection does: what a request leaves is the beginning of the next.
Read ReadAll(std::string_view bytes, const std::function<std::size_t()>& step) {
  http::Limits limits;
  limits.max_header_bytes = 2048;
  limits.max_headers = 20;
  limits.max_body_bytes = 65536;
  Read read;
  std::string kept;
  auto reader = std::make_unique<http::RequestReader>(limits);
  while (!bytes.empty()) {
    const std::size_t size = std::min(step(), bytes.size());
    kept += bytes.substr(0, size);
    bytes.remove_prefix(size);
    for (bool goes_on = true; goes_on && !kept.empty();) {
      std::size_t used = 0;
      const auto status = reader->Consume(kept, used);
      if (used > kept.size()) {
        Found("it used more than there was");
      }
      kept.erase(0, used);
      goes_on = status == http::RequestReader::Status::kComplete;
      if (status == http::RequestReader::Status::kRefused) {
        read.is_refused = true;
        return read;
      }
      if (goes_on) {
        read.requests.push_back(std::move(reader->request()));
        reader = std::make_unique<http::RequestReader>(limits);
        if (read.requests.size() == kMaxRequests) {
          return read;
        }
      }
    }
  }
  read.is_waiting = !kept.empty() && kept.size() < kUnjudged;
  return read;
}

// Holds the answer to one request against the rules. Thread-safe.
class Answer : public http::Responder {
 public:
  void Send(http::Response response) override {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kNone) {
      Found("a second response to one request");
    }
    state_ = State::kDone;
    CheckHead(response);
    const auto type = http::FindHeader(response.headers, "Content-Type");
    if (type.value == "application/json") {
      CheckMessages(response.body);
    } else if (!response.body.empty()) {
      Found("a body without its type");
    }
  }
  void Begin(http::Response head) override {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kNone) {
      Found("a stream after a response");
    }
    state_ = State::kStreaming;
    CheckHead(head);
    events_ = head.body;
  }
  bool Write(std::string bytes, bool /*droppable*/) override {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kStreaming) {
      Found("an event outside of a stream");
    }
    events_ += bytes;
    return true;
  }
  void End() override {
    const std::lock_guard lock(mutex_);
    if (state_ != State::kStreaming) {
      Found("the end of no stream");
    }
    state_ = State::kDone;
    CheckEvents();
  }
  void OnGone(std::function<void()> gone) override {
    const std::lock_guard lock(mutex_);
    gone_ = std::move(gone);
  }

  // The client goes away, if it is still there.
  void Leave() {
    std::function<void()> gone;
    {
      const std::lock_guard lock(mutex_);
      gone = state_ == State::kDone ? nullptr : std::exchange(gone_, nullptr);
      left_ = true;
    }
    if (gone) {
      gone();
    }
  }
  // After the end of the server.
  void CheckDone() {
    const std::lock_guard lock(mutex_);
    gone_ = nullptr;
    if (state_ != State::kDone && !left_) {
      Found("a request without an answer");
    }
  }
  // Of a session that began with this answer; empty: none.
  std::string session() {
    const std::lock_guard lock(mutex_);
    return session_;
  }

 private:
  enum class State { kNone, kStreaming, kDone };

  void CheckHead(const http::Response& response) {
    if (response.status < 200 || response.status > 599) {
      Found("the status " + std::to_string(response.status));
    }
    for (const auto& [name, value] : response.headers) {
      const auto is_control = [](unsigned char byte) { return byte < 0x20 || byte == 0x7f; };
      if (name.empty() || std::ranges::any_of(name + value, is_control)) {
        Found("a header that could be taken for two: " + name);
      }
      if (name == "Mcp-Session-Id") {
        session_ = value;
      }
    }
  }
  static void CheckMessages(const std::string& text) {
    if (const std::string problem = Ledger().Answered(text); !problem.empty()) {
      Found(problem);
    }
  }
  void CheckEvents() const {
    for (std::size_t from = 0; from < events_.size();) {
      const std::size_t end = std::min(events_.find('\n', from), events_.size());
      const std::string line = events_.substr(from, end - from);
      from = end + 1;
      if (line.starts_with("data: ") && line.size() > 6) {
        CheckMessages(line.substr(6));
      }
    }
  }

  std::mutex mutex_;
  State state_ = State::kNone;  // guarded by mutex_, as all below
  bool left_ = false;
  std::string events_;
  std::string session_;
  std::function<void()> gone_;
};

void Serve(Backend& backend, std::vector<http::Request> requests) {
  tools::JobRunner jobs(*backend.executor, *backend.job_store, &backend.changes);
  mcp::Server server(backend.With(jobs), Backend::Options());
  mcp::SimpleAuthenticator authenticator(geteuid());
  mcp::HttpEndpoint endpoint(server, authenticator, {});
  backend.door.Shut();
  std::vector<std::shared_ptr<Answer>> answers;
  std::string session;
  for (http::Request& request : requests) {
    request.peer = {.is_loopback = true, .address = "127.0.0.1:1"};
    for (auto& [name, value] : request.headers) {
      if (value == "$") {
        value = session;
      }
    }
    const bool leaves = http::FindHeader(request.headers, "X-Gone").value.has_value();
    const auto answer = answers.emplace_back(std::make_shared<Answer>());
    endpoint.Handle(std::move(request), answer);
    session = answer->session().empty() ? session : answer->session();
    if (leaves) {
      answer->Leave();
    }
  }
  endpoint.Tick();
  backend.door.Open();
  server.calls().Join();  // nothing is cancelled yet
  server.reserved().Join();
  endpoint.EndStreams();
  jobs.Shutdown();
  server.Shutdown();
  for (const auto& answer : answers) {
    answer->CheckDone();
  }
}

// The body as a message, and a Content-Length that fits.
std::string AlterBody(std::string_view text, Traffic& traffic) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    return std::string(text);
  }
  std::string head(text.substr(0, end));
  std::string body = traffic.AlterLines(text.substr(end + 4));
  if (const std::size_t at = head.find("Content-Length: "); at != std::string::npos) {
    const std::size_t from = at + std::string_view("Content-Length: ").size();
    head.replace(from, std::min(head.find('\r', from), head.size()) - from,
                 std::to_string(body.size()));
  }
  return head + "\r\n\r\n" + body;
}

std::string AlterHeader(std::string text, Traffic& traffic) {
  constexpr const char* kLines[] = {"MCP-Protocol-Version: 2026-07-28",
                                    "MCP-Protocol-Version: 2025-06-18",
                                    "Mcp-Method: tools/call",
                                    "Mcp-Name: echo",
                                    "Mcp-Name: =?base64?ZWNobw==?=",
                                    "Mcp-Session-Id: $",
                                    "X-Gone: 1",
                                    "Origin: http://localhost",
                                    "Origin: null",
                                    "Last-Event-ID: 0-0",
                                    "Accept: text/event-stream",
                                    "Accept: */*",
                                    "Expect: 100-continue",
                                    "Transfer-Encoding: chunked",
                                    "Authorization: Bearer x",
                                    " folded",
                                    "A: b\tc"};
  const std::size_t end = text.find("\r\n");
  if (end != std::string::npos) {
    text.insert(end, std::string("\r\n") + traffic.random.Of(kLines));
  }
  return text;
}

}  // namespace
}  // namespace casemate::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned int seed) {
  casemate::fuzz::Traffic traffic(seed);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string altered;
  switch (traffic.random.Below(4)) {
    case 0:
      altered = casemate::fuzz::AlterHeader(std::string(text), traffic);
      break;
    case 1:
      return LLVMFuzzerMutate(data, size, max_size);
    default:
      altered = casemate::fuzz::AlterBody(text, traffic);
  }
  altered.resize(std::min(altered.size(), max_size));
  std::ranges::copy(altered, data);
  return altered.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace casemate;
  static std::unique_ptr<fuzz::Backend> backend;
  static int left = 0;
  if (left-- == 0) {
    SetLogLevel(LogLevel::kError);
    backend.reset();
    backend = std::make_unique<fuzz::Backend>();
    left = fuzz::kConnections - 1;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fuzz::Random random(static_cast<std::uint32_t>(size));
  fuzz::Read whole = fuzz::ReadAll(bytes, [&] { return bytes.size(); });
  if (whole != fuzz::ReadAll(bytes, [&] { return 1 + random.Below(40); })) {
    fuzz::Found("cut otherwise, the bytes give other requests");
  }
  fuzz::Serve(*backend, std::move(whole.requests));
  return 0;
}
