#include <netinet/in.h>
int main() { sockaddr_in a{}; a.sin_port = htons(7007); }
