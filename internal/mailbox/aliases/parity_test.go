package aliases_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"waxseal/internal/lab"
	"waxseal/internal/mailbox/aliases"
)

const driver = `cd /parity || exit 1
for n in *; do
	postalias hash:/parity/$n 2>$n.err
	postalias -s hash:/parity/$n >$n.all 2>>$n.err
done
exit 0
`

// TestParity holds the reader against postalias(1) of a real Postfix.
func TestParity(t *testing.T) {
	lab.Require(t)
	// New questions every day, and the same for all who ask on that day.
	now := time.Now().UTC()
	seed := int64(now.Year()*10000 + int(now.Month())*100 + now.Day())
	if s := os.Getenv("WAXSEAL_SEED"); s != "" {
		seed, _ = strconv.ParseInt(s, 10, 64)
	}
	t.Logf("seed %d (set WAXSEAL_SEED to repeat)", seed)
	r := rand.New(rand.NewSource(seed))
	l, err := lab.New(t.Context(), lab.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	dir := filepath.Join(l.Root, "parity")
	err = os.Mkdir(dir, 0o755)
	var texts []string
	for n := range 200 {
		texts = append(texts, randomAliases(r))
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d", n)), []byte(texts[n]), 0o644))
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", driver)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: l.Root, Pdeathsig: syscall.SIGKILL}
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for n, text := range texts {
		all, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%04d.all", n)))
		if err != nil {
			t.Fatal(err)
		}
		if same(t, text, string(all)); t.Failed() {
			said, _ := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%04d.err", n)))
			t.Fatalf("case %d:\n%s\n%s", n, text, said)
		}
	}
}

func same(t *testing.T, text, all string) {
	t.Helper()
	real := map[string]string{}
	for line := range strings.Lines(all) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if key = strings.TrimSuffix(key, ":"); key != "@" && !strings.HasPrefix(key, "YP_") {
			real[key] = value
		}
	}
	ours := map[string]string{}
	entries, _ := aliases.Parse(text)
	for _, e := range entries {
		if _, twice := ours[strings.ToLower(e.Key)]; !twice {
			ours[strings.ToLower(e.Key)] = e.Value
		}
	}
	for key, value := range real {
		if got, ok := ours[key]; !ok || got != value {
			t.Errorf("key %q: we have %q (%v), Postfix %q", key, got, ok, value)
		}
	}
	for key, value := range ours {
		if _, ok := real[key]; !ok {
			t.Errorf("key %q: we have %q, Postfix has nothing", key, value)
		}
	}
}

func randomAliases(r *rand.Rand) string {
	pick := func(list ...string) string { return list[r.Intn(len(list))] }
	var b strings.Builder
	for range 1 + r.Intn(15) {
		key := pick("root", "Root", "list", `"a b"`, "a b", "x.y", `"q:r"`, `q\:r`, "(c) x", "x@y.example", "x%y", "a,b", "[1]", "owner-list", `"op`, "a<b", "", "b!c", "|p")
		b.WriteString(key + pick(":", ": ", " : ", ":", " ", "\n "))
		for range r.Intn(4) {
			b.WriteString(pick("root", "a@b.example", `"|/bin/x -a \"b c\", d"`, `|"/bin/x y"`, "|/bin/x y", "/var/mail/x", ":include:/etc/list", `\\alice`, "Bob B <bob@x.example>",
				"(comment (nested) \\)) x", "x(c", `"open`, "[192.0.2.1]", "[a\\]b]", "a  b", `a\ b`, `a\,b`, "<>", "g: a, b;", "~/m", `""`, "a.b@c", "'|x'", `"tab	in"`))
			b.WriteString(pick(", ", ",", " ", "\n  ", "\n# c\n\t", " ,\n ", "\r"))
		}
		b.WriteString("\n")
	}
	return b.String()
}
