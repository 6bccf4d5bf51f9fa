package com.acme;

public class InventoryApplication {
  public static void main(String[] args) {
  }
}
