package replay_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/replay"
)

// truth is what really happened in a recording.
type truth struct {
	Name  string
	User  string         `json:"actor_user"`
	AUID  string         `json:"auid"`
	Files []string       `json:"expected_watched_files"`
	Types map[string]int `json:"record_types"`
}

func (t truth) uid() uint32 {
	if n, err := strconv.ParseUint(t.AUID, 10, 32); err == nil {
		return uint32(n)
	}
	return waxseal.Unset
}

func recordings(t *testing.T) []truth {
	t.Helper()
	names, err := filepath.Glob("testdata/audit/*.json")
	if err != nil || len(names) < 23 {
		t.Fatalf("%d recordings, %v", len(names), err)
	}
	var list []truth
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var one truth
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list = append(list, one)
	}
	return list
}

// linesOf reads a recording, plain or packed.
func linesOf(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile("testdata/audit/" + name + ".log")
	if err != nil {
		packed, err := os.ReadFile("testdata/audit/" + name + ".log.gz")
		if err != nil {
			t.Fatal(err)
		}
		in, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		if text, err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func play(lines []string) replay.Answer { return replay.Run(replay.Input{Audit: lines}) }

// TestTruth: each recording gives the files, the person and the process that really were.
func TestTruth(t *testing.T) {
	for _, r := range recordings(t) {
		t.Run(r.Name, func(t *testing.T) {
			a := play(linesOf(t, r.Name))
			for _, file := range r.Files {
				found := false
				for _, c := range a.Changes {
					leads := c.Target == file || string(c.Path) == file || strings.HasPrefix(string(c.Path), file+"/")
					found = found || c.Success && leads
				}
				if !found {
					t.Errorf("no change of %s", file)
				}
			}
			if len(r.Files) == 0 && r.User == "admin" && len(a.Changes) > 0 {
				t.Errorf("%d changes where none was made", len(a.Changes))
			}
			for _, c := range a.Changes {
				checkHand(t, r, c)
			}
			if len(a.Executions) != r.Types["EXECVE"]-failedStarts(linesOf(t, r.Name)) {
				t.Errorf("%d program starts, want %d", len(a.Executions), r.Types["EXECVE"])
			}
			if len(a.Gaps) > 0 {
				t.Errorf("a whole recording has gaps: %+v", a.Gaps)
			}
		})
	}
}

func checkHand(t *testing.T, r truth, c replay.Change) {
	t.Helper()
	l, p := c.Actor.Login, c.Actor.Process
	if l.UID != r.uid() {
		t.Errorf("%s %s: login uid %d, want %d", c.Operation, c.Path, l.UID, r.uid())
	}
	enriched := r.Name != "39-raw-format-attacker-echo-bcc"
	if want := map[bool]string{true: r.User, false: r.AUID}[enriched]; l.UID != waxseal.Unset && l.Name != want {
		t.Errorf("%s %s: login %q, want %q", c.Operation, c.Path, l.Name, want)
	}
	if l.UID == waxseal.Unset && p.User != r.User {
		t.Errorf("%s %s: as %q, want %q", c.Operation, c.Path, p.User, r.User)
	}
	if p.Grade != waxseal.Proven || p.Exe == "" || p.PID == 0 {
		t.Errorf("%s %s: process %+v", c.Operation, c.Path, p)
	}
	if l.UID != waxseal.Unset && l.Grade != waxseal.Inferred { // no record says which program set it
		t.Errorf("%s %s: login %s", c.Operation, c.Path, l.Grade)
	}
	want := waxseal.OriginUnknown
	for _, a := range append([]waxseal.Process{p}, c.Actor.Ancestors...) {
		switch filepath.Base(a.Exe) {
		case "sudo":
			want = firstKind(want, waxseal.OriginSudo)
		case "dpkg", "apt-get":
			want = waxseal.OriginPackage
		}
	}
	if c.Actor.Origin.Kind != want {
		t.Errorf("%s %s: origin %+v, want %s", c.Operation, c.Path, c.Actor.Origin, want)
	}
}

func firstKind(had, next waxseal.OriginKind) waxseal.OriginKind {
	if had == waxseal.OriginUnknown {
		return next
	}
	return had
}

// failedStarts counts the searches along PATH.
func failedStarts(lines []string) (n int) {
	started := map[string]bool{}
	for _, l := range lines {
		if strings.HasPrefix(l, "type=EXECVE ") {
			started[stamp.FindString(l)] = true
		}
	}
	for _, l := range lines {
		if strings.HasPrefix(l, "type=SYSCALL ") && strings.Contains(l, "success=no") && started[stamp.FindString(l)] {
			n++
		}
	}
	return n
}

var (
	stamp  = regexp.MustCompile(`audit\([\d.]+:\d+\)`)
	quoted = regexp.MustCompile(`\b(name|exe|comm|cwd|a\d+)="([^"]*)"`)
	number = regexp.MustCompile(`syscall=(\d+)`)
)

// key is what must be the same however a recording was written down.
func keys(a replay.Answer) (list []string) {
	for _, c := range a.Changes {
		who := c.Actor.Login
		chain := c.Actor.Process.Exe + " " + strings.Join(c.Actor.Process.Argv, " ")
		for _, p := range c.Actor.Ancestors {
			chain += fmt.Sprintf(" < %s(%d)%s", p.Exe, p.PID, p.Grade)
		}
		list = append(list, fmt.Sprintf("%s %s %s %v: %d %s %s, %s, %s, %s", c.Time, c.Operation, c.Path, c.Success, who.UID, who.Grade, c.Actor.Process.Grade, chain, c.Actor.Origin.Kind, c.Severity))
	}
	for _, e := range a.Executions {
		list = append(list, fmt.Sprintf("%s ran %s %q", e.Time, e.Process.Exe, e.Process.Argv))
	}
	return list
}

// TestForms: the same recording in other forms gives the same answer.
func TestForms(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	forms := []struct {
		name  string
		write func(lines []string) []string
	}{
		{"records out of order", func(l []string) []string {
			random.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
			return l
		}},
		{"the other way round", func(l []string) []string { slices.Reverse(l); return l }},
		{"records twice", func(l []string) []string { return append(l, l[:len(l)/2]...) }},
		{"files in the wrong order", func(l []string) []string { return append(slices.Clone(l[len(l)/3:]), l[:len(l)/3]...) }},
		{"hexadecimal", inHex},
		{"with node and EOE", withNode},
		{"RAW", func(l []string) []string {
			for i := range l {
				l[i], _, _ = strings.Cut(l[i], "\x1d")
			}
			return l
		}},
		{"32-bit", in32Bit},
	}
	for _, r := range recordings(t) {
		want := keys(play(linesOf(t, r.Name)))
		for _, f := range forms {
			if len(want) > 1000 && f.name != "records out of order" {
				continue // the largest is played once
			}
			t.Run(r.Name+"/"+f.name, func(t *testing.T) {
				a := play(f.write(slices.Clone(linesOf(t, r.Name))))
				if d := cmp.Diff(want, keys(a)); d != "" {
					t.Errorf("%.3000s", d)
				}
				if len(a.Gaps) > 0 {
					t.Errorf("gaps: %+v", a.Gaps)
				}
			})
		}
	}
}

// inHex writes strings as the kernel writes those with blanks in them.
func inHex(lines []string) []string {
	for i, l := range lines {
		kernel, names, _ := strings.Cut(l, "\x1d")
		kernel = quoted.ReplaceAllStringFunc(kernel, func(s string) string {
			g := quoted.FindStringSubmatch(s)
			if g[2] == "" || g[1][0] == 'a' && !strings.HasPrefix(l, "type=EXECVE ") {
				return s
			}
			return g[1] + "=" + strings.ToUpper(hex.EncodeToString([]byte(g[2])))
		})
		lines[i] = kernel + "\x1d" + names
	}
	return lines
}

func withNode(lines []string) []string {
	var out []string
	for _, l := range lines {
		out = append(out, "node=mail "+l)
		if strings.HasPrefix(l, "type=PROCTITLE ") {
			out = append(out, "node=mail type=EOE msg="+stamp.FindString(l)+": ")
		}
	}
	return out
}

// to32 are the numbers of arch/x86/entry/syscalls/syscall_32.tbl for those of the
// recordings.
var to32 = map[string]string{
	"59": "11", "82": "38", "83": "39", "84": "40", "85": "8", "86": "9", "87": "10", "88": "83", "90": "15", "91": "94", "92": "212", "93": "207", "94": "198",
	"188": "226", "190": "228", "257": "295", "260": "298", "263": "301", "264": "302", "265": "303", "266": "304", "268": "306", "316": "353", "322": "358",
}

// in32Bit has 32-bit programs do it all.
func in32Bit(lines []string) []string {
	for i, l := range lines {
		if !strings.HasPrefix(l, "type=SYSCALL ") {
			continue
		}
		l, _, _ = strings.Cut(strings.Replace(l, "arch=c000003e", "arch=40000003", 1), "\x1d")
		lines[i] = number.ReplaceAllStringFunc(l, func(s string) string {
			n, ok := to32[strings.TrimPrefix(s, "syscall=")]
			if !ok {
				panic("no 32-bit number of " + s)
			}
			return "syscall=" + n
		})
	}
	return lines
}

// TestInterleaved: two recordings at one time are kept apart.
func TestInterleaved(t *testing.T) {
	list := recordings(t)
	lines := map[string][]string{}
	for _, r := range list {
		lines[r.Name] = linesOf(t, r.Name)
	}
	for i, r := range list {
		other := list[(i+1)%len(list)]
		if r.uid() == other.uid() || len(lines[r.Name])+len(lines[other.Name]) > 3000 {
			continue
		}
		t.Run(r.Name+" and "+other.Name, func(t *testing.T) {
			a := play(together(lines[r.Name], lines[other.Name]))
			own := map[string]bool{}
			for _, c := range play(lines[r.Name]).Changes {
				own[fmt.Sprint(c.Path, c.Operation, c.Actor.Process.PID)] = true
			}
			n := 0
			for _, c := range a.Changes {
				want := other
				if own[fmt.Sprint(c.Path, c.Operation, c.Actor.Process.PID)] {
					want, n = r, n+1
				}
				if c.Actor.Login.UID != want.uid() || c.Actor.Login.UID != waxseal.Unset && c.Actor.Login.Name != want.User && c.Actor.Login.Name != want.AUID {
					t.Errorf("%s %s: login %+v, want %s", c.Operation, c.Path, c.Actor.Login, want.User)
				}
			}
			if n == 0 && len(own) > 0 {
				t.Error("none of its changes is told")
			}
		})
	}
}

var moment = regexp.MustCompile(`audit\((\d+)\.(\d+):(\d+)\)`)

// shifted has a recording begin later, with other serial numbers.
func shifted(lines []string, seconds, serials int) (moved []string) {
	for _, l := range lines {
		moved = append(moved, moment.ReplaceAllStringFunc(l, func(s string) string {
			g := moment.FindStringSubmatch(s)
			sec, _ := strconv.Atoi(g[1])
			serial, _ := strconv.Atoi(g[3])
			return fmt.Sprintf("audit(%d.%s:%d)", sec+seconds, g[2], serial+serials)
		}))
	}
	return moved
}

// together moves the second recording into the time of the first, and mixes the records.
func together(a, b []string) (mixed []string) {
	zero, _ := strconv.Atoi(moment.FindStringSubmatch(a[0])[1])
	mine, _ := strconv.Atoi(moment.FindStringSubmatch(b[0])[1])
	b = shifted(b, zero-mine, 50000)
	for i := range max(len(a), len(b)) {
		if i < len(a) {
			mixed = append(mixed, a[i])
		}
		if i < len(b) {
			mixed = append(mixed, b[i])
		}
	}
	return mixed
}

// TestLost: where records are lost, nobody else is named, and what is missing is told.
func TestLost(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, r := range recordings(t) {
		lines := linesOf(t, r.Name)
		if len(lines) > 2000 {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			for range 20 {
				var kept []string
				lost, left := map[string]bool{}, map[string]bool{}
				for _, l := range lines {
					if random.IntN(10) == 0 {
						lost[stamp.FindString(l)] = lost[stamp.FindString(l)] || strings.HasPrefix(l, "type=SYSCALL ")
						continue
					}
					left[stamp.FindString(l)] = true
					kept = append(kept, l)
				}
				lostCalls := false // of an event of which something is left
				for event, call := range lost {
					lostCalls = lostCalls || call && left[event]
				}
				a := play(kept)
				for _, c := range a.Changes {
					l := c.Actor.Login
					if l.Grade != waxseal.Unknown && l.UID != r.uid() || l.Grade == waxseal.Unknown && l.UID != waxseal.Unset {
						t.Fatalf("%s %s: login %+v, want %d or nobody", c.Operation, c.Path, l, r.uid())
					}
					for _, p := range append([]waxseal.Process{c.Actor.Process}, c.Actor.Ancestors...) {
						if p.Grade == waxseal.Proven && p.Exe == "" {
							t.Fatalf("%s %s: a process without a program is proven: %+v", c.Operation, c.Path, p)
						}
					}
				}
				if lostCalls && len(a.Gaps) == 0 {
					t.Fatal("records are lost, and there is no gap")
				}
			}
		})
	}
}

// TestSame: the same recording gives the same answer, byte for byte.
func TestSame(t *testing.T) {
	lines := linesOf(t, "14-benign-ansible-lineinfile")
	one, err := json.Marshal(play(lines))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		two, err := json.Marshal(play(lines))
		if err != nil || !bytes.Equal(one, two) {
			t.Fatalf("another answer, %v", err)
		}
	}
}
