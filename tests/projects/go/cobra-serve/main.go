package main

import "github.com/acme/vault-proxy/cmd"

func main() {
	cmd.Execute()
}
