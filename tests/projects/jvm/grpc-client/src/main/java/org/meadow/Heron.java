package org.meadow;

public class Heron {
  public static void main(String[] args) {
    io.grpc.ManagedChannelBuilder.forAddress("pond", 50051).build();
  }
}
