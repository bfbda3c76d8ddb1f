package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"waxseal/internal/lab"
)

// The configuration that Debian gives a new Postfix, for where no Debian is at
// hand.
var (
	//go:embed testdata/main.cf
	mainCF string
	//go:embed testdata/master.cf
	masterCF string
)

// showFiles is the story for a machine where no lab can run: two trees of
// files and what differs between them.
func showFiles(ctx context.Context, binary string, lacking error) error {
	s := &story{binary: binary, out: os.Stdout}
	s.say("The whole story needs a throw-away mail server, and this machine can't run one: %v. What can be shown from files alone:", lacking)
	dir, err := os.MkdirTemp("", "waxseal-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	before, after := filepath.Join(dir, "before"), filepath.Join(dir, "after")
	for _, tree := range []string{before, after} {
		if err := plant(ctx, tree); err != nil {
			return err
		}
	}
	if err := add(filepath.Join(after, "etc/postfix/main.cf"), "smtpd_milters = inet:"+lab.RogueMilter+"\n"); err != nil {
		return err
	}
	for _, part := range []struct {
		words string
		args  []string
	}{
		{"What would be watched here, and which rights are missing:", []string{"doctor", "--root", before}},
		{"The mail path of a fresh Postfix:", []string{"scan", "--root", before}},
		{"The same Postfix after somebody handed all mail to a filter elsewhere:", []string{"diff", before, after}},
	} {
		s.say("%s", part.words)
		cmd := exec.CommandContext(ctx, binary, part.args...)
		cmd.Env = append(os.Environ(), "NO_COLOR=1")
		out, err := cmd.CombinedOutput()
		s.quoteAll(string(out))
		// Codes 1 and 3 say "findings" and "not everything could be read".
		if code := cmd.ProcessState.ExitCode(); err != nil && code != 1 && code != 3 {
			return fmt.Errorf("waxseal %s: %w", part.args[0], err)
		}
	}
	return nil
}

// plant lays out a tree with a Postfix in it: of the lab's Debian, when that
// was built here before, or else two files.
func plant(ctx context.Context, tree string) error {
	etc := filepath.Join(tree, "etc/postfix")
	if err := os.MkdirAll(etc, 0o755); err != nil {
		return err
	}
	if cache, err := lab.CacheDir(); err == nil {
		err := exec.CommandContext(ctx, "tar", "--extract", "--file", lab.BasePath(cache, lab.Mail), "--directory", tree,
			"--no-same-owner", "./etc", "./var/lib/dpkg").Run()
		if err == nil {
			return nil
		}
	}
	if err := os.WriteFile(filepath.Join(etc, "main.cf"), []byte(mainCF), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(etc, "master.cf"), []byte(masterCF), 0o644)
}

func add(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
