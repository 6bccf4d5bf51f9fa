package com.acme;

public class Mailer {
  public static void main(String[] args) {
  }
}
