package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waxseal"
)

// TestExamples: the malicious change of every sort of hook is high or critical,
// the harmless one below, and each makes, changes or removes a hook of that
// sort, so that it is an example of it.
func TestExamples(t *testing.T) {
	for _, p := range places() {
		t.Run(p.Directive, func(t *testing.T) {
			if p.Does == "" || p.Where == "" || p.Manual == "" {
				t.Errorf("not described: %+v", p)
			}
			e, err := readExample("examples", p.Directive)
			if err != nil {
				t.Fatal(err)
			}
			if bad := e.judge(malicious); verdict(bad) < waxseal.High || !concerns(bad, p) {
				t.Errorf("malicious: %s\n%s", verdict(bad), said(bad))
			}
			if good := e.judge(harmless); verdict(good) >= waxseal.High || !concerns(good, p) {
				t.Errorf("harmless: %s\n%s", verdict(good), said(good))
			}
		})
	}
}

// concerns reports whether a change is about a hook of this sort.
func concerns(changes []waxseal.Change, p waxseal.Place) bool {
	is := func(h waxseal.Hook) bool { return h.MTA == p.MTA && h.Directive == p.Directive }
	return slices.ContainsFunc(changes, func(c waxseal.Change) bool {
		return slices.ContainsFunc(c.Hooks.Added, is) || slices.ContainsFunc(c.Hooks.Removed, is) ||
			slices.ContainsFunc(c.Hooks.Changed, func(hc waxseal.HookChange) bool { return is(hc.After) })
	})
}

func said(changes []waxseal.Change) string {
	var b strings.Builder
	for _, c := range changes {
		b.WriteString(c.Severity.String() + " " + string(c.Path) + ": " + strings.Join(c.Reasons, "; ") + "\n")
	}
	return b.String()
}

// TestNoStrayExamples: an example of no hook is a leftover.
func TestNoStrayExamples(t *testing.T) {
	files, err := filepath.Glob("examples/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txtar")
		if !slices.ContainsFunc(places(), func(p waxseal.Place) bool { return p.Directive == name }) {
			t.Errorf("%s is an example of no hook", f)
		}
	}
}

// TestUpToDate: docs/hooks.md is what the code says now.
func TestUpToDate(t *testing.T) {
	want, err := page("examples")
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../../docs/hooks.md")
	if err != nil || string(have) != want {
		t.Errorf("docs/hooks.md is not what the code says now: run go run ./internal/lab/hookdoc (%v)", err)
	}
}
