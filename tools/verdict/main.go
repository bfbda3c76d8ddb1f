// Verdict reads what "go test -json" says, tells it to people, and judges the
// run: a failed test fails it, and so does a skipped one unless this machine
// truly can't run it.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is one line of "go test -json" (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // of a build that failed
	Test       string
	Elapsed    float64
	Output     string
}

// name is a test of a package.
type name struct{ pkg, test string }

// run is what became of the tests. A test that ran more than once (with the
// race detector, too) counts once, by its worst result.
type run struct {
	out     io.Writer
	result  map[name]string
	output  map[name]*strings.Builder
	broken  []string // packages that failed without a failing test
	garbage int      // lines that are not events
}

// worse orders the results of one test.
var worse = map[string]int{"skip": 1, "pass": 2, "fail": 3}

func main() {
	closing := flag.String("closing", "", "write the counts, \"N passed, N failed\", to this file")
	flag.Parse()
	r := &run{out: os.Stdout, result: map[name]string{}, output: map[name]*strings.Builder{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "verdict:", err)
		os.Exit(2)
	}
	passed, failed := r.tell(limits())
	if *closing != "" {
		line := fmt.Sprintf("%d passed, %d failed\n", passed, failed)
		if err := os.WriteFile(*closing, []byte(line), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "verdict:", err)
			os.Exit(2)
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func (r *run) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				r.garbage++
				r.out.Write(line)
			} else {
				r.take(e)
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// take notes one event, and prints the end of each package as it comes.
func (r *run) take(e event) {
	key := name{cmp.Or(e.Package, e.ImportPath), e.Test}
	switch e.Action {
	case "output", "build-output":
		if r.output[key] == nil {
			r.output[key] = &strings.Builder{}
		}
		r.output[key].WriteString(e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
			return
		}
		if worse[e.Action] > worse[r.result[key]] {
			r.result[key] = e.Action
		}
		if out := r.output[key]; e.Action == "fail" && out != nil {
			fmt.Fprint(r.out, out)
		}
		if e.Action != "skip" {
			delete(r.output, key) // a second run starts anew
		}
	case "build-fail":
		fmt.Fprint(r.out, r.output[key])
	}
}

func (r *run) endPackage(e event) {
	switch {
	case e.Action == "skip": // no test files
		return
	case e.Action == "fail" && !r.anyFailed(e.Package):
		r.broken = append(r.broken, e.Package)
		if out := r.output[name{e.Package, ""}]; out != nil {
			fmt.Fprint(r.out, out)
		}
	}
	delete(r.output, name{e.Package, ""}) // a second run starts anew
	fmt.Fprintf(r.out, "%-4s %-36s %6.1f s\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
}

func (r *run) anyFailed(pkg string) bool {
	for key, result := range r.result {
		if key.pkg == pkg && result == "fail" {
			return true
		}
	}
	return false
}

// tell prints the failures, the skips with their reasons, and the sums. A skip
// that no limit of the machine excuses counts as failed.
func (r *run) tell(limits []limit) (passed, failed int) {
	var names []name
	for key := range r.result {
		names = append(names, key)
	}
	slices.SortFunc(names, func(a, b name) int {
		return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.test, b.test))
	})
	skipped := 0
	for _, key := range names {
		switch r.result[key] {
		case "pass":
			passed++
		case "fail":
			failed++
			fmt.Fprintf(r.out, "FAILED   %s %s\n", key.pkg, key.test)
		case "skip":
			reason := skipReason(r.output[key])
			if excused(reason, limits) {
				skipped++
				fmt.Fprintf(r.out, "SKIPPED  %s %s: %s\n", key.pkg, key.test, reason)
			} else {
				failed++
				fmt.Fprintf(r.out, "FAILED   %s %s was skipped, though this machine could run it: %s\n", key.pkg, key.test, reason)
			}
		}
	}
	for _, pkg := range r.broken {
		failed++
		fmt.Fprintf(r.out, "FAILED   %s: did not build or did not end\n", pkg)
	}
	if passed+failed == 0 {
		failed = 1
		fmt.Fprintln(r.out, "FAILED   no test ran")
	}
	fmt.Fprintf(r.out, "%d tests passed, %d failed, %d skipped\n", passed, failed, skipped)
	return passed, failed
}

// skipReason is what the test said when it skipped: the text after "file:line:".
func skipReason(out *strings.Builder) string {
	if out == nil {
		return "no reason"
	}
	var said []string
	for line := range strings.Lines(out.String()) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if at, rest, ok := strings.Cut(line, ": "); ok && strings.Contains(at, "_test.go:") {
			line = rest
		}
		if !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	return cmp.Or(strings.Join(said, " "), "no reason")
}
