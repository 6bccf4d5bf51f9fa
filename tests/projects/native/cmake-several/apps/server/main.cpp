#include "httplib.h"
int main() { httplib::Server s; s.listen("0.0.0.0", 8080); }
