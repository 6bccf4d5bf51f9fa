package com.acme;

public class PetclinicApplication {
  public static void main(String[] args) {
    SpringApplication.run(PetclinicApplication.class, args);
  }
}
