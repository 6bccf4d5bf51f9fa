package com.acme;

public class Worker {
  public static void main(String[] args) {
    String b = java.util.Objects.requireNonNull(System.getenv("KAFKA_BROKERS"));
  }
}
