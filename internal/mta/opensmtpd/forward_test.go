package opensmtpd

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"waxseal"
)

// TestForward delivers to users with generated .forward files through a real
// smtpd: readable and not, their own and not, in safe homes and not.
func TestForward(t *testing.T) {
	r, cases := seedAndCases(t, 60)
	s := newRunning(t)
	passwd, err := os.ReadFile(filepath.Join(s.root, "etc/passwd"))
	if err != nil {
		t.Fatal(err)
	}
	users := string(passwd)
	var messages, odd []string
	for n := range cases {
		users += fmt.Sprintf("f%d:x:%d:%d::/home/f%d:/bin/sh\n", n, 2000+n, 2000+n, n)
		messages = append(messages, fmt.Sprintf("127.0.0.1 a@s1.example f%d@localhost", n))
	}
	s.write(t, "/etc/passwd", users, 0o644)
	for n := range cases {
		odd = append(odd, s.forward(t, r, n))
	}
	s.add(t, "listen on 127.0.0.1\naction l mda \"/usr/local/bin/took user %{user.username}\"\nmatch for any action l\n", messages)
	s.run(t)
	var ours []string
	for _, h := range s.read(t, 0).Hooks {
		if h.Active && h.Directive == ".forward" {
			ours = append(ours, endOf(h))
		}
	}
	real := strings.Split(strings.TrimSpace(s.result(t, 0, ".log")), "\n")
	slices.Sort(real)
	slices.Sort(ours)
	t.Logf("%d deliveries compared", len(real))
	real, ours = slices.Compact(real), slices.Compact(ours)
	for _, d := range real {
		if !slices.Contains(ours, d) {
			t.Errorf("only smtpd delivers to %q", d)
		}
	}
	for _, d := range ours {
		if !slices.Contains(real, d) {
			t.Errorf("only we deliver to %q", d)
		}
	}
	if len(real) < cases/3 {
		t.Error("too few deliveries to say anything")
	}
	if t.Failed() {
		t.Log(strings.Join(odd, "\n"), "\n", s.result(t, 0, ".answers"))
	}
}

// endOf is the end of a hook as the deliveries of the lab write it down.
func endOf(h waxseal.Hook) string {
	switch h.Target.Type {
	case waxseal.TargetCommand:
		return strings.TrimPrefix(h.Target.Value, "/usr/local/bin/took ")
	case waxseal.TargetFile:
		return "file " + h.Target.Value
	}
	name, _, _ := strings.Cut(h.Target.Value, "@")
	return "user " + strings.ToLower(name)
}

// forward makes the home and forward file of one user, and says what is odd
// about them.
func (s *running) forward(t *testing.T, r *rand.Rand, n int) string {
	t.Helper()
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var b strings.Builder
	for i := range 1 + r.IntN(3) {
		for j := range 1 + r.IntN(2) {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(pick("alice", "bob@localhost", fmt.Sprintf("f%d", n), fmt.Sprintf("|/usr/local/bin/took p%d.%d.%d", n, i, j), fmt.Sprintf("\"|/usr/local/bin/took q%d.%d.%d x, y\"", n, i, j),
				fmt.Sprintf("/out/file.%d.%d.%d", n, i, j), ":include:/etc/passwd", "Alice"))
		}
		b.WriteString(pick("\n", "\n", " # carol\n", "\n# |/usr/local/bin/took no\n", ", \\\n", ", \n"))
	}
	b.WriteString("|/usr/local/bin/took end" + fmt.Sprint(n) + pick("\n", "", "\n"))
	odd, uid, mode, home := "", 2000+n, os.FileMode(0o644), os.FileMode(0o755)
	switch r.IntN(16) {
	case 0:
		odd, uid = "belongs to root", 0
	case 1:
		odd, mode = "group writes it", 0o664
	case 2:
		odd, mode = "private", 0o600
	case 3:
		odd, home = "home is sticky", 0o755|os.ModeSticky
	case 4:
		odd, home = "group writes home", 0o775
	case 5:
		odd = "large"
		b.WriteString(strings.Repeat("\n#", 2100))
	case 6:
		odd = "bad line"
		b.WriteString("\ntwo words\n")
	}
	dir := filepath.Join(s.root, "home", fmt.Sprintf("f%d", n))
	file := filepath.Join(dir, ".forward")
	s.write(t, fmt.Sprintf("/home/f%d/.forward", n), b.String(), mode)
	for _, err := range []error{os.Chown(dir, 2000+n, 2000+n), os.Chown(file, uid, uid), os.Chmod(file, mode), os.Chmod(dir, home)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("f%d %s %q", n, odd, b.String()[:min(b.Len(), 200)])
}
