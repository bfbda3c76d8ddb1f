// Command waxseal knows every place where a mail server's mail can be tampered
// with, seals it, and names the hand that changes it.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"waxseal/internal/cli"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

// memory is how much the garbage collector lets pile up before it works harder. A
// mail server's scan stays far below it; a map of a million entries, which is
// read in large pieces, would take twice what it needs.
const memory = 192 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memory)
	}
	os.Exit(cli.Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, version))
}
