package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const committed = "../../../man"

// TestUpToDate: the pages in man/ are those that the command would have now.
func TestUpToDate(t *testing.T) {
	want, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(committed, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := want[filepath.Base(file)]; !ok {
			t.Errorf("%s is the page of no command: remove it", filepath.Base(file))
		}
	}
	for name, page := range want {
		have, err := os.ReadFile(filepath.Join(committed, name))
		if err != nil {
			t.Errorf("%v: run go run ./internal/lab/man", err)
		} else if !slices.Equal(have, page) {
			t.Errorf("man/%s is not what the command says now: run go run ./internal/lab/man", name)
		}
	}
}

// TestPages: what people look for in a manual page is there.
func TestPages(t *testing.T) {
	all, err := pages()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Errorf("only %d pages", len(all))
	}
	for name, page := range all {
		for _, want := range []string{".SH NAME", ".SH SYNOPSIS", ".SH EXIT STATUS", ".SH FILES"} {
			if strings.Count(string(page), want+"\n") != 1 {
				t.Errorf("%s: want %q once", name, want)
			}
		}
		if first, _, _ := strings.Cut(strings.TrimPrefix(string(page), ".nh\n"), "\n"); !strings.HasPrefix(first, `.TH "WAXSEAL`) || strings.Contains(first, "2000") {
			t.Errorf("%s begins with %q", name, first)
		}
	}
}
