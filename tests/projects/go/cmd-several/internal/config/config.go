package config

import "os"

type Config struct{ Port string }

func getEnv(key, fallback string) string {
	if v, ok := os.LookupEnv(key); ok {
		return v
	}
	return fallback
}

func Load() Config { return Config{Port: getEnv("API_PORT", "9000")} }
