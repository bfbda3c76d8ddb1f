package mapdb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"waxseal/internal/lab"
	"waxseal/internal/mapdb"
)

// parityCase is one table that the real tools read too.
type parityCase struct {
	kind string // "pairs", "regexp", "pcre", "cidr", "ref"
	text string // the source, or the reference
	keys []string
}

// driver runs in the lab, once over all cases. A tool that refuses a table
// sleeps for a second before it ends, so cases run side by side.
const driver = `one() {
	cd /parity/$1 || exit 1
	n=$1
	kind=$(cat kind)
	case $kind in
	pairs)
		for t in hash btree cdb lmdb; do
			cp -p src $t
			postmap $t:/parity/$n/$t 2>$t.err
			[ $t = cdb ] || postmap -s $t:/parity/$n/$t >$t.all 2>>$t.err # it can't list a CDB
			postmap -q - $t:/parity/$n/$t <keys >$t.found 2>>$t.err
		done
		postmap -q - texthash:/parity/$n/src <keys >texthash.found 2>texthash.err ;;
	ref)
		postmap -q - "$(cat src)" <keys >ref.found 2>ref.err ;;
	*)
		postmap -q - $kind:/parity/$n/src <keys >$kind.found 2>$kind.err ;;
	esac
}
cd /parity || exit 1
running=0
for n in *; do
	one $n &
	running=$((running + 1))
	[ $((running % 16)) -ne 0 ] || wait
done
wait
exit 0
`

// TestParity holds readers and lookups against postmap(1) of a real Postfix.
func TestParity(t *testing.T) {
	lab.Require(t)
	// New questions every day, and the same for all who ask on that day.
	now := time.Now().UTC()
	seed := int64(now.Year()*10000 + int(now.Month())*100 + now.Day())
	if s := os.Getenv("WAXSEAL_SEED"); s != "" {
		seed, _ = strconv.ParseInt(s, 10, 64)
	}
	t.Logf("seed %d (set WAXSEAL_SEED to repeat)", seed)
	g := generator{rand.New(rand.NewSource(seed))}
	cases := g.cases()
	root := realTools(t, cases)
	unknown, asked := 0, 0
	for n, c := range cases {
		dir := filepath.Join(root, "parity", fmt.Sprintf("%04d", n))
		p := parity{T: t, dir: dir, c: c, files: chrooted(root)}
		switch c.kind {
		case "pairs":
			p.pairs(fmt.Sprintf("/parity/%04d/", n))
		case "ref":
			p.lookups("ref", c.text)
		default:
			p.lookups(c.kind, c.kind+":"+fmt.Sprintf("/parity/%04d/src", n))
		}
		unknown, asked = unknown+p.unknown, asked+p.asked
		if t.Failed() {
			t.Fatalf("case %d of kind %s:\n%.1500s", n, c.kind, c.text)
		}
	}
	t.Logf("%d cases, %d lookups, %d of them not to be worked out here", len(cases), asked, unknown)
	if unknown > asked/4 {
		t.Errorf("%d of %d lookups can not be worked out", unknown, asked)
	}
}

// realTools writes the cases into a lab that isn't started, runs the driver in
// it, and returns its root.
func realTools(t *testing.T, cases []parityCase) string {
	t.Helper()
	l, err := lab.New(t.Context(), lab.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	for n, c := range cases {
		dir := filepath.Join(l.Root, "parity", fmt.Sprintf("%04d", n))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{"kind": c.kind, "src": c.text, "keys": strings.Join(c.keys, "\n") + "\n"} {
			file := filepath.Join(dir, name)
			// cdb and texthash wait for a file that was changed just now to "cool down".
			past := time.Now().Add(-time.Hour)
			if err := errors.Join(os.WriteFile(file, []byte(content), 0o644), os.Chtimes(file, past, past)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The lab has no devices yet; the shell reads this for its background jobs.
	if err := os.WriteFile(filepath.Join(l.Root, "dev/null"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", driver)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: l.Root, Pdeathsig: syscall.SIGKILL}
	cmd.Dir = "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return l.Root
}

// chrooted reads the files of tables below a root.
type chrooted string

func (c chrooted) Text(path string) (string, error) {
	b, err := os.ReadFile(filepath.Join(string(c), path))
	return string(b), err
}

func (c chrooted) Compiled(path string) (io.ReaderAt, int64, error) {
	b, err := os.ReadFile(filepath.Join(string(c), path))
	return bytes.NewReader(b), int64(len(b)), err
}

type parity struct {
	*testing.T
	dir            string
	c              parityCase
	files          chrooted
	asked, unknown int
}

func (p *parity) read(name string) string {
	b, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.Error(err)
	}
	return string(b)
}

// answers reads "key TAB value" lines.
func answers(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		out[key] = value
	}
	return out
}

func (p *parity) pairs(path string) {
	entries, _ := mapdb.ParseSource(mapdb.KeyValue, p.c.text)
	source := map[string]string{}
	for _, e := range entries {
		if !utf8.ValidString(e.Key + e.Value) {
			continue // with smtputf8_enable, postmap ignores these
		}
		if key := mapdb.Fold(e.Key); source[key] == "" {
			source[key] = e.Value
		}
	}
	for _, typ := range []string{"hash", "btree", "cdb", "lmdb"} {
		real := answers(p.read(typ + ".all"))
		if typ == "cdb" {
			real = answers(p.read("hash.all"))
		}
		p.same(typ+": source and postmap -s", source, real)
		if p.Failed() {
			p.Log(p.read(typ + ".err"))
			return
		}
		ref := mapdb.Parse(typ + ":" + path + typ)
		r, size, err := p.files.Compiled(ref.CompiledFile())
		if err != nil {
			p.Error(err)
			return
		}
		compiled := map[string]string{}
		problems, err := mapdb.EachCompiled(typ, r, size, func(key, value []byte) bool {
			compiled[string(key)] = string(value)
			return true
		})
		if err != nil || len(problems) > 0 {
			p.Errorf("%s: problems %v, error %v", typ, problems, err)
		}
		p.same(typ+": compiled and postmap -s", compiled, real)
		p.lookups(typ, ref.Text)
	}
	p.lookups("texthash", "texthash:"+path+"src")
}

func (p *parity) same(what string, ours, real map[string]string) {
	for key, value := range real {
		if got, ok := ours[key]; !ok || got != value {
			p.Errorf("%s: key %q: we have %q (%v), Postfix %q", what, key, got, ok, value)
		}
	}
	for key, value := range ours {
		if _, ok := real[key]; !ok {
			p.Errorf("%s: key %q: we have %q, Postfix has nothing", what, key, value)
		}
	}
}

func (p *parity) lookups(name, ref string) {
	real := answers(p.read(name + ".found"))
	// postmap gives up at a result that is no UTF-8, and leaves the keys behind it
	// unanswered.
	gaveUp := strings.Contains(p.read(name+".err"), "query error")
	table := mapdb.Open(mapdb.Parse(ref), p.files)
	for _, key := range p.c.keys {
		p.asked++
		a, err := table.Lookup(key)
		value, found := real[key]
		switch {
		case errors.Is(err, mapdb.ErrUnknown), gaveUp && !found:
			p.unknown++
		case err != nil:
			p.Errorf("%s: %q: %v", name, key, err)
		case a.Found != found || a.Value != value:
			p.Errorf("%s: key %q: we have %q (%v, line %d), Postfix %q (%v)\n%s", name, key, a.Value, a.Found, a.Entry.Line, value, found, p.read(name+".err"))
			return
		}
	}
}

// generator makes random tables.
type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.Intn(len(list))] }

// chance is true once in n times.
func (g generator) chance(n int) bool { return g.Intn(n) == 0 }

func (g generator) cases() []parityCase {
	var cases []parityCase
	for range 80 {
		cases = append(cases, g.pairs())
	}
	for range 120 {
		cases = append(cases, g.patterns("regexp"), g.patterns("pcre"))
	}
	for range 60 {
		cases = append(cases, g.networks(), g.reference())
	}
	return cases
}

func (g generator) word() string {
	return g.pick("alice", "Bob", "CAROL", "x", "info", "a.b", "müller", "GRÖẞE", "straße", "ΣΊΣΥΦΟΣ", "u+ext", "1", "-", "İx")
}

func (g generator) key() string {
	return g.pick(g.word(), g.word()+"@"+g.word()+".example", "@"+g.word()+".example", `"`+g.word()+` q"@x`, `back\ slash`+g.word(), g.word()+":", `q"uo te"`+g.word(), ".")
}

func (g generator) value() string {
	v := g.pick("bob", "a@x.example, b@y.example", "REJECT  go away", `"|/bin/x y"`, "smtp:[192.0.2.1]:25", "OK", "é", "$1", `tail\`, "#x")
	if g.chance(20) {
		v += strings.Repeat(" more", 100+g.Intn(2000))
	}
	return v
}

func (g generator) pairs() parityCase {
	c := parityCase{kind: "pairs"}
	var b strings.Builder
	for range g.Intn(40) {
		key := g.key()
		switch g.Intn(14) {
		case 0:
			b.WriteString(g.pick("# comment", "", "  ", "\t# c", key, " "+key+" lost?", `"open x`, key+" ", "\r"))
		case 1:
			b.WriteString(key + "\n " + g.value() + "\n# c\n\n\t" + g.value())
		case 2:
			b.WriteString(key + "\t\t " + g.value() + " \t")
		case 3:
			b.WriteString(key + " " + g.value() + "\r")
		case 4:
			b.WriteString("bad" + fmt.Sprint(len(c.keys)) + " \xff") // never asked for
		case 5:
			b.WriteString(key + " cut\x00" + g.pick("", "x", "\n more"))
		default:
			b.WriteString(key + " " + g.value())
		}
		b.WriteString(g.pick("\n", "\n", "\n", "\n\n"))
		c.keys = append(c.keys, key, strings.ToUpper(key), g.key())
	}
	c.text = b.String()
	if g.chance(3) {
		c.text = strings.TrimRight(c.text, "\n")
	}
	return c
}

// expression is a random regular expression over few letters.
func (g generator) expression(depth int) string {
	if depth == 0 || g.chance(4) {
		return g.pick("a", "b", "c", "B", ".", "@", `\.`, "[a-c]", "[^a]", "[[:alpha:]]", "[]x]", "[^]a-b]", "ab", "[.-]", "[B-b]", `\-`, `\w`, `[\w]`, `\s`, "é", "1")
	}
	e := g.expression(depth - 1)
	switch g.Intn(10) {
	case 0, 1:
		return "(" + e + ")"
	case 2:
		return e + "|" + g.expression(depth-1)
	case 3:
		return "(" + e + ")" + g.pick("*", "+", "?", "{2}", "{0,1}", "{1,}", "*?", "+?", "{x", "++")
	case 4:
		return g.pick("a", "[ab]", ".") + g.pick("*", "+", "?", "{2}")
	case 5:
		return "^" + e
	case 6:
		return e + "$"
	case 7:
		return g.pick(`\bab`, "(?:"+e+")", "(?i)"+e, "(?-i:"+e+")", `a\x41`, `\d`, `\Qa.\E`, "(?=a)", `(a)\1`, "*a", "(", ")", "[a", `\(`, "a{", "()", "|")
	}
	return e + g.expression(depth-1)
}

func (g generator) patterns(kind string) parityCase {
	c := parityCase{kind: kind}
	var b strings.Builder
	flags := func() string {
		if kind == "pcre" {
			return g.pick("", "", "", "i", "m", "s", "x", "A", "E", "U", "im", "ii", "q")
		}
		return g.pick("", "", "", "i", "m", "im", "ii", "s")
	}
	one := func() string {
		d := g.pick("/", "/", "/", "!", ",", "%")
		return g.pick("", "", "", "!", "! ", "!!") + d + strings.ReplaceAll(g.expression(3), d, "") + d + flags()
	}
	for range 1 + g.Intn(8) {
		n := fmt.Sprint(g.Intn(1000))
		switch g.Intn(12) {
		case 0:
			b.WriteString(g.pick("if ", "IF", "if !") + "/" + g.expression(2) + "/" + g.pick("", "", " extra", "i"))
		case 1:
			b.WriteString(g.pick("endif", "ENDIF", "endif x"))
		case 2:
			b.WriteString(g.pick("word x", "# c", "/open", "!", "//", "/a/", "/(a)/ $", "/(a)/ ${1", "/(a)/ $x", "/(a)/ $0", "/a/ $1", "!/(b)/ $1"))
		case 3:
			b.WriteString(one() + "\n  folded " + n)
		case 4:
			b.WriteString(one() + "!" + one() + " second " + n)
		case 5, 6:
			b.WriteString("/" + g.expression(2) + "(" + g.expression(2) + ")" + g.expression(1) + "/ R " + g.pick("$1", "${1}x", "$(1)", "$$1", "x$1.$1", "$2", "${1}$$") + n)
		default:
			b.WriteString(one() + " " + g.pick("OK", "REJECT", "REDIRECT x@y.example") + n)
		}
		b.WriteString("\n")
	}
	c.text = b.String()
	for range 20 {
		var key strings.Builder
		for range 1 + g.Intn(6) {
			key.WriteString(g.pick("a", "b", "c", "A", "B", "x", "@", ".", "-", "1", "_", " ", "é", "ab"))
		}
		if k := strings.Trim(key.String(), " "); k != "" {
			c.keys = append(c.keys, k)
		}
	}
	return c
}

func (g generator) address() string {
	return g.pick("192.0.2.1", "192.0.2.77", "10.1.2.3", "10.0.0.0", "0.0.0.0", "255.255.255.255", "2001:db8::1", "2001:DB8:0:0::2", "::1", "::ffff:10.1.2.3", "fe80::1")
}

func (g generator) networks() parityCase {
	c := parityCase{kind: "cidr"}
	var b strings.Builder
	network := func() string {
		return g.pick("", "", "", "!", "! ") + g.pick("192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/0", "::/0", "2001:db8::/32", "[2001:db8::]/32", "[10.0.0.0/8]", "192.0.2.1/24",
			"10.0.0.0/33", "10.0.0/8", "x", "[10.0.0.1", "[10.0.0.1]x", "10.0.0.0/", "10.0.0.0/a", "2001:db8::/129", "::ffff:10.0.0.0/104", "010.0.0.0/8", "fe80::1%lo", g.address(), g.address())
	}
	for n := range 1 + g.Intn(10) {
		switch g.Intn(8) {
		case 0:
			b.WriteString(g.pick("if ", "IF ", "if !", "if") + network())
		case 1:
			b.WriteString(g.pick("endif", "ENDIF ", "endif x"))
		case 2:
			b.WriteString(g.pick(network(), "# c", "", "!", network()+"\n folded"))
		default:
			b.WriteString(network() + " " + g.pick("OK", "REJECT $1 x") + fmt.Sprint(n))
		}
		b.WriteString("\n")
	}
	c.text = b.String()
	for range 12 {
		c.keys = append(c.keys, g.pick(g.address(), g.address(), g.address(), "host.example", "10.1", "1.2.3.4.5"))
	}
	return c
}

// reference is a table that needs no file.
func (g generator) reference() parityCase {
	var inner func(depth int) string
	inner = func(depth int) string {
		switch n := g.Intn(9); {
		case n < 2 || depth == 0 && n > 6:
			return "inline:{" + g.pick("", " ", ",") + g.pick("{alice = bob c}, Bob=x", "a=b, a=c", `{"q x" = y}`, `"q"=y`, "x=", "{CAROL = alice }", "", "alice", "{ a b = c }", "alice=bob, {x = {y}}", `{"a=b}`) + "}"
		case n < 3:
			return "static:" + g.pick("x", "{a b}", "{ a  b }", "alice", "{}")
		case n < 4:
			return "pcre:{" + g.pick("{/^(.)a/ $1}, {/b/ OK}", "{ /x/ y z },{if /a/}, {/l/ L}, {endif}", "{!/alice/ no}", "/a/", "{/(/ x}, {/a/ B}") + "}"
		case n < 5:
			return "regexp:{{/^(.*)i/ alice}}"
		case n < 6:
			return "cidr:{" + g.pick("{10.0.0.0/8 OK}", "{!10.0.0.0/8 alice}, {10.1.2.3 x}") + "}"
		case n < 7:
			return g.pick("fail:x", "internal:x", "texthash:{x y}")
		default:
			return g.pick("pipemap", "unionmap") + ":{" + inner(depth-1) + g.pick(", ", " ", ",") + inner(depth-1) + "}"
		}
	}
	return parityCase{kind: "ref", text: inner(2), keys: []string{"alice", "Bob", "carol", "a", `"q x"`, `"q"`, "q", "x", "10.1.2.3", "Alice", "10.9.9.9"}}
}
