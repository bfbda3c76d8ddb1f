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
// sort, so that it is an example of it. An example that says why that can't be
// must need to.
func TestExamples(t *testing.T) {
	for _, p := range places() {
		t.Run(title(p), func(t *testing.T) {
			if p.Does == "" || p.Where == "" || p.Manual == "" {
				t.Errorf("not described: %+v", p)
			}
			e, err := readExample("examples", p)
			if err != nil {
				t.Fatal(err)
			}
			bad, good := e.judge(malicious), e.judge(harmless)
			switch v := verdict(bad); {
			case !concerns(bad, p, e):
				t.Errorf("malicious: no hook of %s\n%s", p.Directive, said(bad))
			case e.ceiling == "" && v < waxseal.High, v < waxseal.Medium:
				t.Errorf("malicious: %s\n%s", v, said(bad))
			case e.ceiling != "" && v >= waxseal.High:
				t.Errorf("malicious: %s, so the section \"ceiling\" is out of date\n%s", v, said(bad))
			}
			switch v := verdict(good); {
			case !concerns(good, p, e):
				t.Errorf("harmless: no hook of %s\n%s", p.Directive, said(good))
			case e.alarm == "" && v >= waxseal.High:
				t.Errorf("harmless: %s\n%s", v, said(good))
			case e.alarm != "" && v < waxseal.High:
				t.Errorf("harmless: %s, so the section \"alarm\" is out of date\n%s", v, said(good))
			}
		})
	}
}

// concerns reports whether a change is about a hook of this sort. The hooks of a
// restriction class bear its name.
func concerns(changes []waxseal.Change, p waxseal.Place, e example) bool {
	is := func(h waxseal.Hook) bool {
		class := p.Directive == "smtpd_restriction_classes" && strings.Contains(e.harmless+e.malicious, "\n"+h.Directive+" =")
		return h.MTA == p.MTA && (h.Directive == p.Directive || class)
	}
	return slices.ContainsFunc(changes, func(c waxseal.Change) bool {
		return slices.ContainsFunc(c.Hooks.Added, is) || slices.ContainsFunc(c.Hooks.Removed, is) ||
			slices.ContainsFunc(c.Hooks.Changed, func(hc waxseal.HookChange) bool { return is(hc.After) })
	})
}

func said(changes []waxseal.Change) string {
	var b strings.Builder
	for _, c := range changes {
		b.WriteString("\t" + c.Severity.String() + " " + string(c.Path) + ": " + strings.Join(c.Reasons, "; ") + "\n")
	}
	return b.String()
}

// TestNoStrayExamples: an example of no hook is a leftover.
func TestNoStrayExamples(t *testing.T) {
	files, err := filepath.Glob("examples/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !slices.ContainsFunc(places(), func(p waxseal.Place) bool { return filepath.Join("examples", fileName(p)) == f }) {
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

// TestLinks: each link of the page leads to a heading of it, and to one only.
func TestLinks(t *testing.T) {
	content, err := os.ReadFile("../../../docs/hooks.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	headings := map[string]int{}
	for line := range strings.Lines(text) {
		if _, heading, ok := strings.Cut(strings.TrimSpace(line), "# "); ok && strings.HasPrefix(line, "#") {
			headings[anchor(heading)]++
		}
	}
	for _, p := range places() {
		if n := headings[anchor(title(p))]; n != 1 || !strings.Contains(text, "](#"+anchor(title(p))+")") {
			t.Errorf("%s has %d headings that a link leads to", title(p), n)
		}
	}
}
