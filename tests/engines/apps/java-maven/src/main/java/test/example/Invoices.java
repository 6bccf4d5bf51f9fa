package test.example;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

public class Invoices {
  private static void answer(HttpExchange exchange, String words) throws IOException {
    byte[] body = words.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(200, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  public static void main(String[] args) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(4070), 0);
    server.createContext("/", exchange -> answer(exchange, "greeting one"));
    server.createContext("/health", exchange -> answer(exchange, "ok"));
    server.start();
  }
}
