package host_test

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal/internal/host"
	"waxseal/internal/lab"
	"waxseal/internal/rootfs"
)

// signIn signs alice and bob in with a wrong password by each service, and prints who
// was let in.
//
//go:embed testdata/signin.py
var signIn string

// TestPamParity holds who is let in with a wrong password against libpam itself, for
// generated services with includes, substacks and jumps.
func TestPamParity(t *testing.T) {
	seed := lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many services are asked for", seed)
	root, cases := lab.Root(t, lab.Filters), lab.Cases(t, 400)
	g := &pamFiles{rand.New(rand.NewPCG(seed, 7))}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := range parts {
		write(fmt.Sprintf("etc/pam.d/part%d", i), g.service(3, i))
	}
	texts := map[string]string{}
	for i := range cases {
		name := fmt.Sprintf("case%d", i)
		texts[name] = g.service(6, parts)
		write("etc/pam.d/"+name, texts[name])
	}
	write("etc/pam.d/other", "auth required pam_deny.so\n")
	write("signin.py", signIn)
	out, err := lab.Output(t.Context(), root, fmt.Sprintf("python3 /signin.py %d", cases))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	answers := strings.Fields(out)
	if len(answers) != cases {
		t.Fatalf("%d answers: %.300s", len(answers), out)
	}
	let := 0
	for i, want := range answers {
		name := fmt.Sprintf("case%d", i)
		unnamed, named := host.Believes(tree, name)
		if got := fmt.Sprintf("%d%d", number(named), number(unnamed)); got != want {
			t.Errorf("%s: libpam lets in %s (alice, bob), and here it is %s\n%s", name, want, got, texts[name])
		}
		let += number(named)
	}
	if let < cases/20 || let > cases*19/20 {
		t.Errorf("%d of %d services let somebody in: that asks little", let, cases)
	}
}

func number(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// parts is how many files there are to be included; each includes those before it.
const parts = 6

// pamFiles makes files of pam.d(5).
type pamFiles struct{ *rand.Rand }

func (g *pamFiles) of(list ...string) string { return list[g.IntN(len(list))] }

func (g *pamFiles) service(most, includes int) string {
	var b strings.Builder
	for range 1 + g.IntN(most) {
		b.WriteString(g.line(includes))
	}
	return b.String()
}

func (g *pamFiles) line(includes int) string {
	kind, gap := g.of("auth", "auth", "auth", "AUTH", "-auth"), g.of(" ", "\t", "   ")
	switch n := g.IntN(12); {
	case n == 0:
		return g.of("# auth sufficient pam_permit.so\n", "\n", "account required pam_deny.so\n", "session optional pam_permit.so\n")
	case n < 3 && includes > 0:
		part := fmt.Sprintf("part%d", g.IntN(includes))
		return g.of("@include "+part, "auth include "+part, "auth\tsubstack "+part, "auth substack "+part) + "\n"
	}
	module := g.of("pam_permit.so", "pam_deny.so", "pam_unix.so nodelay", "pam_warn.so", "pam_faildelay.so delay=0", "pam_succeed_if.so quiet user = alice",
		"pam_nologin.so", "/lib/x86_64-linux-gnu/security/pam_permit.so")
	return kind + gap + g.control() + gap + g.of("", "", "\\\n ") + module + g.of("", "", " # so", " ") + "\n"
}

func (g *pamFiles) control() string {
	if g.IntN(2) == 0 {
		return g.of("required", "requisite", "sufficient", "optional", "Required", "binding")
	}
	var words []string
	for range 1 + g.IntN(3) {
		words = append(words, g.of("success", "default", "ignore", "auth_err", "user_unknown", "new_authtok_reqd")+"="+g.of("ok", "done", "bad", "die", "ignore", "reset", "1", "2"))
	}
	return "[" + strings.Join(words, " ") + "]"
}
