package mailpath_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
	"waxseal/internal/testtime"
)

// hosting is a server on the disk with users of its own and virtual ones.
type hosting struct {
	t      testing.TB
	root   string
	tree   *rootfs.Tree
	reader *mailpath.Reader
}

func newHosting(t testing.TB, users int) hosting {
	h := hosting{t: t, root: t.TempDir(), reader: mailpath.NewReader(mask.New([]byte("k")))}
	h.put("etc/postfix/main.cf", "myhostname = mail.example.test\nmydestination = $myhostname, localhost\nalias_maps = hash:/etc/aliases\nmailbox_command = /usr/bin/procmail -a \"$EXTENSION\"\n")
	h.put("etc/postfix/master.cf", "smtp inet n - y - - smtpd\nlocal unix - n n - - local\ncleanup unix n - y - 0 cleanup\n")
	h.put("etc/dovecot/dovecot.conf", "protocols = imap lmtp\nmail_home = /var/vmail/%d/%n\nmail_location = maildir:~/Maildir\nuserdb {\n  driver = passwd\n}\nprotocol lmtp {\n  mail_plugins = sieve\n}\n")
	h.put("etc/aliases", "postmaster: root\n")
	passwd := "root:x:0:0::/root:/bin/sh\n"
	for i := range users {
		passwd += fmt.Sprintf("u%d:x:%d:%d::/home/u%d:/bin/sh\n", i, os.Getuid(), os.Getgid(), i) // root or not, the files are theirs
		home := fmt.Sprintf("home/u%d/", i)
		h.put(home+".dovecot.sieve", fmt.Sprintf("require [\"fileinto\", \"vacation\"];\nif header :contains \"list-id\" \"list%d.example\" { fileinto \"Lists\"; }\nvacation :days 7 \"I am away.\";\n", i))
		h.put(home+".procmailrc", "MAILDIR=$HOME/Maildir\n:0:\n* ^X-Spam-Flag: YES\n.Spam/\n\n:0:\n* ^List-Id:.*debian\n.lists/\n")
		h.put(home+".forward", fmt.Sprintf("\\u%d, u%d@mail.example.net\n", i, i))
	}
	for i := range min(users, 20) {
		h.put(fmt.Sprintf("var/vmail/example.test/v%d/.dovecot.sieve", i), "require \"fileinto\";\nfileinto \"x\";\n")
	}
	h.put("etc/passwd", passwd)
	h.put("etc/group", "root:x:0:\n")
	tree, err := rootfs.Open(h.root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	h.tree = tree
	return h
}

func (h hosting) put(name, text string) {
	h.t.Helper()
	file := filepath.Join(h.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		h.t.Fatal(err)
	}
}

func (h hosting) append(name, text string) {
	h.t.Helper()
	old, err := os.ReadFile(filepath.Join(h.root, name))
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	h.put(name, string(old)+text)
}

// TestReadHome: what a home reads like by itself, put into the state before, is what a
// reading of all says; and where more than the home may be different, all is read.
func TestReadHome(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup func(h hosting)
		edit  func(h hosting)
		file  waxseal.Path // the one that was touched
		whole bool         // all is to be read
	}{
		{name: "another forward", file: "/home/u3/.forward", edit: func(h hosting) { h.put("home/u3/.forward", "a@b.example, \\u3\n") }},
		{name: "no forward", file: "/home/u3/.forward", edit: func(h hosting) { h.remove("home/u3/.forward") }},
		{name: "a Sieve script with more actions", file: "/home/u4/.dovecot.sieve", edit: func(h hosting) {
			h.put("home/u4/.dovecot.sieve", "require [\"fileinto\", \"copy\"];\nredirect :copy \"a@b.example\";\nfileinto \"a\";\nif true { fileinto \"b\"; }\nkeep;\ndiscard;\n")
		}},
		{name: "a Sieve script with fewer", file: "/home/u4/.dovecot.sieve", edit: func(h hosting) { h.put("home/u4/.dovecot.sieve", "keep;\n") }},
		{name: "a new file of rules in the home", file: "/home/u5/.procmailrc", edit: func(h hosting) {
			h.put("home/u5/more.rc", ":0\n! a@b.example\n")
			h.append("home/u5/.procmailrc", "INCLUDERC=$HOME/more.rc\n")
		}},
		{name: "a script of the user's own", file: "/home/u5/.procmailrc", setup: func(h hosting) { h.put("home/u5/bin/x", "#!/bin/sh\n. $HOME/.y\n") },
			edit: func(h hosting) { h.append("home/u5/.procmailrc", ":0\n| $HOME/bin/x\n") }, whole: true}, // it brings its interpreter
		{name: "a virtual user", file: "/var/vmail/example.test/v7/.dovecot.sieve", edit: func(h hosting) {
			h.put("var/vmail/example.test/v7/.dovecot.sieve", "redirect \"a@b.example\";\n")
		}},
		{name: "code that Python runs in the home of a service", file: "/home/u3/.forward", setup: func(h hosting) {
			h.append("etc/passwd", "debian-spamd:x:110:110::/var/lib/spamd:/bin/sh\n")
			h.put("usr/bin/python3", "x")
			h.put("var/lib/spamd/.local/lib/python3.11/site-packages/own.pth", "import own\n")
			h.put("etc/sudoers", "debian-spamd ALL=(root) NOPASSWD: /usr/sbin/postconf\n")
		}, edit: func(h hosting) { h.put("home/u3/.forward", "x@b.example\n") }},
		{name: "a new account", file: "/home/u3/.forward", edit: func(h hosting) {
			h.put("home/u3/.forward", "x@b.example\n")
			h.append("etc/passwd", "new:x:1:1::/home/u3/new:/bin/sh\n")
		}, whole: true},
		{name: "a new directory in /home", file: "/home/u3/.forward", edit: func(h hosting) {
			h.put("home/u3/.forward", "x@b.example\n")
			h.put("home/late/.forward", "y@b.example\n")
		}, whole: true},
		{name: "another setting of Dovecot", file: "/home/u3/.dovecot.sieve", edit: func(h hosting) {
			h.put("home/u3/.dovecot.sieve", "keep;\n")
			h.append("etc/dovecot/dovecot.conf", "protocol lmtp {\n mail_plugins =\n}\n")
		}, whole: true},
		{name: "another setting of Postfix", file: "/home/u3/.forward", edit: func(h hosting) {
			h.put("home/u3/.forward", "x@b.example\n")
			h.append("etc/postfix/main.cf", "forward_path = /var/forward/$user\n")
		}, whole: true},
		{name: "a procmailrc for all", file: "/home/u3/.procmailrc", edit: func(h hosting) {
			h.append("home/u3/.procmailrc", ":0\nx/\n")
			h.put("etc/procmailrc", "DROPPRIVS=yes\n:0c\n! a@b.example\n")
		}, whole: true},
		{name: "a procmailrc for all that includes the users' own", file: "/home/u3/.procmailrc", setup: func(h hosting) { h.put("etc/procmailrc", "INCLUDERC=$HOME/.rc\n") },
			edit: func(h hosting) { h.append("home/u3/.procmailrc", ":0\nx/\n") }},
		{name: "another alias", file: "/home/u3/.forward", edit: func(h hosting) {
			h.put("home/u3/.forward", "x@b.example\n")
			h.append("etc/aliases", "u3: y@b.example\n")
		}, whole: true},
		{name: "a list of others in the home", file: "/home/u3/list", setup: func(h hosting) {
			h.append("etc/aliases", "all: :include:/home/u3/list\n")
			h.put("home/u3/list", "a@b.example\n")
		}, edit: func(h hosting) { h.append("home/u3/list", "c@d.example\n") }, whole: true},
		{name: "rules that a neighbour includes", file: "/home/u3/rc", setup: func(h hosting) {
			h.put("home/u3/rc", ":0\nx/\n")
			h.append("home/u4/.procmailrc", "INCLUDERC=/home/u3/rc\n")
		}, edit: func(h hosting) { h.append("home/u3/rc", ":0\n! a@b.example\n") }, whole: true},
		{name: "rules that others include from elsewhere", file: "/home/u3/.procmailrc", setup: func(h hosting) {
			h.put("etc/common.rc", ":0:\n* ^X-Spam-Flag: YES\nspam\n")
			h.append("home/u4/.procmailrc", "INCLUDERC=/etc/common.rc\n")
		}, edit: func(h hosting) { h.append("home/u3/.procmailrc", ":0\n! a@b.example\n") }},
		{name: "an alias is gone", file: "/home/u3/.forward", setup: func(h hosting) { h.append("etc/aliases", "x: u3\n") }, edit: func(h hosting) {
			h.put("home/u3/.forward", "x@b.example\n")
			h.put("etc/aliases", "postmaster: root\n")
		}, whole: true},
		{name: "rules of a neighbour are included", file: "/home/u3/.procmailrc", setup: func(h hosting) { h.put("home/u4/rc", ":0\nx/\n") },
			edit: func(h hosting) { h.append("home/u3/.procmailrc", "INCLUDERC=/home/u4/rc\n") }, whole: true},
		{name: "a program of the mail system in a home", file: "/home/u3/filter", setup: func(h hosting) {
			h.put("home/u3/filter", "x")
			h.append("etc/postfix/main.cf", "mailbox_command = /home/u3/filter\n")
		}, edit: func(h hosting) { h.put("home/u3/filter", "y") }, whole: true},
		{name: "somebody lives below", file: "/home/u3/.forward", setup: func(h hosting) { h.append("etc/passwd", "sub:x:1:1::/home/u3/sub:/bin/sh\n") },
			edit: func(h hosting) { h.put("home/u3/.forward", "x@b.example\n") }, whole: true},
		{name: "a file outside of homes", file: "/etc/aliases", edit: func(h hosting) { h.append("etc/aliases", "x: y\n") }, whole: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHosting(t, 12)
			if tc.setup != nil {
				tc.setup(h)
			}
			w := h.reader.Index(h.reader.Read(h.tree))
			was := waxseal.State{Hooks: slices.Clone(w.State.Hooks), Files: slices.Clone(w.State.Files), Stacks: w.State.Stacks, Settings: w.State.Settings}
			tc.edit(h)
			home, ok := h.reader.ReadHome(h.tree, mailpath.Live{}, w, []waxseal.Path{tc.file})
			all := mailpath.NewReader(mask.New([]byte("k"))).Read(h.tree)
			if ok == tc.whole {
				t.Fatalf("one home was enough: %v", ok)
			}
			if !ok {
				return
			}
			want, got := drift.Compare(was, all), drift.Compare(home.Before, home.After)
			if len(want) == 0 || len(want) != len(got) {
				t.Errorf("%d changes of the home, %d of all", len(got), len(want))
			}
			for i := range min(len(want), len(got)) {
				if got[i].Path != want[i].Path || len(got[i].Hooks.Added) != len(want[i].Hooks.Added) || len(got[i].Hooks.Removed) != len(want[i].Hooks.Removed) || len(got[i].Hooks.Changed) != len(want[i].Hooks.Changed) {
					t.Errorf("%s %+v, want %s %+v", got[i].Path, got[i].Hooks, want[i].Path, want[i].Hooks)
				}
			}
			h.reader.Settle(w, home)
			same(t, w.State, all)
			again := h.reader.Index(all) // as the next home finds it
			if len(again.State.Hooks) != len(w.State.Hooks) {
				t.Errorf("%d hooks, want %d", len(w.State.Hooks), len(again.State.Hooks))
			}
		})
	}
}

func (h hosting) remove(name string) {
	h.t.Helper()
	if err := os.Remove(filepath.Join(h.root, name)); err != nil {
		h.t.Fatal(err)
	}
}

// same wants the same hooks and files, in whatever order the hooks are.
func same(t *testing.T, got, want waxseal.State) {
	t.Helper()
	byID := func(hooks []waxseal.Hook) []waxseal.Hook {
		list := slices.Clone(hooks)
		slices.SortFunc(list, func(a, b waxseal.Hook) int { return cmp.Compare(a.ID, b.ID) })
		return list
	}
	if d := gocmp.Diff(byID(want.Hooks), byID(got.Hooks)); d != "" {
		t.Errorf("hooks: %.4000s", d)
	}
	if d := gocmp.Diff(want.Settings, got.Settings); d != "" {
		t.Errorf("settings: %.4000s", d)
	}
	if d := gocmp.Diff(want.Files, got.Files); d != "" {
		t.Errorf("files: %.4000s", d)
	}
}

// TestManyHomesInTurn: the state stays right through many changes of many homes.
func TestManyHomesInTurn(t *testing.T) {
	h := newHosting(t, 12)
	w := h.reader.Index(h.reader.Read(h.tree))
	for i := range 60 {
		name := fmt.Sprintf("home/u%d/%s", i*7%12, []string{".forward", ".dovecot.sieve", ".procmailrc"}[i%3])
		switch text := []string{"a@b.example\n", "require \"fileinto\";\n" + strings.Repeat("if true { fileinto \"a\"; }\n", i%7), ":0\nx/\n"}[i%3]; {
		case i%10 == 9:
			_ = os.Remove(filepath.Join(h.root, name)) // it may have gone before
		default:
			h.put(name, strings.Repeat(text, 1+i%2))
		}
		home, ok := h.reader.ReadHome(h.tree, mailpath.Live{}, w, []waxseal.Path{"/" + waxseal.Path(name)})
		if !ok {
			t.Fatalf("change %d needs all to be read", i)
		}
		h.reader.Settle(w, home)
	}
	same(t, w.State, h.reader.Read(h.tree))
}

// BenchmarkOneHome measures how long it takes to judge a change in one home of ten
// thousand: less than 20 ms. What is compared and put into the state is in it.
func BenchmarkOneHome(b *testing.B) {
	h := newHosting(b, 10_000)
	w := h.reader.Index(h.reader.Read(h.tree))
	var spent time.Duration
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		name := fmt.Sprintf("home/u%d/.forward", i*7919%10_000)
		h.put(name, fmt.Sprintf("new%d@b.example\n", i))
		b.StartTimer()
		spent += testtime.Spent(func() {
			home, ok := h.reader.ReadHome(h.tree, mailpath.Live{}, w, []waxseal.Path{"/" + waxseal.Path(name)})
			changes := drift.Compare(home.Before, home.After)
			if !ok || len(changes) != 1 {
				b.Fatal("the change was not found")
			}
			detect.NewContext(home.Before, home.After).Judge(&changes[0])
			h.reader.Settle(w, home)
		})
	}
	b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), "cpu-ms/op")
}
