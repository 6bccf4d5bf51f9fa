#include "tests/bench/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <utility>

#include "tests/bench/child.h"

namespace casemate::bench {
namespace {

sockaddr_in Loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int Connect(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

}  // namespace

HttpClient::HttpClient(std::uint16_t port) : fd_(Connect(port)) {
  if (fd_ < 0) {
    Die("cannot connect to the server");
  }
}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), read_(std::move(other.read_)) {}

HttpClient::~HttpClient() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

std::string HttpClient::Answer::Header(std::string_view name) const {
  std::string lower = head;
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::size_t at = lower.find("\r\n" + std::string(name) + ": ");
  if (at == std::string::npos) {
    return {};
  }
  const std::size_t begin = at + name.size() + 4;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

HttpClient::Answer HttpClient::Post(std::string_view body, std::string_view headers) {
  std::string request =
      "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Accept: application/json, text/event-stream\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n";
  request.append(headers).append("\r\n").append(body);
  Send(request);
  Answer answer{TakeUntil("\r\n\r\n"), {}};
  if (answer.Header("transfer-encoding") == "chunked") {
    while (true) {
      const std::string size_line = TakeUntil("\r\n");
      const std::size_t size = std::strtoul(size_line.c_str(), nullptr, 16);
      while (read_.size() < size + 2) {
        Receive();
      }
      answer.body.append(read_, 0, size);
      read_.erase(0, size + 2);
      if (size == 0) {
        return answer;
      }
    }
  }
  const std::size_t size = std::strtoul(answer.Header("content-length").c_str(), nullptr, 10);
  while (read_.size() < size) {
    Receive();
  }
  answer.body = read_.substr(0, size);
  read_.erase(0, size);
  return answer;
}

HttpClient::Answer HttpClient::OpenStream(std::string_view headers) {
  Send("GET /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n" +
       std::string(headers) + "\r\n");
  return {TakeUntil("\r\n\r\n"), {}};
}

void HttpClient::Send(std::string_view text) const {
  while (!text.empty()) {
    const ssize_t sent = send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      Die("the server closed a connection");
    }
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void HttpClient::Receive() {
  std::array<char, 65536> buffer{};
  const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    Die("the server closed a connection");
  }
  read_.append(buffer.data(), static_cast<std::size_t>(got));
}

std::string HttpClient::TakeUntil(std::string_view end) {
  std::size_t at = read_.find(end);
  while (at == std::string::npos) {
    Receive();
    at = read_.find(end);
  }
  std::string text = read_.substr(0, at + end.size());
  read_.erase(0, at + end.size());
  return text;
}

std::uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Die("cannot find a free port");
  }
  close(fd);
  return ntohs(address.sin_port);
}

bool Answers(std::uint16_t port) {
  const int fd = Connect(port);
  if (fd >= 0) {
    close(fd);
  }
  return fd >= 0;
}

}  // namespace casemate::bench
