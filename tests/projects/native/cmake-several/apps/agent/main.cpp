#include <cstdlib>
int main() { return std::getenv("GRID_TOKEN") ? 0 : 1; }
