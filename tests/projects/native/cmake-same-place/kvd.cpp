#define KV_PORT 7379
int main() { return 0; }
