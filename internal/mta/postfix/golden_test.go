package postfix

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// render writes a result for people to read and compare.
func render(r Result) string {
	var b strings.Builder
	for _, s := range r.Stacks {
		fmt.Fprintf(&b, "stack %s %q %q %v %v %v\n", s.MTA, s.Version, s.Instance, s.Config, s.Domains, s.Logs)
	}
	for _, h := range r.Hooks {
		fmt.Fprintf(&b, "hook %s\n  at %s:%d, stage %s, scope %s, runs as %q, modifiers %v\n  closure %s\n  %s\n",
			line(h), h.Source.Path, h.Source.Line, h.Stage, h.Scope, h.RunsAs, h.Modifiers, closure(h), h.Explain)
	}
	for _, s := range r.Settings {
		fmt.Fprintf(&b, "setting %s:%d %s = %s\n", s.Source.Path, s.Source.Line, s.Name, s.Value)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "problem %s:%d %s\n", p.Path, p.Line, p.Message)
	}
	for _, p := range r.Parts {
		fmt.Fprintf(&b, "part %s %s\n", p.Path, p.Role)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, dir := range []string{"testdata/debian-12-postfix-3.7.11"} {
		got := render(read(dirTree(t, dir+"/tree")))
		if *update {
			if err := os.WriteFile(dir+"/want.txt", []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(dir + "/want.txt")
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: the result differs from want.txt:\n%s", dir, got)
		}
	}
}
