package smtpdconf

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"waxseal/internal/lab"
)

// answer is what smtpd -n says: whether it would start, and the places of what it
// complains about.
type answer struct {
	ok     bool
	places []string
}

func (a answer) same(b answer) bool { return a.ok == b.ok && slices.Equal(a.places, b.places) }

// ask has a real smtpd check every case of the directory /cases.
const ask = `cd /cases && for f in *.conf; do smtpd -n -f /cases/$f >$f.out 2>&1; echo "rc $?" >>$f.out; done`

var placed = regexp.MustCompile(`(?m)^(/cases/\S+?:\d+): (.*)$`)

// TestParity asks the smtpd(8) of a real OpenSMTPD and this package about the same
// thousands of configurations: which are accepted, and where the others are wrong.
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 1500), lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.OpenSMTPD)
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 4))}
	dir := filepath.Join(root, "cases")
	write(t, dir, "part1", "include \"/cases/part2\"\nx1 = \"maildir\"\naction \"in1\" relay\n")
	write(t, dir, "part2", "match from any \\\nfor any reject\n# no newline at the end")
	write(t, dir, "part3", "action \"broken\" mail\n")
	write(t, dir, "aliases", "# c\nroot: alice\nbob: \"|cmd\", carol\n")
	write(t, dir, "list", "# @list\na b\nc\n")
	write(t, dir, "names", "example.test\nexample.org\n")
	write(t, dir, "bad", "a: b\nc\n")
	var texts []string
	texts = append(texts, fixedCases...)
	for range cases {
		texts = append(texts, g.config())
	}
	for i, text := range texts {
		write(t, dir, fmt.Sprintf("%05d.conf", i), text)
	}
	started := time.Now()
	if _, err := lab.Output(t.Context(), root, ask); err != nil {
		t.Fatal(err)
	}
	t.Logf("smtpd answered %d questions in %v", len(texts), time.Since(started).Round(time.Second))
	accepted, wrong := 0, 0
	for i, text := range texts {
		theirs, said := smtpdAnswer(t, dir, i)
		ours := ourAnswer(root, i)
		if theirs.ok {
			accepted++
		}
		if theirs.same(ours) || strings.Contains(said, "invalid virtual ip or interface") {
			continue // which interfaces and addresses there are is the host's affair
		}
		if wrong++; wrong > 8 {
			t.Fatalf("more differences (case %d)", i)
		}
		t.Errorf("case %d\n%s\n--- smtpd\n%s\n--- ours %v", i, text, said, ours)
	}
	t.Logf("%d of %d configurations accepted", accepted, len(texts))
	if lab.Many(cases) && (accepted*5 < len(texts) || accepted*5 > len(texts)*4) {
		t.Errorf("smtpd accepted %d of %d: the cases say too little", accepted, len(texts))
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func smtpdAnswer(t *testing.T, dir string, n int) (a answer, said string) {
	t.Helper()
	out, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%05d.conf.out", n)))
	if err != nil {
		t.Fatal(err)
	}
	said = string(out)
	a.ok = strings.Contains(said, "rc 0\n")
	for _, m := range placed.FindAllStringSubmatch(said, -1) {
		if !strings.Contains(m[2], "fopen") {
			a.places = append(a.places, m[1])
		}
	}
	return a, said
}

func ourAnswer(root string, n int) (a answer) {
	c := Parse(fmt.Sprintf("/cases/%05d.conf", n), Options{
		Version: "6.8.0p2", Strict: true, Libexec: "/usr/libexec/opensmtpd",
		Read: func(path string) (string, error) {
			text, err := os.ReadFile(filepath.Join(root, path))
			return string(text), err
		},
		Exists: func(path string) bool {
			_, err := os.Stat(filepath.Join(root, path))
			return err == nil
		},
	})
	for _, e := range c.Errors {
		if !e.abrupt && e.Pos.Line > 0 && e.Message != "an entry without a value" {
			a.places = append(a.places, e.Pos.Path+":"+strconv.Itoa(e.Pos.Line))
		}
	}
	a.ok = len(c.Errors) == 0
	return a
}
