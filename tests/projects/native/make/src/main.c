#include <microhttpd.h>
#define PORT 8888
int main(void) {
  const char *dir = getenv("DATA_DIR");
}
