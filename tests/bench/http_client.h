// A small HTTP/1.1 client on one keep-alive connection to 127.0.0.1: as little work as can be, so
// that the servers are measured and not it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace casemate::bench {

class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);
  HttpClient(HttpClient&& other) noexcept;
  HttpClient& operator=(HttpClient&&) = delete;
  ~HttpClient();

  struct Answer {
    std::string head;
    std::string body;
    // The value of a header, named in lower case; empty: absent.
    [[nodiscard]] std::string Header(std::string_view name) const;
  };
  // Posts to /mcp and reads the whole answer. `headers`: lines that end in \r\n.
  Answer Post(std::string_view body, std::string_view headers);
  // Opens an event stream on /mcp and reads as far as the end of the head.
  Answer OpenStream(std::string_view headers);

 private:
  void Send(std::string_view text) const;
  void Receive();
  std::string TakeUntil(std::string_view end);

  int fd_ = -1;
  std::string read_;  // received, not taken yet
};

// A port that nobody listens on now.
std::uint16_t FreePort();
// Whether somebody listens there.
bool Answers(std::uint16_t port);

}  // namespace casemate::bench
