package com.acme;

public class OrdersApp {
  public static void main(String[] args) {
  }
}
