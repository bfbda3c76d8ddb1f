package sendmail

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail/cf"
	"waxseal/internal/rootfs"
)

// servers writes sources, tables and aliases of mail servers.
type servers struct{ *rand.Rand }

func (g servers) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g servers) user() string {
	return g.pick("alice", "bob", "info", "root", "carol.smith", "web-master", "x")
}

func (g servers) domain() string {
	return g.pick("example.test", "sub.example.test", "virtual.example", "partner.example", "a.b.partner.example", "old.example", "mail.example.net", "other.example")
}

func (g servers) address() string {
	return g.pick(g.user(), g.user()+"@"+g.domain(), g.user()+"@"+g.domain(), g.user()+"+ext@"+g.domain(), "<"+g.user()+"@"+g.domain()+">", g.user()+"%"+g.domain()+"@example.test", g.user()+"@[192.0.2.7]", g.domain()+"!"+g.user())
}

// source is an .mc whose tables lie in dir.
func (g servers) source(dir string) string {
	var b strings.Builder
	b.WriteString("divert(-1)\ndivert(0)dnl\ndefine(`_USE_ETC_MAIL_')dnl\ninclude(`/usr/share/sendmail/cf/m4/cf.m4')dnl\nOSTYPE(`debian')dnl\nundefine(`confHOST_STATUS_DIRECTORY')dnl\n")
	b.WriteString("define(`ALIAS_FILE', `" + dir + "/aliases')dnl\ndefine(`confCW_FILE', `" + dir + "/local')dnl\ndefine(`confCR_FILE', `-o " + dir + "/relay')dnl\nFEATURE(`use_cw_file')dnl\nFEATURE(`no_default_msa')dnl\n")
	for feature, file := range map[string]string{"mailertable": "mailertable", "virtusertable": "virtusertable", "genericstable": "genericstable", "domaintable": "domaintable"} {
		if g.IntN(3) > 0 {
			b.WriteString("FEATURE(`" + feature + "', `hash " + dir + "/" + file + "')dnl\n")
		}
	}
	if g.IntN(2) == 0 {
		b.WriteString("FEATURE(`access_db', `hash -T<TMPF> " + dir + "/access')dnl\nFEATURE(`blacklist_recipients')dnl\n")
	}
	for _, line := range []string{"define(`SMART_HOST', `" + g.pick("smart.example.net", "esmtp:[203.0.113.4]", "relay:smart.example.net") + "')", "define(`MAIL_HUB', `hub.example.test')", "define(`LUSER_RELAY', `" + g.pick("local:catch", "lu.example.test") + "')",
		"define(`LOCAL_RELAY', `lr.example.test')", "MASQUERADE_AS(`example.test')", "VIRTUSER_DOMAIN(`virtual.example')", "FEATURE(`nouucp', `reject')", "FEATURE(`stickyhost')", "FEATURE(`always_add_domain')", "FEATURE(`redirect')", "FEATURE(`virtuser_entire_domain')",
		"FEATURE(`preserve_local_plus_detail')", "LOCAL_USER(`root')", "FEATURE(`nocanonify')", "FEATURE(`bestmx_is_local')", "FEATURE(`nopercenthack')"} {
		if g.IntN(5) == 0 {
			b.WriteString(line + "dnl\n")
		}
	}
	b.WriteString("MAILER(`local')dnl\nMAILER(`smtp')dnl\n")
	if g.IntN(4) == 0 {
		b.WriteString("LOCAL_RULE_0\nR$* < @ other.example . > $*\t$#esmtp $@ [203.0.113.9] $: $1 < @ other.example . > $2\nR$* < @ other.example > $*\t$#esmtp $@ [203.0.113.9] $: $1 < @ other.example > $2\n")
	}
	return b.String()
}

func (g servers) table(keys, values func() string) string {
	var b strings.Builder
	seen := map[string]bool{}
	for range 1 + g.IntN(8) {
		k := keys()
		if seen[strings.ToLower(k)] {
			continue // makemap refuses a key that it has
		}
		seen[strings.ToLower(k)] = true
		b.WriteString(g.pick("", "", "# a comment\n", "\n") + k + g.pick("\t", " ", " \t ") + values() + g.pick("\n", " \n"))
	}
	return b.String()
}

// tables are the files of one server.
func (g servers) tables() map[string]string {
	virtual := func() string { return g.pick(g.user()+"@"+g.domain(), "@"+g.domain(), g.user()) }
	return map[string]string{
		"mailertable": g.table(func() string { return g.pick("", ".") + g.domain() }, func() string {
			return g.pick("esmtp:[203.0.113.25]", "smtp:gw.example.net", "local:alice", "error:5.1.1:550 no such", "relay:%1.example.net", "esmtp:x.example:y.example")
		}),
		"virtusertable": g.table(virtual, func() string {
			return g.pick("alice", "%1@example.test", "bob@elsewhere.example", "error:nouser 550 no", "error:5.7.0:550 go away", "%1%3", "carol+x")
		}),
		"genericstable": g.table(g.user, func() string { return g.user() + "@" + g.domain() }),
		"domaintable":   g.table(func() string { return "old.example" }, func() string { return "new.example" }),
		"access":        g.table(func() string { return g.pick("From:", "To:", "Connect:", "") + g.domain() }, func() string { return g.pick("REJECT", "OK", "RELAY", "DISCARD", "ERROR:5.7.1:550 no") }),
		"aliases":       g.aliases(),
		"local":         "example.test\n" + g.pick("", "sub.example.test # one\n") + g.pick("", "virtual.example\n"),
		"relay":         g.pick("", "partner.example\n"),
	}
}

func (g servers) aliases() string {
	var b strings.Builder
	seen := map[string]bool{}
	for range 1 + g.IntN(8) {
		k := g.pick(g.user(), "list-"+g.user(), `"quoted `+g.user()+`"`)
		if !seen[k] {
			seen[k] = true
			b.WriteString(k + g.pick(":", ": ", ":\t", " : ") + g.pick("bob", "alice, carol@x.example", `"|/usr/bin/x -a b"`, "|/usr/bin/y", "/var/mail/z", ":include:/etc/list", "\\bob, x@y.example,\n\tmore@z.example", `a@b.example , "c d"@e.example`) + "\n")
		}
	}
	return b.String()
}

const askServers = `cd /cases && for n in *; do
	m4 $n/x.mc > $n/x.cf 2> $n/m4.err || true
	for t in mailertable virtusertable genericstable domaintable access; do
		makemap hash $n/$t < $n/$t 2>> $n/map.err && makemap -u hash $n/$t > $n/$t.out 2>> $n/map.err || true
	done
	/usr/libexec/sendmail/sendmail -bi -C /cases/$n/x.cf > $n/bi.out 2>&1 || true
	praliases -C /cases/$n/x.cf > $n/aliases.out 2>&1 || true
	timeout -s KILL 20 /usr/libexec/sendmail/sendmail -bt -C /cases/$n/x.cf < $n/in > $n/out 2>&1 || true
done`

// TestServersParity: where mail for an address goes, and what compiled tables and
// aliases say, is what sendmail -bt, makemap -u and praliases say of servers with
// the rules of Sendmail's own m4 files.
func TestServersParity(t *testing.T) {
	const each = 12
	cases, seed := lab.Cases(t, 1200), lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Sendmail)
	g := servers{rand.New(rand.NewPCG(seed, 4))}
	asked := map[string][]string{}
	for n := range int(cases)/each + 1 {
		asked[strconv.Itoa(n)] = g.write(t, root, strconv.Itoa(n), each)
	}
	if out, err := lab.Output(t.Context(), root, askServers); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	compared, entries, wrong := 0, 0, 0
	for n := range asked {
		c := server{t, tree, root, filepath.Join(root, "cases", n), "/cases/" + n}
		in, answers := c.open()
		for i, address := range asked[n] {
			if i+1 >= len(answers) {
				t.Errorf("case %s: no answer to %q", n, address)
				break
			}
			ours, theirs := c.route(in, address), lastReturned(answers[i+1])
			if compared++; ours != theirs && !strings.Contains(answers[i+1], "excessive recursion") {
				if wrong++; wrong > 6 {
					t.Fatal("more differences")
				}
				t.Errorf("case %s, %s\nours   %s\ntheirs %s\n%s", n, address, ours, theirs, answers[i+1])
			}
		}
		entries += c.tables(in)
	}
	t.Logf("%d routes and %d entries compared", compared, entries)
}

func (g servers) write(t *testing.T, root, n string, each int) (addresses []string) {
	t.Helper()
	dir := filepath.Join(root, "cases", n)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files := g.tables()
	files["x.mc"] = g.source("/cases/" + n)
	files["in"] = "$j\n" + border + "\n"
	for range each {
		a := g.address()
		addresses = append(addresses, a)
		files["in"] += "3,0 " + a + "\n" + border + "\n"
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return addresses
}

// border is a command that there is not: what sendmail says to it ends an answer.
const border = "/border"

type server struct {
	*testing.T
	tree      waxseal.Tree
	root, dir string
	inside    string
}

// open reads the configuration with the name of the host that sendmail found.
func (c server) open() (*instance, []string) {
	out, err := os.ReadFile(filepath.Join(c.dir, "out"))
	if err != nil {
		c.Fatal(err)
	}
	answers := strings.Split(string(out), `Unknown "/" command `+border+"\n")
	first := strings.Fields(answers[0])
	full := first[len(first)-1]
	short, domain, _ := strings.Cut(full, ".")
	r := &reader{Book: mta.NewBook(MTA, c.tree, mask.New(nil)), options: mta.Options{Package: mta.NoPackages}, tables: map[string]*table{}, seen: map[waxseal.HookID]bool{}}
	r.given = cf.Given{"j": full, "w": short, "m": domain, "k": full}
	in := r.instance(found{path: waxseal.Path(c.inside + "/x.cf"), active: true})
	if in == nil {
		c.Fatalf("%s/x.cf is not read", c.dir)
	}
	in.Config = cf.Parse(in.text, r.given)
	in.classFiles()
	return in, answers
}

// route is what the rules make of an address, in the words of sendmail -bt.
func (c server) route(in *instance, address string) string {
	e := cf.Engine{Config: in.Config, Given: in.given, Lookup: in.lookup}
	tokens, err := e.Rewrite(address, "3", "0")
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(cf.Show(tokens)), " ")
}

func lastReturned(section string) string {
	last := ""
	for l := range strings.Lines(section) {
		if _, after, ok := strings.Cut(l, " returns: "); ok && strings.HasPrefix(l, "parse ") {
			last = strings.Join(strings.Fields(after), " ")
		}
	}
	return last
}

// tables compares the compiled maps, and returns how many entries they have.
func (c server) tables(in *instance) int {
	total := 0
	for _, name := range []string{"mailertable", "virtusertable", "genericstable", "domaintable", "access", "aliases"} {
		suffix, alias := ".db", name == "aliases"
		t := in.table(c.inside+"/"+name, "hash", suffix, alias, false)
		var ours []string
		for _, e := range t.kept {
			if e.drift != "" || e.unused != "" {
				c.Errorf("%s/%s: %q: %s%s", c.inside, name, e.key, e.drift, e.unused)
			}
			ours = append(ours, strings.ToLower(e.key)+" "+folded(e.value))
		}
		text, err := os.ReadFile(filepath.Join(c.dir, name+".out"))
		if err != nil {
			c.Errorf("%v", err)
			continue
		}
		var theirs []string
		for l := range strings.Lines(string(text)) {
			separator := "\t"
			if alias {
				separator = ":"
			}
			if key, value, ok := strings.Cut(strings.TrimRight(l, "\n"), separator); ok && key != "@" {
				theirs = append(theirs, strings.ToLower(key)+" "+folded(value))
			}
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		total += len(theirs)
		if !slices.Equal(ours, theirs) {
			c.Errorf("%s/%s\nours\n%s\ntheirs\n%s", c.inside, name, strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
		}
	}
	return total
}
