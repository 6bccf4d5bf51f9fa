package com.acme;

public class Server {
  public static void main(String[] args) {
    Vertx.vertx().createHttpServer().requestHandler(r -> r.response().end()).listen(8888);
  }
}
