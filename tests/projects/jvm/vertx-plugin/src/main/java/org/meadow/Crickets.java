package org.meadow;

public class Crickets extends io.vertx.core.AbstractVerticle {
  @Override
  public void start() {
    vertx.createHttpServer().listen(config().getInteger("http.port", 8080));
  }
}
