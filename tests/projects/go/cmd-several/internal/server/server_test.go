package server

import "os"

var _ = os.Getenv("TEST_ONLY")
