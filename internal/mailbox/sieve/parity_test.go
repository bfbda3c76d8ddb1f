package sieve

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal/internal/lab"
)

// driver asks a real Pigeonhole: sievec whether it compiles the scripts c*, and
// sieve-test what the scripts t* do with two messages.
const driver = `cd /parity || exit 1
useradd --create-home parity && chown -R parity . || exit 1
su parity -s /bin/sh -c '
for f in c*.sieve; do sievec -c conf $f ${f%.sieve}.svbin 2>${f%.sieve}.err || rm -f ${f%.sieve}.svbin; done
for f in t*.sieve; do for m in 0 1; do sieve-test -c conf -f sender@b.example -r root@vm.example $f m$m >out.${f%.sieve}.$m 2>err.${f%.sieve}.$m; done; done
'
exit 0
`

const configuration = `mail_location = maildir:/parity/mail
plugin {
  sieve_plugins = sieve_extprograms
  sieve_extensions = +editheader +spamtest +spamtestplus +virustest +vacation-seconds +special-use +vnd.dovecot.pipe +vnd.dovecot.filter +vnd.dovecot.execute
}
`

var texts = []string{
	"From: alice@b.example\r\nTo: root@vm.example\r\nSubject: Your Invoice 42\r\n\r\nbody\r\n",
	"From: Bob <bob@c.example>\r\nTo: list@vm.example, alice@b.example\r\nSubject: hello\r\nX-Spam: yes\r\n\r\nbody\r\n",
}

// parsed is a message as an evaluation takes it.
func parsed(text string) message {
	m := message{headers: map[string][]string{}, from: "sender@b.example", to: "root@vm.example", size: uint64(len(text))}
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	for _, line := range strings.Split(head, "\r\n") {
		name, value, _ := strings.Cut(line, ": ")
		m.headers[strings.ToLower(name)] = append(m.headers[strings.ToLower(name)], value)
	}
	return m
}

// parity is one run: scripts to compile, and scripts to try.
type parity struct {
	t              *testing.T
	dir            string
	compile, try   []string
	refused, wrong int
}

// TestParity holds the reader against a real Pigeonhole: which scripts it refuses,
// and what those that an evaluation knows do with two messages.
func TestParity(t *testing.T) {
	lab.Require(t)
	// New questions every day, and the same for all who ask on that day.
	seed := int64(lab.Seed(t))
	cases := lab.Cases(t, 1000)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Stock)
	p := &parity{t: t, dir: filepath.Join(root, "parity")}
	g := &generator{Rand: rand.New(rand.NewSource(seed))}
	for range cases {
		p.compile = append(p.compile, g.script())
	}
	g.plain = true
	for range cases / 4 {
		p.try = append(p.try, g.script())
	}
	p.write()
	started := time.Now()
	if out, err := lab.Output(t.Context(), root, driver); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("Pigeonhole answered %d questions in %v", len(p.compile)+2*len(p.try), time.Since(started).Round(time.Second))
	for i, text := range p.compile {
		p.compiled(i, text)
	}
	kept := 0
	for i, text := range p.try {
		for m := range texts {
			kept += p.tried(i, m, text)
		}
	}
	t.Logf("%d of %d refused; %d of %d tried end with the implicit keep; %d different", p.refused, cases, kept, 2*len(p.try), p.wrong)
	if lab.Many(cases) && (p.refused < cases/10 || p.refused > cases*9/10 || kept < len(p.try)/10) {
		t.Error("the questions are too one-sided")
	}
}

func (p *parity) write() {
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := os.Mkdir(p.dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	put("conf", configuration)
	for i, text := range texts {
		put(fmt.Sprintf("m%d", i), text)
	}
	for i, text := range p.compile {
		put(fmt.Sprintf("c%04d.sieve", i), text)
	}
	for i, text := range p.try {
		put(fmt.Sprintf("t%04d.sieve", i), text)
	}
}

func (p *parity) read(format string, args ...any) string {
	text, err := os.ReadFile(filepath.Join(p.dir, fmt.Sprintf(format, args...)))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

func (p *parity) differ(format string, args ...any) {
	p.t.Helper()
	if p.wrong++; p.wrong < 8 {
		p.t.Errorf(format, args...)
	}
}

func (p *parity) compiled(i int, text string) {
	_, err := os.Stat(filepath.Join(p.dir, fmt.Sprintf("c%04d.svbin", i)))
	refused := err != nil
	if refused {
		p.refused++
	}
	if s := Parse(text, Options{}); (s.Refused || len(s.Unknown) > 0) != refused {
		p.differ("script %d\n%s\nwe refuse: %v %v\nPigeonhole: %v %s", i, text, s.Refused, s.Problems, refused, p.read("c%04d.err", i))
	}
}

// tried returns 1 where the implicit keep stands.
func (p *parity) tried(i, m int, text string) int {
	said := p.read("out.t%04d.%d", i, m)
	actions, keep, ok := strings.Cut(said, "Implicit keep:")
	if !ok {
		p.differ("script %d\n%s\nPigeonhole: %s", i, text, p.read("err.t%04d.%d", i, m))
		return 0
	}
	var lines []string
	for line := range strings.Lines(actions) {
		if action, ok := strings.CutPrefix(line, " * "); ok {
			lines = append(lines, strings.TrimSpace(action))
		}
	}
	stands := "(none)"
	if !strings.Contains(keep, "(none)") {
		stands = "keep"
	}
	theirs := strings.Join(append(sorted(lines), stands), "\n")
	t, ours := try(Parse(text, Options{}), parsed(texts[m]))
	if ours != theirs || t.unknown != "" {
		p.differ("script %d, message %d\n%s\nwe say (%s)\n%s\nPigeonhole says\n%s", i, m, text, t.unknown, ours, said)
	}
	if c := t.contradiction(); c != "" {
		p.differ("script %d, message %d\n%s\n%s", i, m, text, c)
	}
	return strings.Count(stands, "keep")
}
