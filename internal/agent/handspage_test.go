package agent_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/lab"
)

var updateHands = flag.Bool("update-hands", false, "write docs/hands.md anew")

// handRow is what docs/hands.md says of one deed.
type handRow struct{ name, told, process, login, origin, key, terminal, steps, place, chain string }

// numbers are what differs from run to run: processes, sessions, records, ports.
var numbers = regexp.MustCompile(`\b(process|session|record|port|of session) \d+`)

func plain(s string) string { return numbers.ReplaceAllString(s, "$1 N") }

// rowOf puts an actor into words.
func rowOf(name string, a *waxseal.Actor, l *lab.Lab) handRow {
	r := handRow{name: name,
		process:  fmt.Sprintf("%s as %s: %s (%s)", a.Process.Exe, userName(a.Process.User, a.Process.EUID), a.Process.Grade, plain(a.Process.Basis)),
		login:    fmt.Sprintf("%s: %s (%s)", loginName(a.Login), a.Login.Grade, plain(a.Login.Basis)),
		origin:   fmt.Sprintf("%s: %s (%s)", originWords(a.Origin), a.Origin.Grade, orProc(plain(a.Origin.Basis))),
		terminal: "none", steps: stepWords(a), place: placeWords(a.Place), key: "–",
	}
	if a.Login.Before != nil {
		r.login += fmt.Sprintf("; before it %s: %s", loginName(*a.Login.Before), a.Login.Before.Grade)
	}
	if a.Login.TTY != "" {
		r.terminal = "yes"
	}
	if a.Origin.KeyGrade != "" && a.Origin.Kind != waxseal.OriginUnit {
		key := strings.ReplaceAll(a.Origin.Key, l.AliceKey, "the key's fingerprint")
		if key != "" && a.Origin.Key != l.AliceKey {
			key = "the key's fingerprint"
		}
		if i := strings.Index(a.Origin.Certificate, " CA "); i > 0 {
			key += ", certificate " + a.Origin.Certificate[:i] + " with its CA"
		}
		r.key = fmt.Sprintf("%s: %s (%s)", strings.TrimSpace(a.Origin.Method+" "+key), a.Origin.KeyGrade, a.Origin.KeyBasis)
	}
	var chain []string
	for _, p := range a.Ancestors {
		if p.PID == 1 || p.Grade == waxseal.Unknown || filepath.Base(p.Exe) == "nsenter" || strings.HasPrefix(filepath.Base(p.Exe), "agent.test") || len(p.Argv) > 2 && strings.Contains(p.Argv[2], "Process 1 of a lab") {
			break // what is above belongs to the test
		}
		chain = append(chain, fmt.Sprintf("%s [%s]", filepath.Base(p.Exe), p.Grade))
		if strings.HasPrefix(filepath.Base(p.Exe), "sshd") && p.UID == 0 {
			break
		}
	}
	r.chain = strings.Join(chain, " < ")
	return r
}

func orProc(basis string) string {
	if basis == "" {
		return "/proc showed it"
	}
	return basis
}

func loginName(l waxseal.Login) string {
	if l.UID == waxseal.Unset {
		return "no login"
	}
	return l.Name
}

func userName(name string, uid uint32) string {
	if name == "" {
		return fmt.Sprint(uid)
	}
	return name
}

func originWords(o waxseal.Origin) string {
	words := string(o.Kind)
	if o.Address != "" {
		words += " from " + o.Address + " port N"
	}
	return words
}

func placeWords(p waxseal.Whereabouts) string {
	if len(p.Namespaces) > 0 {
		return strings.Join(p.Namespaces, ", ") + " of its own"
	}
	return "the host"
}

func stepWords(a *waxseal.Actor) string {
	var words []string
	for _, s := range a.Steps {
		words = append(words, fmt.Sprintf("%s>%s by %s", userName(s.FromName, s.From), userName(s.ToName, s.To), filepath.Base(s.Exe)))
	}
	return strings.Join(words, ", ")
}

func dump(a *waxseal.Actor) string {
	var b strings.Builder
	for _, p := range append([]waxseal.Process{a.Process}, a.Ancestors...) {
		if strings.HasPrefix(filepath.Base(p.Exe), "agent.test") {
			break
		}
		fmt.Fprintf(&b, "%d %s %.60q uid %d/%d [%s: %s]\n", p.PID, p.Exe, p.Argv, p.UID, p.EUID, p.Grade, p.Basis)
	}
	return fmt.Sprintf("%slogin %+v\norigin %+v\nsteps %+v\nplace %+v", b.String(), a.Login, a.Origin, a.Steps, a.Place)
}

const handsPage = "../../docs/hands.md"

// publish writes a part of docs/hands.md, or compares it with what stands there.
func publish(t *testing.T, part string, rows []handRow) {
	t.Helper()
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "### %s\n\n", r.name)
		for _, cell := range [][2]string{{"told", r.told}, {"wrote", r.process}, {"below", r.chain}, {"login", r.login}, {"came in", r.origin}, {"key", r.key}, {"terminal", r.terminal}, {"who became whom", r.steps}, {"lives in", r.place}} {
			if cell[1] != "" {
				fmt.Fprintf(&b, "- %s: %s\n", cell[0], cell[1])
			}
		}
		b.WriteString("\n")
	}
	page, err := os.ReadFile(handsPage)
	if err != nil {
		t.Fatal(err)
	}
	open, end := fmt.Sprintf("<!-- %s -->\n", part), fmt.Sprintf("<!-- end of %s -->\n", part)
	before, rest, ok := strings.Cut(string(page), open)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no part %q", handsPage, part)
	}
	if *updateHands {
		if err := os.WriteFile(handsPage, []byte(before+open+"\n"+b.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(stable(strings.TrimSpace(old)), stable(strings.TrimSpace(b.String()))); diff != "" {
		t.Errorf("%s is not what was found (go test ./internal/agent -run %s -update-hands):\n%s", handsPage, t.Name(), diff)
	}
}

// stable are the lines that every run must say alike. Which of two proofs is at hand
// first, and how much of a chain of parents still lives, differs.
func stable(s string) []string {
	return slices.DeleteFunc(slices.Collect(strings.Lines(s)), func(l string) bool {
		return !strings.HasPrefix(l, "#") && !strings.HasPrefix(l, "- wrote: ") && !strings.HasPrefix(l, "- login: ") && !strings.HasPrefix(l, "- who became whom: ")
	})
}
