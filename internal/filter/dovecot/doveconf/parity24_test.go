package doveconf

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/snapshot"
)

// record is the root of a Debian 13 with Dovecot 2.4, to be asked anew.
var record = flag.String("record", "", "directory of a root with Dovecot 2.4: ask its doveconf, and write testdata/doveconf-2.4.1.txtar")

const (
	recorded  = "testdata/doveconf-2.4.1.txtar"
	cases24   = 250
	version24 = "1:2.4.1-4"
)

// TestRecorded holds what doveconf of 2.4.1 said of generated configurations
// against this package; testdata/README.md says how it was asked.
func TestRecorded(t *testing.T) {
	if *record != "" {
		ask24(t, *record)
	}
	archive, err := txtar.ParseFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
	}
	refused := 0
	for i := range cases24 {
		conf, out := files[fmt.Sprintf("%d.conf", i)], files[fmt.Sprintf("%d.out", i)]
		c := Read(snapshot.New(map[waxseal.Path]snapshot.Object{"/t.conf": {Content: []byte(conf)}, "/value": {Content: []byte("from a file\n")}}), "/t.conf", version24)
		if said := regexp.MustCompile(`line (\d+): (.*)`).FindStringSubmatch(out); strings.HasPrefix(out, "refused") {
			refused++
			if said != nil && grammatical(said[2]) && (c.Refused == nil || strconv.Itoa(c.Refused.Line) != said[1]) {
				t.Errorf("case %d: %s, ours %v\n%s", i, out, c.Refused, conf)
			}
			continue
		}
		if c.Refused != nil {
			t.Errorf("case %d: ours refuses %v\n%s", i, c.Refused, conf)
		}
		compare24(t, i, conf, c, out)
	}
	if refused == 0 || refused*3 > cases24 {
		t.Errorf("%d of %d are refused: the cases say too little", refused, cases24)
	}
}

// grammatical reports whether a refusal is about the language: what settings there
// are is not known here of 2.4.
func grammatical(why string) bool {
	return slices.ContainsFunc([]string{"Expecting", "Garbage", "Unexpected", "first setting", "No matches", "Missing"}, func(s string) bool { return strings.Contains(why, s) })
}

func compare24(t *testing.T, i int, conf string, c *Config, out string) {
	t.Helper()
	ours, theirs := map[string]string{}, map[string]string{}
	var walk func(s *Section, path []string)
	walk = func(s *Section, path []string) {
		for _, set := range s.Settings {
			ours[normal(path, set.Key)] = set.Written
		}
		for _, sub := range s.Sections {
			walk(sub, append(slices.Clone(path), strings.TrimSpace(sub.Kind+" "+sub.Name)))
		}
	}
	walk(c.Root, nil)
	for _, s := range flatten24(out) {
		theirs[normal(s.path, s.key)] = s.value
	}
	for _, k := range slices.Sorted(maps.Keys(ours)) {
		if v, ok := theirs[k]; !ok || v != ours[k] {
			t.Errorf("case %d: %s: ours %q, theirs %q %v\n%s", i, k, ours[k], v, ok, conf)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(theirs)) {
		if _, ok := ours[k]; !ok {
			t.Errorf("case %d: %s: theirs %q, ours none\n%s", i, k, theirs[k], conf)
		}
	}
}

type line24 struct {
	path       []string
	key, value string
}

func flatten24(text string) []line24 {
	var out []line24
	var path []string
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		switch key, value, ok := strings.Cut(l, " = "); {
		case l == "" || l[0] == '#':
		case l == "}":
			path = path[:len(path)-1]
		case strings.HasSuffix(l, " {"):
			path = append(slices.Clone(path), strings.ReplaceAll(strings.TrimSuffix(l, " {"), `"`, ""))
		case ok || strings.HasSuffix(l, " ="):
			key = strings.TrimSuffix(key, " =")
			if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
				value = unescape(value[1 : n-1])
			}
			out = append(out, line24{path, key, value})
		}
	}
	return out
}

// normal is one name for a setting, whichever way it is written: ssl_server { cert_file }
// is ssl_server_cert_file, and sieve_script x { sieve_script_path } is path there.
func normal(path []string, key string) string {
	var at []string
	for _, part := range path {
		if kind, _, named := strings.Cut(part, " "); !named {
			key = kind + "_" + strings.TrimPrefix(key, kind+"_")
		}
		at = append(at, part)
	}
	at = slices.DeleteFunc(at, func(part string) bool { return !strings.Contains(part, " ") })
	if len(at) > 0 {
		kind, _, _ := strings.Cut(at[len(at)-1], " ")
		key = strings.TrimPrefix(key, kind+"_")
	}
	for i, part := range at {
		if i > 0 {
			above, _, _ := strings.Cut(at[i-1], " ")
			at[i] = strings.TrimPrefix(part, above+"_")
		}
	}
	return strings.Join(append(at, key), "/")
}

// ask24 writes configurations, asks, and records.
func ask24(t *testing.T, root string) {
	t.Helper()
	g := &generator{Rand: rand.New(rand.NewPCG(24, 1))}
	if err := os.WriteFile(filepath.Join(root, "value"), []byte("from a file\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	archive := &txtar.Archive{Comment: []byte("Configurations of Dovecot 2.4, and what doveconf -n -P of Debian's 2.4.1-4 says of them.\n")}
	for i := range cases24 {
		conf := g.modern()
		if err := os.WriteFile(filepath.Join(root, "t.conf"), []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := lab.Output(t.Context(), root, "doveconf -n -P -c /t.conf 2>/t.err || { echo refused; cat /t.err; }")
		if err != nil {
			t.Fatal(err)
		}
		if at := strings.Index(out, "refused\n"); at >= 0 {
			out = out[at:]
		}
		out = regexp.MustCompile(`(?m)^# .*\n`).ReplaceAllString(out, "")
		archive.Files = append(archive.Files, txtar.File{Name: fmt.Sprintf("%d.conf", i), Data: []byte(conf)}, txtar.File{Name: fmt.Sprintf("%d.out", i), Data: []byte(out)})
	}
	out, err := lab.Output(t.Context(), root, "printf 'dovecot_config_version = 2.4.0\\ndovecot_storage_version = 2.4.0\\n' >/t.conf; doveconf -a -P -c /t.conf 2>/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	var defaults strings.Builder
	for _, s := range flatten24(out) {
		if key := normal(s.path, s.key); !strings.Contains(key, "/") && !strings.HasPrefix(key, "dovecot_") {
			defaults.WriteString(key + "\t" + s.value + "\n")
		}
	}
	if err := os.WriteFile("defaults-2.4.1.txt", []byte(defaults.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	defaults24 = defaults.String()
	if err := os.WriteFile(recorded, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// modern writes a configuration of 2.4.
func (g *generator) modern() string {
	g.depth = 0
	var b strings.Builder
	if g.IntN(25) > 0 {
		b.WriteString("dovecot_config_version = 2.4.0\n")
	}
	b.WriteString("dovecot_storage_version = 2.4.0\n")
	for range 2 + g.IntN(8) {
		b.WriteString(g.modernLine())
	}
	if g.IntN(12) == 0 {
		b.WriteString(pick(g, "}\n", "service x{\n", "word\n", "service imap {\n", "service \"a\" b {\n", "!include no-such\n", "x { y\n"))
	}
	return b.String()
}

func (g *generator) modernLine() string {
	set := func(keys ...string) func() string {
		return func() string {
			return g.equals(pick(g, keys...), pick(g, "a", "a b", `"a # b"`, "/x/%{user | username}", "1", "x  y"))
		}
	}
	switch g.IntN(12) {
	case 0:
		return g.equals("login_greeting", pick(g, "a", "$SET:mail_path", "a $SET:ssl_min_protocol b", `"$SET:mail_path"`, "it's", "a \\\n  b"))
	case 1:
		return g.equals("mail_path", pick(g, "~/Maildir", "/x/%{user}", "%{home}/m"))
	case 2:
		return g.block("sieve_script", pick(g, "personal", `"a b"`, "x"), 4, set("path", "sieve_script_path", "active_path", "bin_path"))
	case 3:
		return g.block("protocol", pick(g, "lmtp", "imap", "!lmtp"), 3, func() string {
			if g.IntN(2) == 0 {
				return g.block("mail_plugins", "", 3, func() string { return g.equals(pick(g, "sieve", "acl", "quota"), pick(g, "yes", "no")) })
			}
			return set("mail_home", "login_greeting", "mail_inbox_path")()
		})
	case 4:
		return g.block("namespace", pick(g, "inbox", "x"), 3, func() string {
			if g.IntN(2) == 0 {
				return g.block("mailbox", pick(g, "Trash", `"Sent Messages"`), 2, func() string { return g.equals("special_use", `\Trash`) })
			}
			return g.equals(pick(g, "prefix", "namespace_prefix", "separator"), pick(g, "/", "x/"))
		})
	case 5:
		return g.block("passdb", pick(g, "pam", "x"), 2, set("passwd_file_path", "args")) // args is none
	case 6:
		return g.block("service", pick(g, "imap", "lmtp", "mine"), 3, func() string {
			if g.IntN(2) == 0 {
				return g.block("unix_listener", pick(g, "x", "private/auth"), 2, set("user", "unix_listener_group"))
			}
			return set("executable", "user", "service_chroot")()
		})
	case 7:
		return g.block("userdb", "static", 2, func() string { return g.block("fields", "", 3, set("home", "uid", "quota")) })
	case 8:
		return g.block("ssl_server", "", 3, set("cert_file", "ssl_server_cert_username_field"))
	case 9:
		return g.block(pick(g, "local", "remote"), pick(g, "10.0.0.0/8", "192.0.2.1"), 2, set("login_greeting", "mail_path"))
	case 10:
		return g.block("mailbox", "Spam", 2, func() string { return g.block("sieve_script", "report", 3, set("path", "sieve_script_name")) })
	}
	return pick(g, "# comment\n", "\n", "sieve_pipe_bin_dir = /usr/lib/x # why\n", "sieve_global_extensions {\n  vnd.dovecot.pipe = yes\n}\n")
}
