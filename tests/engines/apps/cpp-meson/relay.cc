#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

int main() {
  const char* wanted = std::getenv("PORT");
  const int port = wanted ? std::atoi(wanted) : 4091;
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (bind(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(server, 16) != 0) {
    return 1;
  }
  const std::string body = "greeting one";
  const std::string answer =
      "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  for (;;) {
    const int client = accept(server, nullptr, nullptr);
    char request[2048];
    if (read(client, request, sizeof request) > 0) {
      static_cast<void>(!write(client, answer.data(), answer.size()));
    }
    close(client);
  }
}
