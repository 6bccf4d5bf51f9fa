#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4090)};
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  if (bind(server, (struct sockaddr*)&address, sizeof address) != 0 || listen(server, 16) != 0) {
    return EXIT_FAILURE;
  }
  const char* answer = "HTTP/1.0 200 OK\r\nContent-Length: 12\r\n\r\ngreeting one";
  for (;;) {
    const int client = accept(server, NULL, NULL);
    char request[2048];
    if (read(client, request, sizeof request) > 0) {
      (void)!write(client, answer, strlen(answer));
    }
    close(client);
  }
}
