package auditrec

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParseLine: no line panics, and what is read reads the same again.
func FuzzParseLine(f *testing.F) {
	logs, _ := filepath.Glob("testdata/*.log")
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			f.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if i%7 == 0 {
				f.Add(line)
			}
		}
	}
	f.Fuzz(func(t *testing.T, line string) {
		r, err := ParseLine(line)
		if err != nil {
			return
		}
		again, err := ParseLine(r.Raw)
		if err != nil || len(again.Fields) != len(r.Fields) || again.Serial != r.Serial || !again.Time.Equal(r.Time) {
			t.Errorf("%q reads as %+v, then as %+v, %v", line, r, again, err)
		}
		event([]Record{r})
	})
}

// FuzzAssemble: whatever comes, each different record leaves in one event, and
// little is kept.
func FuzzAssemble(f *testing.F) {
	f.Add("type=SYSCALL msg=audit(1.000:1): pid=1\ntype=EOE msg=audit(1.000:1): \ntype=CWD msg=audit(9.000:2): cwd=\"/\"")
	f.Add("type=EXECVE msg=audit(1.000:1): argc=2 a0[3]=41 a0[1]=42 a0_len=9\ntype=USER_CMD msg=audit(1.000:1): msg='cmd=41'")
	f.Fuzz(func(t *testing.T, text string) {
		var a Assembler
		in, out := 0, 0
		for line := range strings.Lines(text) {
			r, err := ParseLine(line)
			if err != nil {
				continue
			}
			in++
			for _, e := range a.Add(r) {
				out += len(e.Raw)
			}
			if a.Pending() > maxPending || len(a.order) > 2*maxPending+1 {
				t.Fatalf("%d events are pending", a.Pending())
			}
		}
		for _, e := range a.Drain() {
			out += len(e.Raw)
		}
		if out > in || a.Pending() != 0 || a.bytes != 0 {
			t.Errorf("%d records in, %d out, %d events and %d bytes left", in, out, a.Pending(), a.bytes)
		}
	})
}
