#include <crow.h>
int main() {
  crow::SimpleApp app;
  CROW_ROUTE(app, "/health")([] { return "ok"; });
  auto url = std::getenv("DATABASE_URL");
  app.port(18080).run();
}
