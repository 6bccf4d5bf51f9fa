#include <Poco/Net/HTTPServer.h>
int main() { unsigned short port = 9980; }
