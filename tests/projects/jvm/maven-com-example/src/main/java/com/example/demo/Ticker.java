package com.example.demo;

public class Ticker {
  public static void main(String[] args) throws Exception {
    String key = java.util.Objects.requireNonNull(System.getenv("FEED_KEY"));
    var server = com.sun.net.httpserver.HttpServer.create(new java.net.InetSocketAddress(4071), 0);
    server.createContext("/healthz", exchange -> exchange.close());
    server.start();
  }
}
