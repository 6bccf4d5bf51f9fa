#include "mcp/http/response_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace casemate::http {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 27> kReasons = {{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
}};

bool IsTokenChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsValueChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

std::string StatusAndHeaders(const Response& response, const ResponseForm& form) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
  const auto* const reason = std::find_if(
      kReasons.begin(), kReasons.end(), [&](const auto& r) { return r.first == response.status; });
  if (reason != kReasons.end()) {
    text += reason->second;
  }
  text += "\r\n";
  for (const auto& [name, value] : response.headers) {
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  }
  if (!form.keep_alive) {
    text += "Connection: close\r\n";
  } else if (form.http10) {
    text += "Connection: keep-alive\r\n";
  }
  return text;
}

bool HasNoBody(int status) {
  return status / 100 == 1 || status == 204 || status == 304;
}

}  // namespace

bool AreSafe(const Headers& headers) {
  return std::all_of(headers.begin(), headers.end(), [](const auto& header) {
    const auto& [name, value] = header;
    return !name.empty() && std::all_of(name.begin(), name.end(), IsTokenChar) &&
           std::all_of(value.begin(), value.end(), IsValueChar);
  });
}

std::string WholeResponse(const Response& response, const ResponseForm& form) {
  std::string text = StatusAndHeaders(response, form);
  if (HasNoBody(response.status)) {
    return text += "\r\n";
  }
  text += "Content-Length: " + std::to_string(response.body.size()) + "\r\n\r\n";
  if (!form.is_head) {
    text += response.body;
  }
  return text;
}

std::string StreamHead(const Response& head, const ResponseForm& form) {
  std::string text = StatusAndHeaders(head, form);
  if (!form.http10) {
    text += "Transfer-Encoding: chunked\r\n";
  }
  return text += "\r\n";
}

std::string Chunk(std::string_view bytes) {
  std::array<char, 20> size{};
  const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  std::string text;
  text.reserve(static_cast<std::size_t>(length) + bytes.size() + 2);
  text.append(size.data(), static_cast<std::size_t>(length));
  text += bytes;
  return text += "\r\n";
}

Response ErrorResponse(int status, std::string_view text) {
  return {status,
          {{"Content-Type", "application/json"}},
          "{\"error\":\"" + std::string(text) + "\"}\n"};
}

std::string Refusal(int status, std::string_view text) {
  return WholeResponse(ErrorResponse(status, text), {false, false, false});
}

}  // namespace casemate::http
