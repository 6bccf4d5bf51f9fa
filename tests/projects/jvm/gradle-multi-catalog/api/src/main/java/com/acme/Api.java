package com.acme;

public class Api {
  public static void main(String[] args) {
  }
}
