package delivery

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
	"waxseal/internal/testtime"
)

// told writes hooks on one line each.
func told(r mta.Result) string {
	var b strings.Builder
	for _, h := range r.Hooks {
		fmt.Fprintf(&b, "%s %s %s", h.Kind, h.Directive, h.Target.Value)
		if h.Target.Remote {
			b.WriteString(" remote")
		}
		fmt.Fprintf(&b, " | %s | as %s", h.Scope, h.RunsAs)
		if why := h.Modifiers["inactive"]; why != "" {
			fmt.Fprintf(&b, " | not: %s", why)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

const passwd = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/srv/bob:/bin/sh\n"

// tree has files of root, but for those whose mode and owner are given.
func tree(files map[string]string, modes map[string][3]uint32) *snapshot.Tree {
	objects := map[waxseal.Path]snapshot.Object{"/etc/passwd": {File: waxseal.File{Mode: 0o644}, Content: []byte(passwd)}}
	for p, text := range files {
		objects[waxseal.Path(p)] = snapshot.Object{File: waxseal.File{Mode: 0o644}, Content: []byte(text)}
	}
	for p, m := range modes {
		o := objects[waxseal.Path(p)]
		o.Mode, o.UID, o.GID = m[0], m[1], m[2]
		if _, file := files[p]; !file && strings.Contains(p, "/.") {
			continue
		} else if !file {
			o.Type = waxseal.Directory
		}
		objects[waxseal.Path(p)] = o
	}
	return snapshot.New(objects)
}

// by makes a mail system with one hook that hands mail to a command.
func by(command, scope, runsAs string) ([]waxseal.Stack, []waxseal.Hook) {
	return []waxseal.Stack{{MTA: "postfix", Domains: []string{"example.test"}}}, []waxseal.Hook{{MTA: "postfix", Active: true, Directive: "mailbox_command", Scope: scope, RunsAs: runsAs,
		Target: waxseal.Target{Type: waxseal.TargetCommand, Value: command}, Source: waxseal.Source{Path: "/etc/postfix/main.cf"}}}
}

func TestRead(t *testing.T) {
	alice := map[string][3]uint32{"/home/alice": {0o755, 1000, 1000}, "/srv/bob": {0o755, 1001, 1001}, "/home/alice/.procmailrc": {0o600, 1000, 1000}, "/srv/bob/.procmailrc": {0o600, 1001, 1001}}
	filters := map[string][3]uint32{"/home/alice": {0o755, 1000, 1000}, "/home/alice/.mailfilter": {0o600, 1000, 1000}}
	for _, tc := range []struct {
		name, command, scope, runsAs string
		files                        map[string]string
		modes                        map[string][3]uint32
		want                         string
	}{
		{"everyone's and one's own", "procmail -a \"$EXTENSION\"", "all", "recipient", map[string]string{"/etc/procmailrc": ":0c\n| /bin/x\n", "/home/alice/.procmailrc": ":0c\n! a@b.example\n", "/srv/bob/.procmailrc": ":0\nMail/x\n"}, alice,
			"pipe | /bin/x | all mail that procmail delivers | as recipient\ncopy ! a@b.example remote | recipient alice | as alice\nredirect folder ~/Mail/x | recipient bob | as bob\n"},
		{"root until DROPPRIVS", "procmail -Y -a $h -d $u", "all", "root", map[string]string{"/etc/procmailrc": "X=`/bin/a`\nDROPPRIVS=yes\n:0c\n| /bin/b\n"}, nil,
			"pipe backticks /bin/a | all mail that procmail delivers | as root\npipe | /bin/b | all mail that procmail delivers | as recipient\n"},
		{"a user's file read as root", "procmail -d $u", "all", "root", map[string]string{"/etc/procmailrc": "INCLUDERC=$HOME/.rules\n", "/home/alice/.rules": ":0c\n| /bin/b\n"}, alice,
			"script INCLUDERC ~/.rules | all mail that procmail delivers | as root\npipe | /bin/b | recipient alice | as root\n"},
		{"rules by name alone", "procmail -m /etc/procmailrcs/x", "all", "nobody", map[string]string{"/etc/procmailrcs/x": ":0\n! a\n", "/etc/procmailrcs/y": ":0\n! b\n", "/etc/procmailrc": ":0\n! c\n"}, nil,
			"redirect ! c | all mail that procmail delivers | as  | not: nothing hands mail to procmail\nredirect ! a | all mail that procmail delivers | as nobody\n" +
				"redirect ! b | all mail that procmail delivers | as  | not: no command line of procmail and no INCLUDERC names it\n"},
		{"one user's forward file", `IFS=' ' && exec /usr/bin/procmail -f- || exit 75 #alice`, "recipient alice", "alice", map[string]string{"/home/alice/.procmailrc": ":0\n! a\n", "/srv/bob/.procmailrc": ":0\n! b\n"}, alice,
			"redirect ! a | recipient alice | as alice\nredirect ! b | recipient bob | as bob | not: nothing hands mail to procmail\n"},
		{"suspicious", "procmail", "all", "recipient", map[string]string{"/home/alice/.procmailrc": ":0\n! a\n"}, map[string][3]uint32{"/home/alice": {0o777, 1000, 1000}, "/home/alice/.procmailrc": {0o600, 1000, 1000}},
			"redirect ! a | recipient alice | as alice | not: anyone may write the directory, and procmail does not read a file in such a one\n"},
		{"of a stranger", "procmail", "all", "recipient", map[string]string{"/home/alice/.procmailrc": ":0\n! a\n"}, map[string][3]uint32{"/home/alice": {0o755, 1000, 1000}, "/home/alice/.procmailrc": {0o600, 1001, 1000}},
			"redirect ! a | recipient alice | as alice | not: it belongs neither to alice nor to root, and procmail does not read such a file\n"},
		{"maildrop", "/usr/bin/maildrop -d ${USER}", "all", "vmail", map[string]string{"/etc/maildroprc": "cc \"!a@b.example\"\n", "/home/alice/.mailfilter": "to \"Mail/x\"\n", "/home/alice/.mailfilters/z": "to y\n"}, filters,
			"copy cc a@b.example remote | all mail that maildrop delivers | as recipient\nredirect to ~/Mail/x | recipient alice | as alice\n" +
				"redirect to ~/y | recipient alice | as alice | not: nothing starts maildrop with -M z\n"},
		{"maildrop's own file", "maildrop /etc/filter", "all", "vmail", map[string]string{"/etc/filter": "system \"/bin/x\"\n", "/etc/maildroprc": "to x\n"}, nil,
			"redirect to ~/x | all mail that maildrop delivers | as recipient | not: nothing hands mail to maildrop\npipe system /bin/x | all mail that maildrop delivers | as vmail\n"},
		{"nothing leads there", "/bin/true", "all", "", map[string]string{"/etc/procmailrc": ":0\n! a\n"}, nil, "redirect ! a | all mail that procmail delivers | as  | not: nothing hands mail to procmail\n"},
		{"sets what programs load", "procmail", "all", "recipient", map[string]string{"/etc/procmailrc": "LD_PRELOAD=/x.so\nPATH=/usr/bin:/tmp\nSHELL=/bin/sh\nSENDMAIL=/tmp/s\n:0\n! b\n"}, nil,
			"environment LD_PRELOAD LD_PRELOAD=/x.so | all mail that procmail delivers | as recipient\nenvironment PATH PATH=/usr/bin:/tmp | all mail that procmail delivers | as recipient\n" +
				"pipe SENDMAIL /tmp/s | all mail that procmail delivers | as recipient\nredirect ! b | all mail that procmail delivers | as recipient\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := tree(tc.files, tc.modes)
			stacks, hooks := by(tc.command, tc.scope, tc.runsAs)
			r := Read(files, mask.New([]byte("k")), mta.Options{Package: mta.NoPackages}, Lead(stacks, hooks, files))
			if got := told(r); got != tc.want {
				t.Errorf("got\n%swant\n%s", got, tc.want)
			}
			places := map[string]bool{}
			for _, p := range Places() {
				places[string(p.MTA)+" "+p.Directive] = true
			}
			for _, h := range r.Hooks {
				if !places[string(h.MTA)+" "+h.Directive] {
					t.Errorf("%s of %s is no place that is listed", h.Directive, h.MTA)
				}
			}
		})
	}
}

// TestAlone: rules of a tree without any mail system count.
func TestAlone(t *testing.T) {
	files := snapshot.Files(map[string]string{"/etc/maildroprc": "cc \"| x\"\n"})
	r := Read(files, mask.New([]byte("k")), mta.Options{Package: mta.NoPackages}, Lead(nil, nil, files))
	if got := told(r); got != "pipe cc x | all mail that maildrop delivers | as recipient\n" {
		t.Error(got)
	}
}

// TestBounds: what is not followed is told.
func TestBounds(t *testing.T) {
	files := snapshot.Files(map[string]string{"/etc/procmailrc": "INCLUDERC=/etc/procmailrc\n" + strings.Repeat("{ ", 10), "/home/a/.procmailrc": strings.Repeat("#", maxRC+1), "/etc/maildroprc": "if (\n"})
	r := Read(files, mask.New([]byte("k")), mta.Options{Package: mta.NoPackages}, Lead(nil, nil, files))
	said := fmt.Sprint(r.Problems)
	for _, want := range []string{"includes itself", "too large", "maildrop refuses the whole file"} {
		if !strings.Contains(said, want) {
			t.Errorf("no problem says %q: %s", want, said)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(":0c\n! a@b\n", "cc \"! a@b\"\n", "|exec /usr/bin/procmail -f- x A=b")
	f.Fuzz(func(t *testing.T, rc, filter, command string) {
		files := snapshot.Files(map[string]string{"/etc/procmailrc": rc, "/home/a/.procmailrc": rc, "/etc/maildroprc": filter, "/home/a/.mailfilter": filter, "/home/a/x": rc})
		stacks, hooks := by(command, "all", "root")
		for _, h := range Read(files, mask.New([]byte("k")), mta.Options{Package: mta.NoPackages}, Lead(stacks, hooks, files)).Hooks {
			if h.ID == "" || h.Explain == "" || h.Source.Path == "" || h.Kind == "" {
				t.Errorf("a hook with nothing to say: %+v", h)
			}
		}
	})
}

// quick is a tree that finds its files at once.
type quick map[waxseal.Path]snapshot.Object

func (q quick) Lstat(p waxseal.Path) (waxseal.File, error) {
	o, ok := q[p]
	if !ok {
		return waxseal.File{}, fs.ErrNotExist
	}
	o.Path, o.Size = p, int64(len(o.Content))
	return o.File, nil
}

func (q quick) Stat(p waxseal.Path) (waxseal.File, error) { return q.Lstat(p) }

func (q quick) ReadFile(p waxseal.Path, _ int64) ([]byte, error) {
	if _, err := q.Lstat(p); err != nil {
		return nil, err
	}
	return q[p].Content, nil
}

func (q quick) Digest(waxseal.Path) (waxseal.Digest, error) { return "", fs.ErrNotExist }

func (q quick) ReadDir(waxseal.Path) ([]string, error) { return nil, fs.ErrNotExist }

// homes are users with rules of both agents.
func homes(n int) quick {
	var users strings.Builder
	objects := quick{}
	for i := range n {
		name := fmt.Sprintf("u%05d", i)
		fmt.Fprintf(&users, "%s:x:%d:%d::/home/%s:/bin/sh\n", name, 2000+i, 2000+i, name)
		own := waxseal.File{Type: waxseal.Regular, Mode: 0o600, UID: uint32(2000 + i), GID: uint32(2000 + i)}
		home := waxseal.Path("/home/" + name)
		objects[home] = snapshot.Object{File: waxseal.File{Type: waxseal.Directory, Mode: 0o755, UID: own.UID, GID: own.GID}}
		objects[home+"/.procmailrc"] = snapshot.Object{File: own, Content: []byte("MAILDIR=$HOME/Maildir\n:0:\n* ^X-Spam-Flag: YES\n.Spam/\n\n:0:\n* ^List-Id:.*debian\n.lists/\n")}
		objects[home+"/.mailfilter"] = snapshot.Object{File: own, Content: []byte("if (/^X-Spam-Flag: YES/)\n  to \"Maildir/.Spam/\"\nDEFAULT=\"$HOME/Maildir/\"\n")}
	}
	objects["/etc/passwd"] = snapshot.Object{File: waxseal.File{Type: waxseal.Regular, Mode: 0o644}, Content: []byte(users.String())}
	return objects
}

// TestManyHomes: four times as many homes are about four times the work.
func TestManyHomes(t *testing.T) {
	testtime.Linear(t, 2_500, func(n int) {
		files := homes(n)
		r := Read(files, mask.New([]byte("k")), mta.Options{Package: mta.NoPackages}, Lead(nil, nil, files))
		if len(r.Hooks) != 4*n || len(r.Problems) != 0 {
			t.Errorf("%d homes: %d hooks, %d problems", n, len(r.Hooks), len(r.Problems))
		}
	})
}

func BenchmarkManyHomes(b *testing.B) {
	files := homes(10_000)
	for b.Loop() {
		Read(files, mask.New([]byte("k")), mta.Options{Package: mta.NoPackages}, Lead(nil, nil, files))
	}
}
