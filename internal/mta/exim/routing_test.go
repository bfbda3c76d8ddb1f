package exim

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/snapshot"
)

func fromEnvironment(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// today is the seed of the day: new questions every day, and the same for all who
// ask on that day.
func today() uint64 {
	now := time.Now().UTC()
	return uint64(now.Year()*10000 + int(now.Month())*100 + now.Day())
}

// chain makes routers that take mail under all sorts of conditions.
func chain(r *rand.Rand) string {
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	var b strings.Builder
	b.WriteString("domainlist local_domains = a.example : b.example\ndomainlist none =\nbegin routers\n")
	for i := range 7 {
		fmt.Fprintf(&b, "r%d:\n  driver = accept\n  transport = t%d\n", i, i)
		b.WriteString(pick("", "", "  domains = +local_domains\n", "  domains = ! +local_domains\n", "  domains = a.example\n", "  domains = +none\n", "  domains =\n"))
		b.WriteString(pick("", "", "", "  local_parts = alice\n", "  local_parts = ! alice\n", "  local_parts = al*\n"))
		b.WriteString(pick("", "", "", "  condition = false\n", "  condition = yes\n", "  condition = ${if eq{a}{b}}\n", "  condition = ${if !eq{a}{b}}\n", "  condition = ${if and{{eq{a}{a}}{!eq{a}{b}}}{1}{0}}\n", "  condition = 0\n", "  condition = text\n", "  condition =\n"))
		b.WriteString(pick("", "", "  unseen\n", "  unseen = yes\n", "  no_unseen\n", "  verify_only\n", "  no_more\n"))
	}
	b.WriteString("begin transports\n")
	for i := range 7 {
		fmt.Fprintf(&b, "t%d:\n  driver = pipe\n  command = /bin/t%d\n", i, i)
	}
	return b.String()
}

var routedBy = regexp.MustCompile(`router = (r\d)`)

// TestRouting asks a real Exim (-bt) which routers take mail: none of them may be
// one of which is said here that nothing leads mail to it.
func TestRouting(t *testing.T) {
	cases, seed := int(fromEnvironment(t, "WAXSEAL_PARITY_CASES", 250)), fromEnvironment(t, "WAXSEAL_PARITY_SEED", today())
	cases = min(cases, 1000)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Exim)
	var confs []string
	for i := range cases {
		confs = append(confs, chain(rand.New(rand.NewPCG(seed, uint64(i)))))
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("case%d", i)), []byte(confs[i]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do echo; echo \"case $i\"; exim4 -C /case$i -bt alice@a.example bob@a.example alice@b.example bob@b.example alice@c.example bob@c.example 2>&1; i=$((i+1)); done; true", cases)
	out, err := lab.Output(t.Context(), root, script)
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(out, "\ncase ")[1:]
	taken, dead := 0, 0
	for i, answer := range answers {
		inert := inertRouters(confs[i])
		dead += len(inert)
		for _, m := range routedBy.FindAllStringSubmatch(answer, -1) {
			taken++
			if why, ok := inert[m[1]]; ok {
				t.Errorf("case %d: %s takes mail, and is said not to: %s\n%s\n%s", i, m[1], why, confs[i], answer)
			}
		}
	}
	t.Logf("%d cases: mail was taken %d times, %d routers are said to get none", len(answers), taken, dead)
	if taken < cases || dead < cases/2 {
		t.Error("the cases say too little")
	}
}

// inertRouters are those whose transport nothing leads mail to, with the reason.
func inertRouters(conf string) map[string]string {
	r := Read(snapshot.New(map[waxseal.Path]snapshot.Object{"/etc/exim/exim.conf": text(conf)}), mask.New(nil), mta.Options{})
	inert := map[string]string{}
	for _, h := range r.Hooks {
		if name, ok := strings.CutPrefix(string(h.ID), "exim:transport:t"); ok && !h.Active {
			inert["r"+name[:1]] = h.Modifiers["inactive"]
		}
	}
	return inert
}

// TestReleases: a version of a package says which release it is.
func TestReleases(t *testing.T) {
	for version, want := range map[string]eximconf.Version{"4.96-15+deb12u6": {Major: 4, Minor: 96}, "4.99.1": {Major: 4, Minor: 99}, "1:4.92-8": {Major: 4, Minor: 92}, "": {}, "x": {}} {
		if got := release(version); got != want {
			t.Errorf("release(%q) = %v, want %v", version, got, want)
		}
	}
}
