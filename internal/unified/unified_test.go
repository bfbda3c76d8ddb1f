package unified_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"waxseal/internal/unified"
)

const was = "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"

func TestApply(t *testing.T) {
	tests := []struct {
		name, before, diff, after, err string
	}{
		{"a line changed", was, "--- a/x\n+++ b/x\n@@ -2,3 +2,3 @@\n two\n-three\n+3\n four\n", "one\ntwo\n3\nfour\nfive\nsix\nseven\n", ""},
		{"two hunks", was, "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n one\n+more\n@@ -7 +8,0 @@\n-seven\n", "one\nmore\ntwo\nthree\nfour\nfive\nsix\n", ""},
		{"appended", was, "--- a/x\n+++ b/x\n@@ -7,0 +8 @@\n+eight\n", was + "eight\n", ""},
		{"prepended", was, "--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+zero\n", "zero\n" + was, ""},
		{"created", "", "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+new\n", "new\n", ""},
		{"removed", "a\n", "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", "", ""},
		{"no line end, then one", "a", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n", "a\n", ""},
		{"a line end, then none", "a\n", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n", "a", ""},
		{"a removed line that looks like a header", "-- x\n", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- x\n+++ y\n", "++ y\n", ""},
		{"carriage returns count", "a\r\n", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "", "hunk 1 (line 3 of the diff) does not apply: line 1 of the file is another"},
		{"context differs", was, "--- a/x\n+++ b/x\n@@ -2,2 +2,2 @@\n TWO\n-three\n+3\n", "", "hunk 1 (line 3 of the diff) does not apply: line 2"},
		{"one line off", was, "--- a/x\n+++ b/x\n@@ -3,2 +3,2 @@\n two\n-three\n+3\n", "", "hunk 1 (line 3 of the diff) does not apply: line 3"},
		{"white space differs", was, "--- a/x\n+++ b/x\n@@ -2,2 +2,2 @@\n two \n-three\n+3\n", "", "does not apply"},
		{"the second hunk", was, "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+1\n@@ -6 +6 @@\n-SIX\n+6\n", "", "hunk 2 (line 6 of the diff) does not apply"},
		{"hunks out of order", was, "--- a/x\n+++ b/x\n@@ -6 +6 @@\n-six\n+6\n@@ -1 +1 @@\n-one\n+1\n", "", "hunk 2"},
		{"behind the end", was, "--- a/x\n+++ b/x\n@@ -70,0 +71 @@\n+x\n", "", "line 70 is not there"},
		{"no line end in the middle", was, "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+1\n\\ No newline at end of file\n", "", "without a line end"},
		{"something is left", "a\nb\n", "--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n", "", "leaves something"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files, err := unified.Parse([]byte(tt.diff))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			got, err := files[0].Apply([]byte(tt.before))
			if tt.err == "" && (err != nil || string(got) != tt.after) || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	body := "@@ -1 +1 @@\n-a\n+b\n"
	for _, tt := range []struct{ name, diff, want string }{
		{"prose", "hello\n", "no unified diff"},
		{"empty", "", "no unified diff"},
		{"rename", "diff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\n--- a/x\n+++ b/y\n" + body, "a rename"},
		{"mode", "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n--- a/x\n+++ b/x\n" + body, "another mode"},
		{"binary", "diff --git a/x b/x\nindex 1..2\nBinary files a/x and b/x differ\n", "binary"},
		{"only one side has it", "--- a/x\n+++ b/x\n" + body + "Only in /etc: y\n", "only one side"},
		{"cut off", "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+b\n", "ends within"},
		{"too many lines", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n+c\n", "neither a header nor a hunk"},
		{"no numbers", "--- a/x\n+++ b/x\n@@ -a +b @@\n", "no header of a hunk"},
		{"no hunk", "--- a/x\n+++ b/x\n", "no hunk"},
		{"no file", "--- /dev/null\n+++ /dev/null\n" + body, "names no file"},
	} {
		if files, err := unified.Parse([]byte(tt.diff)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v; want %q", tt.name, files, err, tt.want)
		}
	}
}

func TestPath(t *testing.T) {
	body := "@@ -1 +1 @@\n-a\n+b\n"
	for _, tt := range []struct{ header, want string }{
		{"--- a/etc/x\n+++ b/etc/x\n", "/etc/x"},
		{"--- etc/x\n+++ etc/x\n", "/etc/x"},
		{"--- /etc/x\t2026-11-30\n+++ x.new\t2026-11-30\n", "/etc/x"},
		{"--- /dev/null\n+++ b/etc/x\n", "/etc/x"},
		{"--- a/etc/x\n+++ /dev/null\n", "/etc/x"},
		{"--- \"a/etc/\\303\\244\"\n+++ \"b/etc/\\303\\244\"\n", "/etc/ä"},
		{"--- a/etc/x\n+++ b/etc/y\n", ""},
		{"--- a/../../etc/x\n+++ b/../../etc/x\n", ""},
		{"--- /etc/../../x\n+++ y\n", ""},
	} {
		files, err := unified.Parse([]byte("From: alice\n\nprose\n" + tt.header + body + "-- \n2.39.5\n"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := files[0].Path()
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q: %q, %v", tt.header, got, err)
		}
	}
}

// TestRealDiff: what diff(1) writes of two files leads from the one to the other.
func TestRealDiff(t *testing.T) {
	program, err := exec.LookPath("diff")
	if err != nil {
		t.Fatal("no diff(1): ", err)
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(7, 7))
	text := func() string {
		var b strings.Builder
		for range r.IntN(12) {
			fmt.Fprintf(&b, "%s\n", []string{"a", "b", "", "-- x", "++ y", "\\ z", "@@ -1 +1 @@"}[r.IntN(7)])
		}
		return strings.TrimSuffix(b.String(), []string{"", "\n"}[r.IntN(2)])
	}
	for i := range 300 {
		before, after := text(), text()
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		if err := os.WriteFile(a, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(b, []byte(after), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command(program, fmt.Sprintf("-U%d", i%4), a, b).Output()
		if before == after {
			continue
		}
		files, err := unified.Parse(out)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if got, err := files[0].Apply([]byte(before)); err != nil || string(got) != after {
			t.Fatalf("%q to %q: %q, %v\n%s", before, after, got, err, out)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"), []byte("a\n"))
	f.Add([]byte("diff --git a/x b/x\nindex 1..2\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n\\ No newline\n"), []byte(""))
	f.Fuzz(func(t *testing.T, diff, content []byte) {
		files, err := unified.Parse(diff)
		if err != nil {
			return
		}
		for _, file := range files {
			if p, err := file.Path(); err == nil && (!strings.HasPrefix(p, "/") || strings.Contains(p, "/../")) {
				t.Errorf("path %q", p)
			}
			_, _ = file.Apply(content)
		}
	})
}
