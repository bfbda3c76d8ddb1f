// Command waxseal knows every place where a mail server's mail can be tampered
// with, seals it, and names the hand that changes it.
package main

import (
	"context"
	"fmt"
	"os"

	"waxseal/internal/beat"
	"waxseal/internal/cli"
	"waxseal/internal/readroom"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

func main() {
	stays := readroom.Asked(os.Args) || cli.Stays(os.Args[1:])
	if os.Getenv("GOMEMLIMIT") == "" && os.Getenv("GOGC") == "" {
		pace := quick(os.DirFS("/"))
		if stays {
			pace = sparing()
		}
		pace.keep()
	}
	if stays {
		beat.WakeLate(beat.Slack)
	}
	if readroom.Asked(os.Args) { // a process of watch: it reads no configuration
		if err := readroom.Serve(); err != nil {
			fmt.Fprintln(os.Stderr, "waxseal:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(cli.Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, version))
}
