package cmd

import (
	"net/http"

	"github.com/spf13/cobra"
)

var serveCmd = &cobra.Command{
	Use:   "serve",
	Short: "Start the HTTP server",
	RunE: func(cmd *cobra.Command, args []string) error {
		port, _ := cmd.Flags().GetString("port")
		return http.ListenAndServe(":"+port, nil)
	},
}

func init() {
	serveCmd.Flags().StringP("port", "p", "8200", "port to listen on")
	rootCmd.AddCommand(serveCmd)
}
