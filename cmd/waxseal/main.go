// Command waxseal knows every place where a mail server's mail can be tampered
// with, seals it, and names the hand that changes it.
package main

import (
	"context"
	"os"

	"waxseal/internal/cli"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

func main() {
	if os.Getenv("GOMEMLIMIT") == "" && os.Getenv("GOGC") == "" {
		pace := quick(os.DirFS("/"))
		if cli.Stays(os.Args[1:]) {
			pace = sparing()
		}
		pace.keep()
	}
	os.Exit(cli.Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, version))
}
