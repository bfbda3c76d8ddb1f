package main

import (
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	const (
		pass    = `{"Action":"pass","Package":"p","Test":"A"}`
		fail    = `{"Action":"fail","Package":"p","Test":"A"}`
		skip    = `{"Action":"skip","Package":"p","Test":"A"}`
		reason  = `{"Action":"output","Package":"p","Test":"A","Output":"    a_test.go:3: needs root\n"}`
		pkgPass = `{"Action":"pass","Package":"p"}`
		pkgFail = `{"Action":"fail","Package":"p"}`
	)
	for _, tc := range []struct {
		name           string
		lines          []string
		limits         []limit
		passed, failed int
		says           string
	}{
		{"pass", []string{pass, pkgPass}, nil, 1, 0, "1 tests passed"},
		{"pass twice counts once", []string{pass, pkgPass, pass, pkgPass}, nil, 1, 0, ""},
		{"failed in one of two runs", []string{pass, pkgPass, fail, pkgFail}, nil, 0, 1, "FAILED   p A"},
		{"nothing ran", nil, nil, 0, 1, "no test ran"},
		{"broken build", []string{pkgFail}, nil, 0, 1, "did not build"},
		{"skip with a true limit", []string{reason, skip, pkgPass}, []limit{{"needs root", true}}, 0, 1, "SKIPPED  p A: needs root"},
		{"skip with a false limit", []string{reason, skip, pkgPass}, []limit{{"needs root", false}}, 0, 1, "though this machine could run it: needs root"},
		{"skip without a reason", []string{skip, pkgPass}, []limit{{"needs root", true}}, 0, 1, "no reason"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out strings.Builder
			r := &run{out: &out, result: map[name]string{}, output: map[name]*strings.Builder{}}
			if err := r.read(strings.NewReader(strings.Join(tc.lines, "\n"))); err != nil {
				t.Fatal(err)
			}
			passed, failed := r.tell(tc.limits)
			if passed != tc.passed || failed != tc.failed || !strings.Contains(out.String(), tc.says) {
				t.Errorf("got %d passed, %d failed, want %d, %d and %q; said:\n%s", passed, failed, tc.passed, tc.failed, tc.says, &out)
			}
		})
	}
}
