package main

import "github.com/acme/notes/pkg/web"

func main() { web.Start() }
