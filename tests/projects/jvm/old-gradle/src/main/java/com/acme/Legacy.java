package com.acme;

public class Legacy {
  public static void main(String[] args) {
    get("/hello", (q, a) -> "hi");
  }
}
