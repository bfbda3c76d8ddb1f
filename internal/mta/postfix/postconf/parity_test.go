package postconf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
)

// modes are the ways in which postconf(1) is asked, with what answers here.
var modes = []struct {
	name, flags string
	print       func(*Config) (string, error)
}{
	{"n", "-n", func(c *Config) (string, error) { return c.Settings(AsWritten) }},
	{"nx", "-n -x", func(c *Config) (string, error) { return c.Settings(InFull) }},
	{"d", "-d", func(c *Config) (string, error) { return c.Defaults(AsWritten) }},
	{"dx", "-d -x", func(c *Config) (string, error) { return c.Defaults(InFull) }},
	{"M", "-M", func(c *Config) (string, error) { return c.Services(AsWritten) }},
	{"Mx", "-M -x", func(c *Config) (string, error) { return c.Services(InFull) }},
	{"F", "-F", func(c *Config) (string, error) { return c.Fields(AsWritten) }},
	{"Fx", "-F -x", func(c *Config) (string, error) { return c.Fields(InFull) }},
	{"P", "-P", func(c *Config) (string, error) { return c.Overrides(AsWritten) }},
	{"Px", "-P -x", func(c *Config) (string, error) { return c.Overrides(InFull) }},
}

// parityHelp says how to see one run again.
const parityHelp = "WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has"

// TestParity asks the postconf(1) of a real Postfix and this package about the
// same thousands of configurations. WAXSEAL_PARITY_POSTCONF and
// WAXSEAL_PARITY_VERSION name another postconf, built from source, to ask. That of
// 2.11 has habits of its own, which show as differences: mydomain is "localdomain"
// where the host has a name of two labels (its daemons know better), and a text that
// can't be expanded makes it give up where later ones go on, also what is left of
// "-oname=value" split at each "o".
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 2000), lab.Seed(t)
	t.Logf(parityHelp, seed)
	p := newParity(t)
	g := newGenerator(seed, p.version.Number)
	var written [][2]string
	for _, tc := range append(printedCases(), refusedCases()...) {
		written = append(written, [2]string{tc.main, tc.master})
	}
	for range cases {
		main, master := g.pair()
		written = append(written, [2]string{main, master})
	}
	for i, pair := range written {
		p.write(t, i, pair[0], pair[1])
	}
	started := time.Now()
	p.ask(t, len(written))
	t.Logf("postconf answered %d questions in %v", len(written)*len(modes), time.Since(started).Round(time.Second))
	compared, refused, wrong := 0, 0, 0
	for i := range written {
		configured := p.config(t, i, written[i][0], written[i][1], "networks")
		bare := p.config(t, i, written[i][0], written[i][1], "networks.d")
		for _, mode := range modes {
			c := configured
			if strings.HasPrefix(mode.flags, "-d") {
				c = bare
			}
			ours, err := mode.print(c)
			ours = withoutHost(ours)
			theirs, failed := p.answer(t, i, mode.name)
			compared++
			if failed {
				refused++
			}
			if (err != nil) == failed && (failed || ours == theirs) {
				continue
			}
			if wrong++; wrong > 10 {
				t.Fatalf("more differences (case %d)", i)
			}
			t.Errorf("case %d, postconf %s, refused %v, ours %v: %s\n--- main.cf\n%q\n--- master.cf\n%q\n--- postconf\n%s", i, mode.flags, failed, err, difference(ours, theirs), written[i][0], written[i][1], p.complaint(i, mode.name))
		}
	}
	t.Logf("%d answers compared, in %d of them postconf refused", compared, refused)
	if lab.Many(cases) && refused*2 > compared {
		t.Errorf("postconf refused %d of %d: the cases say too little", refused, compared)
	}
}

// parity is a postconf(1) to ask: of a throw-away Debian, or one built from
// source.
type parity struct {
	root    string // "" for the latter
	command string
	cases   string // directory of the cases as the test sees it
	inside  string // as postconf sees it
	version Version
}

func newParity(t *testing.T) parity {
	t.Helper()
	if command := os.Getenv("WAXSEAL_PARITY_POSTCONF"); command != "" {
		dir := t.TempDir()
		return parity{command: command, cases: dir, inside: dir, version: Version{Number: os.Getenv("WAXSEAL_PARITY_VERSION"), From: "the environment"}}
	}
	lab.Require(t)
	base, err := lab.Base(t.Context(), "", lab.Mail)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if out, err := exec.Command("tar", "--extract", "--file", base, "--directory", root, "--exclude=./dev/*").CombinedOutput(); err != nil {
		t.Fatalf("unpack %s: %v: %s", base, err, out)
	}
	status, err := os.ReadFile(filepath.Join(root, "var/lib/dpkg/status"))
	if err != nil {
		t.Fatal(err)
	}
	p := parity{root: root, command: "postconf", cases: filepath.Join(root, "cases"), inside: "/cases"}
	p.version = Installed(oneFile{"/var/lib/dpkg/status", status})
	if p.version.From == "" {
		t.Fatal("the lab's dpkg does not know its Postfix")
	}
	return p
}

// oneFile is a tree of one file.
type oneFile struct {
	path    waxseal.Path
	content []byte
}

func (f oneFile) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	if p == f.path {
		return f.content, nil
	}
	return nil, os.ErrNotExist
}
func (f oneFile) Lstat(p waxseal.Path) (waxseal.File, error)    { return waxseal.File{}, os.ErrNotExist }
func (f oneFile) Stat(p waxseal.Path) (waxseal.File, error)     { return f.Lstat(p) }
func (f oneFile) Digest(p waxseal.Path) (waxseal.Digest, error) { return "", os.ErrNotExist }
func (f oneFile) ReadDir(p waxseal.Path) ([]string, error)      { return nil, os.ErrNotExist }

func (p parity) dir(i int) string { return filepath.Join(p.cases, strconv.Itoa(i)) }

// write puts one case on disk, a day old: postconf waits for a file that is
// being written.
func (p parity) write(t *testing.T, i int, main, master string) {
	t.Helper()
	if err := os.MkdirAll(p.dir(i), 0o755); err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-24 * time.Hour)
	for name, text := range map[string]string{"main.cf": main, "master.cf": master} {
		file := filepath.Join(p.dir(i), name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, yesterday, yesterday); err != nil {
			t.Fatal(err)
		}
	}
}

// shells is how many shells ask at a time: postconf sleeps a second before it
// refuses.
const shells = 200

// ask runs postconf over all cases, started by shells inside.
func (p parity) ask(t *testing.T, cases int) {
	t.Helper()
	var script strings.Builder
	script.WriteString("i=$1\nwhile [ $i -lt $2 ]; do\nd=" + p.inside + "/$i\n")
	for _, mode := range modes {
		fmt.Fprintf(&script, "%s -c $d %s >$d/out.%s 2>$d/err.%s || echo $? >$d/failed.%s\n", p.command, mode.flags, mode.name, mode.name, mode.name)
	}
	for flag, file := range networks {
		fmt.Fprintf(&script, "%s -c $d %s -h mynetworks >$d/%s 2>$d/err || :\n", p.command, flag, file)
	}
	script.WriteString("i=$((i+1))\ndone\n")
	errs := make([]error, shells)
	var wg sync.WaitGroup
	for n := range errs {
		wg.Go(func() { errs[n] = p.shell(t.Context(), script.String(), cases*n/shells, cases*(n+1)/shells) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// networks are the questions after the host's addresses: with main.cf and
// without.
var networks = map[string]string{"": "networks", "-d": "networks.d"}

func (p parity) shell(ctx context.Context, script string, from, until int) error {
	argv := []string{"/bin/sh", "-c", script, "parity", strconv.Itoa(from), strconv.Itoa(until)}
	if p.root != "" {
		argv = append([]string{"chroot", p.root}, argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ask postconf: %w: %s", err, out)
	}
	return nil
}

// config reads the case as a tree is read, with what the host alone knows taken
// from postconf.
func (p parity) config(t *testing.T, i int, main, master, addresses string) *Config {
	t.Helper()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	addressed, err := os.ReadFile(filepath.Join(p.dir(i), addresses))
	if err != nil {
		t.Fatal(err)
	}
	dir := waxseal.Path(filepath.Join(p.inside, strconv.Itoa(i)))
	m, _ := ParseMain(dir+"/main.cf", main)
	s, _ := ParseMaster(dir+"/master.cf", master, p.version)
	// Postfix's own value ends with a blank, which postconf does not print, and
	// which shows where something follows it.
	own := strings.TrimSpace(string(addressed))
	if own != "" {
		own += " "
	}
	return New(m, s, Facts{Directory: dir, Host: host, Networks: own, Version: p.version})
}

// answer is what postconf printed, or that it refused.
func (p parity) answer(t *testing.T, i int, mode string) (text string, failed bool) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(p.dir(i), "failed."+mode)); err == nil {
		return "", true
	}
	content, err := os.ReadFile(filepath.Join(p.dir(i), "out."+mode))
	if err != nil {
		t.Fatal(err)
	}
	return withoutHost(string(content)), false
}

// complaint is what postconf wrote as its error, warnings left out.
func (p parity) complaint(i int, mode string) string {
	text, _ := os.ReadFile(filepath.Join(p.dir(i), "err."+mode))
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "unused parameter") && !strings.Contains(line, "undefined parameter") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// withoutHost leaves out what postconf alone can know.
func withoutHost(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "mail_release_date =") && !strings.HasPrefix(line, "process_id =") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// difference is the first line in which two texts differ.
func difference(ours, theirs string) string {
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d\n  ours   %q\n  theirs %q", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, theirs %d", len(a), len(b))
}
