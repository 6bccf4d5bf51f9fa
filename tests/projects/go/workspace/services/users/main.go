package main

import (
	"net"

	"google.golang.org/grpc"
)

func main() {
	lis, _ := net.Listen("tcp", ":50052")
	s := grpc.NewServer()
	s.Serve(lis)
}
