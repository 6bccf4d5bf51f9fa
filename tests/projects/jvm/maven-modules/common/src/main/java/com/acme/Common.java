package com.acme;

public class Common {
  String u = System.getenv("REDIS_HOST");
}
