package milterconf

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
)

// generator writes configurations of OpenDKIM and OpenDMARC, most of them good.
type generator struct {
	*rand.Rand
	grammar Grammar
	names   []string
	dir     string
}

func newGenerator(seed uint64, g Grammar, dir string) generator {
	// A file of domains that is not there is told in other words than the rest, and
	// Include is written below.
	names := slices.DeleteFunc(g.Names(), func(name string) bool { return name == "DomainWhitelistFile" || name == "Include" })
	slices.Sort(names)
	return generator{rand.New(rand.NewPCG(seed, 1)), g, names, dir}
}

func (g generator) one(list ...string) string { return list[g.IntN(len(list))] }

// value is something that a parameter may take, or may not.
func (g generator) value(name string) string {
	switch p := g.grammar.parameters[strings.ToLower(name)]; {
	case p.kind == Boolean:
		return g.one("yes", "No", "true", "F", "1", "0", "Yup", "nonsense", "on", "off")
	case p.kind == Number:
		if name == "DomainWhitelistSize" {
			return "100"
		}
		return g.one("0", "7", "022", "0x1F", "-3", "+5", "099", "12 13", "4096k", "99999999999", "")
	case slices.Contains(DataSets, name):
		return g.one("a.example,b.example", "csl:x,y", "file:/etc/hosts", "/etc/hosts", "refile:/etc/hosts", "a.example", "CSL:z", "a,b:c", "file:/nowhere", "nonsense:x", "/nowhere", "*")
	case slices.Contains(Scripts, name):
		return g.one("/etc/good.lua", "/nowhere.lua")
	}
	switch name {
	case "Mode":
		return g.one("s", "v", "sv", "x", "vs", "S")
	case "Canonicalization":
		return g.one("simple", "relaxed/simple", "Relaxed", "simple/", "none", "relaxed/other")
	case "Minimum":
		return g.one("10", "50%", "120%", "10+", "x", "10x")
	case "BogusKey", "UnprotectedKey":
		return g.one("none", "fail", "neutral", "Fail", "maybe")
	case "SignatureAlgorithm":
		return g.one("rsa-sha256", "rsa-sha1", "rsa", "ed25519-sha256")
	case "KeyFile":
		return g.one("/etc/key.pem", "/nowhere.pem")
	case "ReplaceRules":
		return "/etc/empty"
	case "BaseDirectory":
		return g.one("/", "/etc", "/nowhere")
	case "TrustAnchorFile":
		return g.one("/etc/hosts", "/nowhere")
	case "RejectString":
		return g.one("no %s", "no")
	case "TestDNSData":
		return "/etc/empty"
	case "ATPSHashAlgorithm":
		return g.one("sha256", "SHA1", "md5")
	}
	if strings.HasPrefix(name, "On-") {
		return g.one("accept", "d", "Quarantine", "nonsense")
	}
	return g.one("text", "two words", "inet:8891@localhost", "local:/run/x", `"quoted"`, "é", "a\tb")
}

func (g generator) spelled(name string) string {
	return g.one(name, name, name, strings.ToLower(name), strings.ToUpper(name))
}

// config is one configuration; level 0 may include others, which are written to n.
func (g generator) config(n, level int) string {
	var b strings.Builder
	for range 1 + g.IntN(9) {
		name := g.one(g.names...)
		switch g.IntN(24) {
		case 0:
			b.WriteString(g.one("# a comment\n", "\n", "   \t\n", "#Socket x\n", "\r\n"))
		case 1:
			b.WriteString(g.one("Nonsense yes\n", "Socket\n", "Syslog\t\n", "Syslog #yes\n", "Sock et\n", "=\n"))
		case 2:
			if level < 7 && g.grammar.returns {
				b.WriteString("Include " + g.one(g.include(n, level), g.include(n, level), "/nowhere.conf") + "\n")
			}
		case 3:
			b.WriteString("Socket " + strings.Repeat("long ", 199+g.IntN(12)) + "\n")
		default:
			b.WriteString(g.one("", "", "", "  ", "\t") + g.spelled(name) + g.one(" ", "\t", "  \t ") + g.value(name) + g.one("", "", " ", " # why", "#", "\t", "\r") + "\n")
		}
	}
	text := b.String()
	return text[:max(len(text)-g.IntN(2), 0)]
}

func (g generator) include(n, level int) string {
	name := fmt.Sprintf("/conf/%d-%d-%d.conf", n, level+1, g.IntN(1000))
	text := g.config(n, level+1)
	if err := os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o644); err != nil {
		panic(err)
	}
	return name
}

// asked are the parameters whose values are compared.
var asked = []string{"Socket", "UMask", "Syslog", "Mode", "AuthservID", "ClockDrift", "PeerList"}

// askedScript prints what a program says to each configuration.
const askedScript = `cd /conf
for f in *.main; do
	$1 -n $2 /conf/$f >$f.said 2>&1; status=$?; echo $status >>$f.said
	test $status = 0 && for name in $3; do $1 $2 /conf/$f -e $name 2>/dev/null | head -n 1 | cut -c 1-300 >$f.$name; done
done; exit 0`

func TestOpenDKIMParity(t *testing.T) {
	trustedParity(t, OpenDKIM(DebianDKIM...), "/usr/sbin/opendkim", "-x", asked)
}

func TestOpenDMARCParity(t *testing.T) {
	trustedParity(t, OpenDMARC(), "/usr/sbin/opendmarc", "-c", nil)
}

// trustedParity asks a real program and this package about the same configurations:
// what is refused at which line and why, and which values count.
func trustedParity(t *testing.T, grammar Grammar, program, option string, names []string) {
	seed, cases := lab.Seed(t), lab.Cases(t, 200)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Filters)
	g := newGenerator(seed, grammar, root)
	files := map[string]string{"/etc/good.lua": "return 0\n", "/etc/key.pem": "x\n", "/etc/empty": ""}
	for name, text := range files {
		writeFile(t, filepath.Join(root, name), text)
	}
	if err := os.Chmod(filepath.Join(root, "/etc/key.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(root, "conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	written := g.corpus(cases)
	for i, text := range written {
		writeFile(t, filepath.Join(root, fmt.Sprintf("conf/%04d.main", i)), text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if out, err := lab.Output(ctx, root, askedScript, program, option, strings.Join(names, " ")); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	refused, wrong := 0, 0
	for i, text := range written {
		c, said := compareTrusted(t, grammar, root, i)
		if said != "" {
			refused++
		}
		ours := reading(c, filepath.Base(program), root, i)
		if ours != said && wrong < 10 {
			wrong++
			t.Errorf("case %d\n%s\n%s says %q\nwe say %q", i, text, program, said, ours)
		}
		for _, name := range names {
			theirs := strings.TrimSuffix(readFile(t, root, fmt.Sprintf("conf/%04d.main.%s", i, name)), "\n")
			if value := shown(c, name); said == "" && value != theirs && wrong < 10 {
				wrong++
				t.Errorf("case %d\n%s\n%s is %q, and here %q", i, text, name, theirs, value)
			}
		}
	}
	t.Logf("%d configurations, %d of them refused", len(written), refused)
	if lab.Many(cases) && (refused < cases/10 || refused > cases*9/10) {
		t.Errorf("%d of %d are refused: the generator asks too little", refused, len(written))
	}
}

// corpus is each parameter by itself, and configurations at random.
func (g generator) corpus(cases int) []string {
	var list []string
	for _, name := range g.names {
		if g.grammar.parameters[strings.ToLower(name)].kind == Text {
			list = append(list, name+" "+g.value(name)+"\n")
			continue
		}
		list = append(list, name+" "+map[Type]string{Boolean: "yes", Number: "1", Include: "/etc/empty"}[g.grammar.parameters[strings.ToLower(name)].kind]+"\n")
	}
	for i := range cases {
		list = append(list, g.config(i, 0))
	}
	return list
}

func compareTrusted(t *testing.T, grammar Grammar, root string, i int) (c Config, said string) {
	c = grammar.Load(waxseal.Path(fmt.Sprintf("/conf/%04d.main", i)), func(p waxseal.Path) (string, bool) {
		text, err := os.ReadFile(filepath.Join(root, string(p)))
		return string(text), err == nil
	})
	lines := strings.Split(strings.TrimSpace(readFile(t, root, fmt.Sprintf("conf/%04d.main.said", i))), "\n")
	if lines[len(lines)-1] == "0" {
		return c, ""
	}
	return c, lines[0]
}

// reading is the first refusal in the words of the program.
func reading(c Config, program, root string, i int) string {
	if len(c.Refusals) > 0 {
		r := c.Refusals[0]
		return fmt.Sprintf("%s: %s: configuration error at line %d: %s", program, r.Source.Path, r.Source.Line, r.Reason)
	}
	exists := func(p waxseal.Path) bool {
		_, err := os.Stat(filepath.Join(root, string(p)))
		return err == nil
	}
	values := map[string]func(Config, func(waxseal.Path) bool) []Refusal{"opendkim": Values, "opendmarc": ValuesDMARC}[program]
	if list := values(c, exists); len(list) > 0 {
		return fmt.Sprintf("%s: /conf/%04d.main: %s", program, i, list[0].Reason)
	}
	return ""
}

// shown is a value as "opendkim -e" prints it.
func shown(c Config, name string) string {
	value := c.Value(name)
	switch value {
	case "true":
		value = "True"
	case "false":
		value = "False"
	}
	return value[:min(len(value), 300)]
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, root, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(text)
}
