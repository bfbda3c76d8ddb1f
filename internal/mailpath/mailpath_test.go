package mailpath_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// The small server of these tests: every message goes through a script.
const (
	mainCF = "myhostname = mail.example.test\nmydestination = example.test\nalias_maps = hash:/etc/aliases\n" +
		"virtual_alias_maps = hash:/etc/postfix/virtual\ncontent_filter = filter:\nsmtp_sasl_password_maps = hash:/etc/postfix/sasl\n"
	masterCF = "smtp inet n - y - - smtpd\nfilter unix - n n - - pipe user=filter argv=/usr/local/bin/filter.sh ${recipient}\nlocal unix - n n - - local\n"
	filter   = "#!/usr/bin/env -S LANG=C python3 -u\n# see /etc/none\nopen('/etc/filter.conf')\nrun(\"/usr/local/bin/helper\")\n"
	elf      = "\x7fELF…"
)

func server() map[waxseal.Path]snapshot.Object {
	file := func(mode uint32, content string) snapshot.Object {
		return snapshot.Object{File: waxseal.File{Mode: mode, ChangeTime: time.Unix(1, 0)}, Content: []byte(content)}
	}
	link := func(target string) snapshot.Object {
		return snapshot.Object{File: waxseal.File{Type: waxseal.Symlink, Mode: 0o777, Link: target}}
	}
	return map[waxseal.Path]snapshot.Object{
		"/etc/hostname":            file(0o644, "mail\n"),
		"/etc/passwd":              file(0o644, "root:x:0:0::/root:/bin/sh\nfilter:x:88:88::/:/bin/false\n"),
		"/etc/group":               file(0o644, "root:x:0:\nmail:x:8:\n"),
		"/etc/aliases":             file(0o644, "root: alice\n"),
		"/etc/postfix/main.cf":     file(0o644, mainCF),
		"/etc/postfix/master.cf":   file(0o644, masterCF),
		"/etc/postfix/virtual":     link("/srv/mail/virtual"),
		"/etc/postfix/sasl":        file(0o600, "[smtp.example.net] alice:hunter2\n"),
		"/srv/mail/virtual":        file(0o640, "sales@example.test bob\n"),
		"/usr/local/bin/filter.sh": file(0o755, filter),
		"/usr/local/bin/helper":    file(0o4755, elf),
		"/usr/bin/python3":         link("python3.11"),
		"/usr/bin/python3.11":      file(0o755, elf+"python"),
		"/usr/bin/env":             file(0o755, elf+"env"),
		"/etc/filter.conf":         file(0o644, "dsn = secret\n"),
		"/usr/sbin/postconf":       file(0o755, elf+"mail_version=3.7.11\x00"),
	}
}

func read(objects map[waxseal.Path]snapshot.Object) waxseal.State {
	return mailpath.NewReader(mask.New([]byte("key"))).Read(snapshot.New(objects))
}

func hook(t *testing.T, s waxseal.State, part string) waxseal.Hook {
	t.Helper()
	for _, h := range s.Hooks {
		if strings.Contains(string(h.ID), part) {
			return h
		}
	}
	t.Fatalf("no hook with %q", part)
	return waxseal.Hook{}
}

func part(t *testing.T, h waxseal.Hook, p waxseal.Path) waxseal.Part {
	t.Helper()
	for _, q := range h.Closure {
		if q.Path == p {
			return q
		}
	}
	t.Fatalf("%s is not in the closure of %s: %v", p, h.ID, h.Closure)
	return waxseal.Part{}
}

func file(t *testing.T, s waxseal.State, p waxseal.Path) waxseal.FileState {
	t.Helper()
	i := slices.IndexFunc(s.Files, func(f waxseal.FileState) bool { return f.Path == p })
	if i < 0 {
		t.Fatalf("%s is not among the files", p)
	}
	return s.Files[i]
}

func plain(content string) waxseal.Digest {
	sum := sha256.Sum256([]byte(content))
	return waxseal.Digest(hex.EncodeToString(sum[:]))
}

// TestClosure: a command brings its interpreter and the files that it names.
func TestClosure(t *testing.T) {
	s := read(server())
	h := hook(t, s, "master.cf:filter")
	roles := map[waxseal.Path]waxseal.Role{}
	for _, p := range h.Closure {
		roles[p.Path] = p.Role
	}
	want := map[waxseal.Path]waxseal.Role{
		"/usr/local/bin/filter.sh": waxseal.RoleScript,
		"/usr/bin/env":             waxseal.RoleInterpreter,
		"/usr/bin/python3":         waxseal.RoleInterpreter,
		"/etc/filter.conf":         waxseal.RoleLibrary,
		"/usr/local/bin/helper":    waxseal.RoleBinary,
	}
	for p, role := range want {
		if roles[p] != role {
			t.Errorf("%s has role %q, want %q", p, roles[p], role)
		}
	}
	if _, ok := roles["/etc/none"]; ok {
		t.Error("a file that is not there is in the closure")
	}
	helper := part(t, h, "/usr/local/bin/helper")
	if helper.Owner != "root:root" || helper.Mode != "4755" || helper.Digest != plain(elf) || helper.PackageState != waxseal.PackageUnknown {
		t.Errorf("helper: %+v", helper)
	}
	if f := file(t, s, "/usr/bin/python3"); f.Resolved != "/usr/bin/python3.11" || f.Link != "python3.11" {
		t.Errorf("python3 leads to %q, and is a link to %q", f.Resolved, f.Link)
	}
}

func TestInterpreters(t *testing.T) {
	for first, want := range map[string][]waxseal.Path{
		"#!/bin/sh -eu":           {"/bin/sh"},
		"#! /bin/sh":              {"/bin/sh"},
		"#!/usr/bin/env perl":     {"/usr/bin/env", "/usr/bin/perl"},
		"#!/usr/bin/env -i perl":  {"/usr/bin/env", "/usr/bin/perl"},
		"#!/usr/bin/env ruby":     {"/usr/bin/env"},
		"#!":                      nil,
		"#!/opt/../bin/./sh":      {"/bin/sh"},
		"no script, but a script": nil,
	} {
		objects := server()
		o := objects["/usr/local/bin/filter.sh"]
		o.Content = []byte(first + "\n")
		objects["/usr/local/bin/filter.sh"] = o
		objects["/bin/sh"], objects["/usr/bin/perl"] = objects["/usr/bin/env"], objects["/usr/bin/env"]
		var got []waxseal.Path
		for _, p := range hook(t, read(objects), "master.cf:filter").Closure {
			if p.Role == waxseal.RoleInterpreter {
				got = append(got, p.Path)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", first, got, want)
		}
	}
}

func TestLinkedMissingAndOdd(t *testing.T) {
	s := read(server())
	virtual := file(t, s, "/etc/postfix/virtual")
	if virtual.Resolved != "/srv/mail/virtual" || virtual.Mode != 0o640 || !strings.Contains(virtual.Text, "sales@example.test") {
		t.Errorf("a linked map: %+v", virtual)
	}
	if len(s.Problems) > 0 {
		t.Errorf("problems of a sound server: %v", s.Problems)
	}

	objects := server()
	delete(objects, "/usr/local/bin/filter.sh")
	delete(objects, "/srv/mail/virtual")
	objects["/etc/aliases"] = snapshot.Object{File: waxseal.File{Type: waxseal.FIFO, Mode: 0o600}}
	s = read(objects)
	if p := part(t, hook(t, s, "master.cf:filter"), "/usr/local/bin/filter.sh"); !p.Missing || p.Digest != "" {
		t.Errorf("a missing script: %+v", p)
	}
	if f := file(t, s, "/etc/aliases"); f.Type != waxseal.FIFO || f.Digest != "" || f.Missing {
		t.Errorf("a FIFO: %+v", f)
	}
	said := map[waxseal.Path]string{}
	for _, p := range s.Problems {
		said[p.Path] += fmt.Sprint(p.Message, " unreadable=", p.Unreadable, ";")
	}
	if got := said["/etc/postfix/virtual"]; !strings.HasPrefix(got, "a symbolic link to /srv/mail/virtual, which is not in this tree") || !strings.Contains(got, "unreadable=false") {
		t.Errorf("a table that leads nowhere: %q", got)
	}
	if got := said["/etc/aliases"]; !strings.Contains(got, "not a regular file unreadable=true") || strings.Count(got, ";") != 1 {
		t.Errorf("a FIFO in the place of a table: %q", got)
	}
}

func TestPackages(t *testing.T) {
	sum := func(content string) string {
		s := md5.Sum([]byte(content))
		return hex.EncodeToString(s[:])
	}
	objects := server()
	add := func(p waxseal.Path, content string) {
		objects[p] = snapshot.Object{File: waxseal.File{Mode: 0o644}, Content: []byte(content)}
	}
	add("/var/lib/dpkg/status", "Package: filter\nVersion: 1\n")
	add("/var/lib/dpkg/info/filter.list", "/usr/local/bin/filter.sh\n/usr/local/bin/helper\n/etc/filter.conf\n/usr/bin/python3.11\n")
	add("/var/lib/dpkg/info/filter.md5sums", sum(filter)+"  usr/local/bin/filter.sh\n"+sum("other")+"  usr/local/bin/helper\n"+sum(elf+"python")+"  usr/bin/python3.11\n")
	h := hook(t, read(objects), "master.cf:filter")
	for p, want := range map[waxseal.Path]waxseal.PackageState{
		"/usr/local/bin/filter.sh": waxseal.PackageUnmodified,
		"/usr/local/bin/helper":    waxseal.PackageModified,
		"/etc/filter.conf":         waxseal.PackageUnknown,    // listed without a digest
		"/usr/bin/python3":         waxseal.PackageUnmodified, // asked for where the link leads
		"/usr/bin/env":             waxseal.PackageUnowned,
	} {
		if got := part(t, h, p); got.PackageState != want {
			t.Errorf("%s is %s (package %q), want %s", p, got.PackageState, got.Package, want)
		}
	}
}

// TestSecretsAreKeyed: no content that may hold a password has a digest that
// somebody without the host's key could try passwords against.
func TestSecretsAreKeyed(t *testing.T) {
	objects := server()
	for p, content := range map[waxseal.Path]string{
		"/usr/local/bin/filter.sh": "#!/bin/sh\nDB_PASSWORD=hunter2\ncat /etc/filter.conf\n",
		"/etc/postfix/main.cf":     mainCF + "smtp_tls_key_file = /etc/key.pem\nldap_bind_pw = hunter2\n",
		"/etc/key.pem":             "-----BEGIN PRIVATE KEY-----\nhunter2\n",
		"/etc/postfix/old.bak":     "hunter2\n",
	} {
		o := objects[p]
		o.Content, o.Mode = []byte(content), o.Mode|0o600
		objects[p] = o
	}
	s := read(objects)
	for _, p := range []waxseal.Path{"/etc/postfix/sasl", "/usr/local/bin/filter.sh", "/etc/filter.conf", "/etc/postfix/main.cf", "/etc/key.pem", "/etc/postfix/old.bak"} {
		f := file(t, s, p)
		if !f.Keyed || f.Digest == "" || f.Digest == plain(string(objects[p].Content)) {
			t.Errorf("%s: digest %s, keyed %v", p, f.Digest, f.Keyed)
		}
		other := mailpath.NewReader(mask.New([]byte("another key"))).Read(snapshot.New(objects))
		if file(t, other, p).Digest == f.Digest {
			t.Errorf("%s has the same digest on another host", p)
		}
	}
	if p := part(t, hook(t, s, "master.cf:filter"), "/usr/local/bin/filter.sh"); !p.Keyed || p.Digest != file(t, s, p.Path).Digest {
		t.Errorf("the part and the file disagree: %+v", p)
	}
	if said := fmt.Sprintf("%+v", s); strings.Contains(said, "hunter2") {
		t.Errorf("a secret is in the state: %s", said)
	}
	if f := file(t, s, "/etc/aliases"); f.Keyed || f.Digest != plain("root: alice\n") {
		t.Errorf("what holds no secret can be looked up: %+v", f)
	}
}

// TestProgramsAreReadAgain: what is remembered of a program ends with the
// program, also where size and time of modification were put back.
func TestProgramsAreReadAgain(t *testing.T) {
	objects := server()
	r := mailpath.NewReader(mask.New([]byte("key")))
	first := r.Read(snapshot.New(objects))
	replaced := strings.Replace(filter, "helper", "h3lper", 1)
	for _, tc := range []struct {
		name   string
		change func(*snapshot.Object)
		want   waxseal.Digest
	}{
		{"the same", func(*snapshot.Object) {}, plain(filter)},
		{"another change time", func(o *snapshot.Object) { o.ChangeTime, o.Content = time.Unix(2, 0), []byte(replaced) }, plain(replaced)},
		{"another inode", func(o *snapshot.Object) { o.Inode, o.Content = 9, []byte(replaced) }, plain(replaced)},
		{"no times at all", func(o *snapshot.Object) { o.ChangeTime, o.Content = time.Time{}, []byte(replaced) }, plain(replaced)},
		{"still no times", func(o *snapshot.Object) { o.ChangeTime = time.Time{} }, plain(filter)},
	} {
		changed := maps.Clone(objects)
		o := changed["/usr/local/bin/filter.sh"]
		tc.change(&o)
		changed["/usr/local/bin/filter.sh"] = o
		if got := file(t, r.Read(snapshot.New(changed)), "/usr/local/bin/filter.sh").Digest; got != tc.want {
			t.Errorf("%s: digest %s, want %s", tc.name, got, tc.want)
		}
	}
	if again := r.Read(snapshot.New(objects)); len(again.Files) != len(first.Files) || len(hook(t, again, "master.cf:filter").Closure) != len(hook(t, first, "master.cf:filter").Closure) {
		t.Error("a second reading finds something else")
	}
}

// TestForget: an event about a file ends what is remembered, whatever its times say.
func TestForget(t *testing.T) {
	objects := server()
	r := mailpath.NewReader(mask.New([]byte("key")))
	r.Read(snapshot.New(objects))
	o := objects["/usr/local/bin/filter.sh"]
	o.Content = []byte(strings.Replace(filter, "helper", "h3lper", 1))
	objects["/usr/local/bin/filter.sh"] = o
	r.Forget("/usr/local/bin/filter.sh")
	if got := file(t, r.Read(snapshot.New(objects)), "/usr/local/bin/filter.sh").Digest; got != plain(string(o.Content)) {
		t.Errorf("digest %s", got)
	}
}

// TestBoundedClosure: a script can't make the reader follow files for ever.
func TestBoundedClosure(t *testing.T) {
	objects := server()
	chain := func(i int) waxseal.Path { return waxseal.Path(fmt.Sprintf("/opt/s%04d", i)) }
	for i := range 2000 {
		objects[chain(i)] = snapshot.Object{File: waxseal.File{Mode: 0o755}, Content: []byte("#!/bin/sh\n" + string(chain(i+1)) + "\n" + string(chain(i)) + "\n")}
	}
	o := objects["/usr/local/bin/filter.sh"]
	o.Content = []byte("#!/bin/sh\n/opt/s0000\n")
	objects["/usr/local/bin/filter.sh"] = o
	s := read(objects)
	if n := len(hook(t, s, "master.cf:filter").Closure); n > 300 {
		t.Errorf("a closure of %d files", n)
	}
	if !slices.ContainsFunc(s.Problems, func(p waxseal.Problem) bool { return strings.Contains(p.Message, "more files than are followed") }) {
		t.Errorf("nothing says that files are not followed: %v", s.Problems)
	}
}

// TestInvalidUTF8: a state is stored as JSON and must come back as it was.
func TestInvalidUTF8(t *testing.T) {
	objects := server()
	o := objects["/etc/postfix/main.cf"]
	o.Content = []byte(mainCF + "always_bcc = a\xff\xfe@example.net\nx\xff = \xfd\n")
	objects["/etc/postfix/main.cf"] = o
	objects["/etc/postfix/\xff\xfe"] = snapshot.Object{File: waxseal.File{Mode: 0o644}}
	s := read(objects)
	if h := hook(t, s, "always_bcc"); h.Target.Value != `a\xff\xfe@example.net` {
		t.Errorf("target %q", h.Target.Value)
	}
	file(t, s, `/etc/postfix/\xff\xfe`)
	if text := fmt.Sprintf("%+v", s); strings.ToValidUTF8(text, "") != text {
		t.Error("invalid UTF-8 is left in the state")
	}
}

// vanishing is a tree whose directory goes between being listed and being looked
// into.
type vanishing struct {
	waxseal.Tree
	dir  waxseal.Path
	gone bool
}

func (v *vanishing) lost(p waxseal.Path) error {
	if v.gone && strings.HasPrefix(string(p)+"/", string(v.dir)+"/") {
		return &fs.PathError{Op: "open", Path: string(p), Err: fs.ErrNotExist}
	}
	return nil
}

func (v *vanishing) ReadDir(p waxseal.Path) ([]string, error) {
	names, err := v.Tree.ReadDir(p)
	if p == v.dir || string(p)+"/" == string(v.dir[:strings.LastIndexByte(string(v.dir), '/')+1]) {
		v.gone = true
	}
	return names, err
}

func (v *vanishing) Lstat(p waxseal.Path) (waxseal.File, error) {
	if err := v.lost(p); err != nil {
		return waxseal.File{}, err
	}
	return v.Tree.Lstat(p)
}

func (v *vanishing) Stat(p waxseal.Path) (waxseal.File, error) {
	if err := v.lost(p); err != nil {
		return waxseal.File{}, err
	}
	return v.Tree.Stat(p)
}

func (v *vanishing) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	if err := v.lost(p); err != nil {
		return nil, err
	}
	return v.Tree.ReadFile(p, limit)
}

// TestVanishingDirectory: what goes during a reading is missing, and nothing else.
func TestVanishingDirectory(t *testing.T) {
	objects := server()
	for i := range 20 {
		objects[waxseal.Path(fmt.Sprintf("/etc/postfix/old/f%d", i))] = snapshot.Object{File: waxseal.File{Mode: 0o644}}
	}
	for _, dir := range []waxseal.Path{"/etc/postfix", "/etc/postfix/old", "/var/lib/dpkg/info"} {
		v := &vanishing{Tree: snapshot.New(objects), dir: dir}
		s := mailpath.NewReader(mask.New([]byte("key"))).Read(v)
		hook(t, s, "master.cf:filter")
		hook(t, s, "aliases:alias_maps:root")
		for _, f := range s.Files {
			if strings.HasPrefix(string(f.Path), string(dir)+"/") && !f.Missing {
				t.Errorf("%s has gone, and is listed as %+v", f.Path, f)
			}
		}
		for _, p := range s.Problems {
			if p.Unreadable {
				t.Errorf("what is gone is not unreadable: %+v", p)
			}
		}
	}
}
