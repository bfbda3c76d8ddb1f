// Demo shows what Waxseal is for: on a throw-away mail server, somebody who may
// use sudo lets a stranger's filter see all mail, and Waxseal says what
// happened, who did it, and that mail has gone through it.
//
// It needs root, works in namespaces of its own, and leaves nothing behind.
// With fewer rights it shows what can be shown without them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"waxseal/internal/lab"
)

func main() {
	os.Exit(run())
}

func run() int {
	binary := flag.String("waxseal", "bin/waxseal", "the waxseal binary")
	clean := flag.Bool("clean", false, "only remove what killed demonstrations and tests left behind")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	path, err := filepath.Abs(*binary)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 2
	}
	if *clean {
		err = cleanUp(path)
	} else {
		err = show(ctx, path)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "demo: interrupted; cleaned up")
		return 130
	}
	fmt.Fprintln(os.Stderr, "demo:", err)
	return 1
}

// show runs the demonstration, or as much of it as this machine allows.
func show(ctx context.Context, binary string) error {
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("%w (make build makes it)", err)
	}
	if err := lab.Lacks(); err != nil {
		return showFiles(ctx, binary, err)
	}
	s := &story{binary: binary, out: os.Stdout}
	err := s.tell(ctx)
	return errors.Join(err, s.leave())
}

// cleanUp takes away what killed runs left: first the audit rules of an agent
// whose state is in a lab, since its state knows whether audit was off before,
// then the labs.
func cleanUp(binary string) error {
	for _, dir := range lab.Abandoned() {
		state := filepath.Join(dir, "state")
		if _, err := os.Stat(state); err != nil {
			continue
		}
		if _, err := os.Stat(binary); err != nil {
			continue
		}
		cmd := exec.Command(binary, "doctor", "--clean", "--state", state)
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "demo: doctor --clean: %v: %s", err, out)
		}
	}
	removed, err := lab.Clean()
	for _, dir := range removed {
		fmt.Println("removed", dir)
	}
	return err
}
