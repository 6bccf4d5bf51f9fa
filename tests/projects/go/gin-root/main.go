package main

import (
	"database/sql"
	"log"
	"os"

	"github.com/gin-gonic/gin"
	_ "github.com/lib/pq"
)

func main() {
	dsn := os.Getenv("DATABASE_URL")
	if dsn == "" {
		log.Fatal("DATABASE_URL is not set")
	}
	db, _ := sql.Open("postgres", dsn)
	port := os.Getenv("PORT")
	if port == "" {
		port = "8081"
	}
	r := gin.Default()
	r.LoadHTMLGlob("templates/*")
	r.GET("/healthz", func(c *gin.Context) { c.JSON(200, db.Ping() == nil) })
	r.Run(":" + port)
}
