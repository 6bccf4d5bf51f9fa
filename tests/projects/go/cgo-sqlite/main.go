package main

import (
	"flag"
	"net/http"

	"github.com/gorilla/mux"
	_ "github.com/mattn/go-sqlite3"
)

func main() {
	addr := flag.String("addr", ":4000", "HTTP network address")
	flag.Parse()
	r := mux.NewRouter()
	http.ListenAndServe(*addr, r)
}
