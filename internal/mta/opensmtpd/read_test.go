package opensmtpd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
	"waxseal/internal/testtime"
)

const passwd = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\nopensmtpd:x:100:101::/var/lib/opensmtpd:/bin/false\n"

// rest are the rules of a small server, behind what a test puts before them.
const rest = "listen on lo\naction \"local\" maildir alias <aliases>\naction \"out\" relay\nmatch from any for domain \"example.test\" action \"local\"\nmatch for local action \"local\"\nmatch from local for any action \"out\"\n"

const tableLine = "table aliases file:/etc/aliases\n"

// host is a tree with these files; alice's belong to her.
func host(files map[string]string) *snapshot.Tree {
	objects := map[waxseal.Path]snapshot.Object{}
	for p, text := range files {
		o := snapshot.Object{Content: []byte(text)}
		o.Mode = 0o644
		if strings.HasPrefix(p, "/home/alice/") {
			o.UID = 1000
		}
		objects[waxseal.Path(p)] = o
	}
	return snapshot.New(objects)
}

func read(files map[string]string, starts ...mta.Start) mta.Result {
	all := map[string]string{"/etc/passwd": passwd, "/etc/aliases": "postmaster: root\n", "/etc/mailname": "mail.example.test\n"}
	for p, text := range files {
		all[p] = text
	}
	return Read(host(all), mask.New([]byte("k")), mta.Options{Package: mta.NoPackages, Starts: starts})
}

// line writes a hook for people to compare.
func line(h waxseal.Hook) string {
	s := fmt.Sprintf("%s %s %s:%s", h.Directive, h.Kind, h.Target.Type, h.Target.Value)
	if h.Target.Remote {
		s += " remote"
	}
	if h.RunsAs != "" {
		s += " as " + h.RunsAs
	}
	s += " [" + h.Scope + "]"
	if !h.Active {
		s += " inactive: " + h.Modifiers["inactive"]
	}
	return s
}

// ordinary are the hooks of the small server itself.
func ordinary(h waxseal.Hook) bool {
	return h.Target.Value == "root" || strings.HasPrefix(string(h.ID), "opensmtpd:/etc/smtpd.conf:match from") && h.Active && (strings.HasSuffix(h.Target.Value, `"local"`) || strings.HasSuffix(h.Target.Value, `"out"`)) && h.Kind == waxseal.KindTransport ||
		strings.HasSuffix(string(h.ID), ":table aliases")
}

func TestHooks(t *testing.T) {
	for _, tc := range []struct {
		name, before string
		files        map[string]string
		want         string
	}{
		{"nothing but the ordinary", "", nil, ""},
		{"filter", "filter \"f\" proc-exec \"/opt/f -k /etc/dkim.key\" user x\nlisten on eth0 port 587 filter \"f\"\n", nil,
			"proc-exec pipe command:/opt/f -k /etc/dkim.key as x [all mail that comes in on eth0 port 587]"},
		{"filter in libexec and chain", "proc p \"filter-x\"\nfilter a proc p\nfilter b phase rcpt-to match rcpt-to { \"a@example.test\" } rewrite \"<b@evil.example>\"\nfilter c phase helo match !fcrdns junk\nfilter all chain { a, b }\nlisten on eth0 filter all\n", nil,
			"filter phase redirect address:b@evil.example remote [recipient a@example.test]\nfilter phase rewrite text:junk [all mail with ! fcrdns] inactive: no listener and no relay uses this filter\nproc pipe command:/usr/libexec/opensmtpd/filter-x as opensmtpd [all mail that comes in on eth0]"},
		{"mda as a user", "action \"x\" mda \"/usr/local/bin/x %{user.username}\" user vmail\nmatch from any for rcpt-to \"ceo@example.test\" action \"x\"\n", nil,
			"match transport service:\"x\" [recipient ceo@example.test]\nmda pipe command:/usr/local/bin/x %{user.username} as vmail [recipient ceo@example.test]"},
		{"action that no match uses", "action \"x\" mda \"/usr/local/bin/x\"\n", nil, "mda pipe command:/usr/local/bin/x as the recipient [all mail] inactive: no match names this action"},
		{"hidden match", "action \"x\" mda \"/x\"\nmatch from any for any reject\nmatch from local for domain \"a.example\" action \"x\"\n", nil,
			"match transport service:\"local\" [all mail for the domain example.test] inactive: the match on line 3 takes all its mail first\n" +
				"match transport service:\"local\" [all mail for this host from this host] inactive: the match on line 3 takes all its mail first\n" +
				"match transport service:\"out\" [all mail from this host] inactive: the match on line 3 takes all its mail first\n" +
				"match transport service:\"x\" [all mail for the domain a.example from this host] inactive: the match on line 3 takes all its mail first\n" +
				"mda pipe command:/x as the recipient [all mail] inactive: the match on line 4, which leads to it, never decides: the match on line 3 takes all its mail first"},
		{"relay hosts", "table secret file:/etc/secrets\naction \"s\" relay host smtp+tls://l@relay.example.org:587 auth <secret> mail-from \"@example.test\"\naction \"d\" relay domain { \"a.example\" = \"smtp+notls://203.0.113.5\" }\nmatch from local mail-from \"@example.test\" for any action \"s\"\nmatch from local for any action \"d\"\n",
			map[string]string{"/etc/secrets": "l user:pass\n"},
			"domain relay host:[203.0.113.5] remote [recipient @a.example]\nhost relay host:relay.example.org:587 remote [sender @example.test from this host]\nmail-from rewrite address:@example.test [sender @example.test from this host]\n" +
				"match transport service:\"d\" [all mail from this host]\nmatch transport service:\"local\" [all mail for this host from this host] inactive: the match on line 6 takes all its mail first\nmatch transport service:\"out\" [all mail from this host] inactive: the match on line 6 takes all its mail first\nmatch transport service:\"s\" [sender @example.test from this host]\ntable map table:file:/etc/secrets [all]"},
		{"lmtp and maildir", "action \"l\" lmtp \"/run/dovecot/lmtp\"\naction \"m\" maildir \"/tmp/all\"\nmatch from any for domain \"l.example\" action \"l\"\nmatch from any for domain \"m.example\" action \"m\"\n", nil,
			"lmtp transport socket:unix:/run/dovecot/lmtp as the recipient [all mail for the domain l.example]\nmaildir redirect file:/tmp/all as the recipient [all mail for the domain m.example]\nmatch transport service:\"l\" [all mail for the domain l.example]\nmatch transport service:\"m\" [all mail for the domain m.example]"},
		{"aliases", "", map[string]string{"/etc/aliases": "alice: alice, drop@evil.example.net\nsvc: \"|/bin/x -a\"\nf: /var/x\nno: error:550 gone\nnull: /dev/null\nx@y: bob\n"},
			"alias copy address:drop@evil.example.net remote [recipient alice]\nalias discard file:/dev/null as opensmtpd [recipient null]\nalias pipe command:/bin/x -a as opensmtpd [recipient svc]\n" +
				"alias redirect address:alice [recipient alice]\nalias redirect address:bob [recipient x@y] inactive: a table of aliases is asked for user names, and this has a domain\nalias redirect file:/var/x as opensmtpd [recipient f]"},
		{"a file that is a command", "", map[string]string{"/etc/aliases": "x: /dev/null;id\n"},
			"alias pipe command:/usr/libexec/opensmtpd/mail.mboxfile /dev/null;id as opensmtpd [recipient x]"},
		{"forward", "", map[string]string{"/home/alice/.forward": "# c\nalice\ndrop@evil.example.net, |/home/alice/x # hidden\n"},
			".forward copy address:drop@evil.example.net remote [recipient alice]\n.forward pipe command:/home/alice/x as alice [recipient alice]\n.forward redirect address:alice [recipient alice]"},
		{"forward of somebody else", "", map[string]string{"/home/bob/.forward": "x@evil.example\n"},
			".forward redirect address:x@evil.example remote [recipient bob] inactive: it belongs to uid 0, and smtpd reads only the user's own"},
		{"forward behind an alias", "", map[string]string{"/etc/aliases": "alice: bob\n", "/home/alice/.forward": "x@evil.example\n"},
			".forward redirect address:x@evil.example remote [recipient alice] inactive: the alias of alice takes the mail first\nalias redirect address:bob [recipient alice]"},
		{"table of a program", "table u ldap:/etc/ldap.conf\naction \"v\" maildir userbase <u>\nmatch from any for domain \"v.example\" action \"v\"\n", map[string]string{"/etc/ldap.conf": "url ldap://203.0.113.9/\nbasedn x\n"},
			"match transport service:\"v\" [all mail for the domain v.example]\ntable map table:ldap:/etc/ldap.conf remote [all]\ntable pipe command:/usr/libexec/opensmtpd/table-ldap /etc/ldap.conf as opensmtpd [all]"},
		{"userbase that moves a user", "action \"v\" maildir userbase { \"alice\" = \"1001:1001:/tmp/a\", \"virt\" = \"5000:5000:/var/vmail/virt\" }\nmatch from any for domain \"v.example\" action \"v\"\n", nil,
			"match transport service:\"v\" [all mail for the domain v.example]\nuserbase redirect file:/tmp/a as bob [recipient alice]"},
		{"include", "include \"/etc/smtpd.d/a\"\n", map[string]string{"/etc/smtpd.d/a": "mda wrapper w \"/w %{mda}\"\naction \"i\" maildir wrapper w\nmatch from any for domain \"i.example\" action \"i\"\n"},
			"include map file:/etc/smtpd.d/a [all]\nmatch transport service:\"i\" [all mail for the domain i.example]\nmda wrapper pipe command:/w %{mda} as the recipient [all mail for the domain i.example]"},
		{"masquerade", "pki x cert \"/c\"\npki x key \"/k\"\nlisten on eth0 tls pki x auth senders <aliases> masquerade\n", map[string]string{"/c": "", "/k": ""},
			"senders rewrite table:file:/etc/aliases [all mail of users who log in on eth0]"},
		{"forward-only", "action \"f\" forward-only alias { \"a\" = \"|/x\", \"b\" = \"bob\" }\nmatch from any for domain \"f.example\" action \"f\"\n", nil,
			"alias pipe command:/x as opensmtpd [recipient a] inactive: the action is forward-only, which runs no commands and writes no files\nalias redirect address:bob [recipient b]\nmatch transport service:\"f\" [all mail for the domain f.example]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"/etc/smtpd.conf": tableLine + tc.before + rest}
			for p, text := range tc.files {
				files[p] = text
			}
			var got []string
			for _, h := range read(files).Hooks {
				if !ordinary(h) {
					got = append(got, line(h))
				}
			}
			sortedLines := strings.Join(sortLines(got), "\n")
			if sortedLines != tc.want {
				t.Errorf("got\n%s\nwant\n%s", sortedLines, tc.want)
			}
		})
	}
}

func sortLines(list []string) []string {
	out := strings.Split(strings.Join(list, "\n"), "\n")
	for i := range out {
		for j := i; j > 0 && out[j] < out[j-1]; j-- {
			out[j], out[j-1] = out[j-1], out[j]
		}
	}
	return out
}

// TestOpenRelay: a match that lets the whole Internet send anywhere is a hook of
// its own.
func TestOpenRelay(t *testing.T) {
	for _, tc := range []struct {
		name, match string
		open        bool
	}{
		{"from any for any", "match from any for any action out", true},
		{"from the whole Internet", "match from src { \"0.0.0.0/0\", \"::/0\" } for any action out", true},
		{"all domains", "match from any for domain \"*\" action out", true},
		{"all but ours", "match from any ! for local action out", true},
		{"not from one sender", "match from any ! mail-from \"@x.example\" for any action out", true},
		{"who logs in", "match from any auth for any action out", false},
		{"who does not log in", "match from any ! auth for any action out", true},
		{"from auth", "match from auth for any action out", false},
		{"a network", "match from src \"10.0.0.0/8\" for any action out", false},
		{"one domain", "match from any for domain \"x.example\" action out", false},
		{"local", "match from local for any action out", false},
		{"no relay", "match from any for any action in", false},
		{"by tag", "match tag signed from any for any action out", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			open := false
			for _, h := range read(map[string]string{"/etc/smtpd.conf": "action out relay\naction in maildir\n" + tc.match + "\n"}).Hooks {
				open = open || h.Kind == waxseal.KindPolicy && h.Target.Remote && h.Active && h.Scope == "all mail"
			}
			if open != tc.open {
				t.Errorf("open relay: %v, want %v", open, tc.open)
			}
		})
	}
}

// TestWhichConfiguration: the package's place, -f and -D.
func TestWhichConfiguration(t *testing.T) {
	conf := func(domain string) string { return "action l maildir\nmatch for domain " + domain + " action l\n" }
	start := func(active bool, argv ...string) mta.Start {
		return mta.Start{Argv: argv, Why: "ExecStart in x.service", Source: waxseal.Source{Path: "/x.service", Line: 3}, Active: active}
	}
	for _, tc := range []struct {
		name   string
		files  map[string]string
		starts []mta.Start
		want   string
	}{
		{"Debian", map[string]string{"/etc/smtpd.conf": conf("a.example"), "/etc/mail/smtpd.conf": conf("b.example")}, nil, "a.example"},
		{"OpenBSD", map[string]string{"/etc/mail/smtpd.conf": conf("b.example")}, nil, "b.example"},
		{"variable", map[string]string{"/etc/smtpd.conf": conf("a.example")}, []mta.Start{start(true, "/usr/sbin/smtpd", "-f", "${CONFIG}")}, "a.example"},
		{"another", map[string]string{"/etc/smtpd.conf": conf("a.example"), "/tmp/c": conf("c.example")}, []mta.Start{start(true, "/usr/sbin/smtpd", "-f/tmp/c", "-v")}, "a.example c.example"},
		{"another that nothing starts", map[string]string{"/etc/smtpd.conf": conf("a.example"), "/tmp/c": conf("c.example")}, []mta.Start{start(false, "smtpd", "-dF", "-f", "/tmp/c")}, "a.example -c.example"},
		{"only a check", map[string]string{"/etc/smtpd.conf": conf("a.example"), "/tmp/c": conf("c.example")}, []mta.Start{start(true, "smtpd", "-nf", "/tmp/c")}, "a.example"},
		{"macro", map[string]string{"/etc/smtpd.conf": "d = \"a.example\"\naction l maildir\nmatch for domain $d action l\n"}, []mta.Start{start(true, "smtpd", "-D", "d=evil.example")}, "a.example evil.example"},
		{"no smtpd", map[string]string{"/etc/smtpd.conf": conf("a.example"), "/tmp/c": conf("c.example")}, []mta.Start{start(true, "sshd", "-f", "/tmp/c")}, "a.example"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for _, h := range read(tc.files, tc.starts...).Hooks {
				if h.Directive != "match" {
					continue
				}
				domain := strings.Fields(strings.TrimPrefix(h.Scope, "all mail for the domain "))[0]
				if !h.Active {
					domain = "-" + domain
				}
				got = append(got, domain)
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("got %s, want %s", s, tc.want)
			}
		})
	}
}

// TestOldGrammar: rules from before 6.4 become hooks as today's do.
func TestOldGrammar(t *testing.T) {
	r := read(map[string]string{"/etc/smtpd.conf": "table vd { example.test }\naccept from any for domain <vd> virtual { \"info@example.test\" = \"drop@evil.example.net\" } deliver to mda \"/usr/local/bin/x\" as vmail\n" +
		"accept from local for any relay via \"tls+auth://l@203.0.113.9:587\" auth { l = \"u:p\" }\naccept from local for domain x.example relay\n"})
	var got []string
	for _, h := range r.Hooks {
		if h.Directive != "match" {
			got = append(got, line(h))
		}
	}
	want := "virtual redirect address:drop@evil.example.net remote [recipient info@example.test]\nmda pipe command:/usr/local/bin/x as vmail [all mail for the domain example.test]\n" +
		"host relay host:[203.0.113.9]:587 remote [all mail from this host]"
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Message, "before OpenSMTPD 6.4") {
		t.Errorf("problems %+v", r.Problems)
	}
}

// TestSecrets: keys and passwords of the configuration never come out.
func TestSecrets(t *testing.T) {
	r := read(map[string]string{
		"/etc/smtpd.conf": "queue encryption \"0123456789abcdef\"\nsrs key topsecret1\ntable s file:/etc/s\ntable i { \"l\" = \"u:topsecret2\" }\naction a relay host smtps://l@h.example auth <i>\naction b relay host smtps://l@h.example auth <s>\nmatch for any action a\nmatch for local action b\n",
		"/etc/s":          "l u:topsecret3\n",
	})
	text := fmt.Sprintf("%+v", r)
	for _, secret := range []string{"0123456789abcdef", "topsecret"} {
		if strings.Contains(text, secret) {
			i := strings.Index(text, secret)
			t.Errorf("%q is in what was read: %s", secret, text[max(0, i-100):i+40])
		}
	}
	if !strings.Contains(text, "«secret") {
		t.Error("the keys are not even told of")
	}
}

// TestHostile: what loops, is huge, or is none of what it should be ends soon and
// is told.
func TestHostile(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"include loop", map[string]string{"/etc/smtpd.conf": "include \"/etc/smtpd.conf\"\nmatch for any reject\n"}, "include each other"},
		{"null bytes", map[string]string{"/etc/smtpd.conf": "match reject\n\x00\nmatch reject\n"}, ""},
		{"binary", map[string]string{"/etc/smtpd.conf": strings.Repeat("\x7f\x00\xff{", 100_000)}, "syntax error"},
		{"list of lists", map[string]string{"/etc/smtpd.conf": tableLine + rest, "/etc/aliases": "a: :include:/etc/l\n", "/etc/l": ":include:/etc/l\n"}, ""},
		{"huge alias file", map[string]string{"/etc/smtpd.conf": tableLine + rest, "/etc/aliases": strings.Repeat("a: b, c, d\n", 900_000)}, ""},
		{"many matches", map[string]string{"/etc/smtpd.conf": "action a relay\n" + many("match from src \"10.%d.%d.0/24\" for domain \"d%d.example\" action a\n", 60_000)}, ""},
		{"many tables", map[string]string{"/etc/smtpd.conf": many("table t%d { a%d, b%d }\n", 60_000) + "match reject\n"}, ""},
		{"long match", map[string]string{"/etc/smtpd.conf": "match for domain { " + many("\"a%d.b%d.c%d\", ", 60_000) + "\"x\" } reject\n"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r mta.Result
			testtime.Within(t, 15*time.Second, func() { r = read(tc.files) })
			said := fmt.Sprint(r.Problems[:min(len(r.Problems), 10)])
			if !strings.Contains(said, tc.want) {
				t.Errorf("problems %s, want one with %q", said, tc.want)
			}
		})
	}
}

func many(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i%200, i/200, i)
	}
	return b.String()
}

// TestPlaces: each directive that a test here finds is among the places, and the
// other way round.
func TestPlaces(t *testing.T) {
	places := map[string]bool{}
	for _, p := range Places() {
		if p.MTA != MTA || p.Does == "" || p.Manual == "" || p.Where == "" || len(p.Effects) == 0 {
			t.Errorf("incomplete: %+v", p)
		}
		places[p.Directive] = true
	}
	for _, h := range read(map[string]string{"/etc/smtpd.conf": tableLine + "include \"/x\"\nmda wrapper w \"/w\"\nproc p \"/p\"\n" + rest, "/x": "filter f proc-exec \"/f\"\n"}).Hooks {
		if !places[h.Directive] {
			t.Errorf("no place for %s", h.Directive)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(tableLine+rest, "a: b, |c, :include:/etc/aliases\n", "alice, |x\n\\bob\n")
	f.Add("include \"/etc/aliases\"\naction x mda y virtual { @ = \"a@b,error:550 x\" }\nmatch ! from any for domain regex z action x\n", "filter f proc-exec g\n", "#")
	f.Fuzz(func(t *testing.T, conf, aliases, forward string) {
		if len(conf)+len(aliases) > 1<<16 {
			return
		}
		r := read(map[string]string{"/etc/smtpd.conf": conf, "/etc/aliases": aliases, "/home/alice/.forward": forward})
		lines := strings.Count(conf, "\n") + strings.Count(aliases, "\n") + strings.Count(forward, "\n") + 6
		ids := map[waxseal.HookID]bool{}
		for _, h := range r.Hooks {
			if ids[h.ID] || h.Closure == nil || h.Effects == nil || h.Explain == "" || h.Scope == "" && h.Kind != waxseal.KindUnreadable {
				t.Errorf("hook %+v", h)
			}
			ids[h.ID] = true
			if h.Source.Line < 0 || h.Source.Line > lines {
				t.Errorf("hook %q on line %d", h.ID, h.Source.Line)
			}
		}
	})
}

func FuzzMembers(f *testing.F) {
	f.Add("a, \"|b c, d\", error:550 x, :include:/y, z@w, /f\n# c\n\\a\\\n b")
	f.Fuzz(func(t *testing.T, text string) {
		for _, forward := range []bool{true, false} {
			list, _ := listLines(text, forward)
			for _, m := range list {
				if m.kind == "" || m.kind == toList || m.line < 1 || m.line > strings.Count(text, "\n")+1 {
					t.Errorf("%q: %+v", text, m)
				}
			}
		}
	})
}

func BenchmarkAliases(b *testing.B) {
	files := map[string]string{"/etc/passwd": passwd, "/etc/smtpd.conf": tableLine + rest, "/etc/aliases": many("u%d.%d: user%d\n", 30_000)}
	tree := host(files)
	for b.Loop() {
		Read(tree, mask.New([]byte("k")), mta.Options{Package: mta.NoPackages})
	}
}
