// Command waxseal knows every place where a mail server's mail can be tampered
// with, seals it, and names the hand that changes it.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"

	"waxseal/internal/cli"
	"waxseal/internal/readroom"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

// memory is how much the garbage collector lets pile up before it works harder. A
// mail server's scan stays far below it; a map of a million entries, which is
// read in large pieces, would take twice what it needs.
const memory = 192 << 20

// bound holds the memory down, and gives way to what is really needed: at a limit
// below that the collector does nothing else any more.
func bound(limit int64) {
	debug.SetMemoryLimit(limit)
	runtime.SetFinalizer(new(*int), func(**int) { // it runs after each collection
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		bound(max(memory, int64(live[0].Value.Uint64())/2*3))
	})
}

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		bound(memory)
	}
	if len(os.Args) == 2 && os.Args[1] == readroom.Verb { // a process of watch: it reads no configuration
		if err := readroom.Serve(); err != nil {
			fmt.Fprintln(os.Stderr, "waxseal:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(cli.Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr, version))
}
