package cmd

import "github.com/spf13/cobra"

var rootCmd = &cobra.Command{Use: "vault-proxy"}

func Execute() { rootCmd.Execute() }
