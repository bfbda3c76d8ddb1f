package agent_test

import (
	"crypto/md5"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/lab"
)

const deliver1 = "#!/bin/sh\nexec /usr/bin/tee -a /var/mail/\"$USER\"\n"

// shipping are a lab, its repository and an agent that watches it.
func shipping(t *testing.T, prepare func(*repository)) (*repository, *watch) {
	t.Helper()
	l := lab.FreshOf(t, lab.Parcels)
	r := newRepository(t, l)
	prepare(r)
	h := host{t: t, root: l.Root, state: filepath.Join(l.Dir, "state")}
	h.must("seal")
	return r, h.watch()
}

// alice runs a command as root, in a session of her own.
func (r *repository) alice(command string) {
	r.t.Helper()
	if out, err := r.lab.SSH(r.t.Context(), "alice", "", "sudo "+command); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
}

// all waits until nothing has been told for a while, and returns what was.
func (w *watch) all() (list []told) {
	for {
		select {
		case f := <-w.told:
			list = append(list, f)
		case <-time.After(3 * time.Second):
			return list
		}
	}
}

// latest is how each finding stands in the end.
func latest(list []told) map[waxseal.FindingID]told {
	m := map[waxseal.FindingID]told{}
	for _, f := range list {
		m[f.ID] = f
	}
	return m
}

func quiet(t *testing.T, list []told) {
	t.Helper()
	for _, f := range list {
		if f.Severity >= waxseal.High {
			t.Errorf("%s %s: %q, %s: %s", f.Severity, f.Title, f.Reasons, f.Rung, f.Expected)
		}
	}
}

// rung checks how a finding was explained.
func (w *watch) rung(f told, want waxseal.Rung, most waxseal.Severity) {
	w.t.Helper()
	if f.Rung != want || f.Severity > most {
		w.t.Errorf("%s, %s: %s\nthe agent warned: %s", f.Severity, f.Rung, f.Expected, w.errs.String())
	}
}

// packaged finds what was told of a package.
func packaged(t *testing.T, list []told, name string) told {
	t.Helper()
	for _, f := range latest(list) {
		if f.Change != nil && len(f.Change.Packages) > 0 && f.Change.Packages[0].After.Name == name {
			return f
		}
	}
	t.Fatalf("nothing was told of the package %s", name)
	return told{}
}

func withTool(r *repository) {
	r.publish(r.build("mailtool", "1.0", map[string]string{"/usr/lib/mailtool/deliver": deliver1}, nil))
	r.run("apt-get -q -y install mailtool && postconf -e mailbox_command=/usr/lib/mailtool/deliver && postfix reload")
}

const newer = "#!/bin/sh\n# writes once\nexec /usr/bin/tee -a /var/mail/\"$USER\" >/dev/null\n"

// TestUpgradeOfSmallPackage: the same upgrade three times: an ordinary one, one whose
// maintainer script slips in a pipe transport, and one that nobody signed for.
func TestUpgradeOfSmallPackage(t *testing.T) {
	r, w := shipping(t, withTool)
	t.Run("ordinary", func(t *testing.T) {
		r.t, w.t = t, t
		r.publish(r.build("mailtool", "1.1", map[string]string{"/usr/lib/mailtool/deliver": newer}, nil))
		r.alice("apt-get -q -y install mailtool")
		list := w.all()
		quiet(t, list)
		f := packaged(t, list, "mailtool")
		w.rung(f, waxseal.RungPackageVerified, waxseal.Info)
		for _, want := range []string{"mailtool 1.0 to 1.1", "proven: dpkg, child of apt-get, for the login alice", "by the signed archive", "Example"} {
			if !strings.Contains(f.Expected, want) {
				t.Errorf("%q does not say %q", f.Expected, want)
			}
		}
	})
	t.Run("services restart, as needrestart has them", func(t *testing.T) {
		r.t, w.t = t, t
		master := func() string { return strings.TrimSpace(r.run("cat /var/spool/postfix/pid/master.pid")) }
		before := master()
		r.alice("/etc/init.d/postfix restart")
		if after := master(); after == "" || after == before {
			t.Errorf("Postfix was not restarted: master is %q, and was %q", after, before)
		}
		if _, err := r.lab.Mail(t.Context(), "carol@client.example.net", "bob@mail.example.test", "hello"); err != nil {
			t.Error(err)
		}
		quiet(t, w.all())
	})
	t.Run("slipped in by the maintainer script", func(t *testing.T) {
		r.t, w.t = t, t
		r.publish(r.build("mailtool", "1.2", map[string]string{"/usr/lib/mailtool/deliver": newer + "# again\n"}, map[string]string{
			"postinst": "printf 'archive unix - n n - - pipe\\n  flags=R user=nobody argv=/var/tmp/.x/run ${recipient}\\n' >>/etc/postfix/master.cf\npostconf -e default_transport=archive\n"}))
		r.alice("apt-get -q -y install mailtool")
		list := w.all()
		w.rung(packaged(t, list, "mailtool"), waxseal.RungPackageVerified, waxseal.Info)
		slipped := 0
		for _, f := range latest(list) {
			if f.Severity >= waxseal.High {
				slipped++
				if f.Rung != waxseal.RungNone || !strings.Contains(strings.Join(f.Reasons, "\n"), "mailtool 1.1 to 1.2") || !strings.HasPrefix(string(f.Change.Path), "/etc/postfix/") {
					t.Errorf("%s %s: %q, %s: %s", f.Severity, f.Title, f.Reasons, f.Rung, f.Expected)
				}
			}
		}
		if slipped == 0 {
			t.Errorf("what was slipped in is not told: %d findings", len(list))
		}
	})
	t.Run("nobody signed", func(t *testing.T) {
		r.t, w.t = t, t
		archive := r.build("mailtool", "1.3", map[string]string{"/usr/lib/mailtool/deliver": newer + "# and again\n"}, nil)
		r.alice("dpkg -i " + archive)
		list := w.all()
		f := packaged(t, list, "mailtool")
		w.rung(f, waxseal.RungWindow, waxseal.Medium)
		if f.Rung == waxseal.RungWindow && !strings.Contains(f.Expected, "local database alone") {
			t.Errorf("%s", f.Expected)
		}
	})
	t.Run("calls itself dpkg", func(t *testing.T) {
		r.t, w.t = t, t
		r.run("cp /usr/bin/tee /usr/local/bin/dpkg")
		r.alice("sh -c 'echo \"#!/bin/sh\nexec /usr/bin/tee -a /tmp/copy\" | /usr/local/bin/dpkg /usr/lib/mailtool/deliver'")
		found := false
		for _, f := range latest(w.all()) {
			if f.Change != nil && f.Change.Path == "/usr/lib/mailtool/deliver" {
				found = true
				if f.Severity < waxseal.High || f.Rung != waxseal.RungNone || !strings.Contains(f.Expected, "calls itself") {
					t.Errorf("%s, %s: %s\n%+v", f.Severity, f.Rung, f.Expected, f.Actor.Process)
				}
			}
		}
		if !found {
			t.Error("nothing was told")
		}
	})
	w.t = t
	w.stop()
	w.must("ledger", "verify")
}

// TestReinstallOfPostfix: a real package of Debian's is installed once more, signed for
// by Debian. Nothing is other afterwards, and nothing is told.
func TestReinstallOfPostfix(t *testing.T) {
	l := lab.FreshOf(t, lab.Parcels)
	h := host{t: t, root: l.Root, state: filepath.Join(l.Dir, "state")}
	h.must("seal")
	w := h.watch()
	if out, err := l.SSH(t.Context(), "alice", "", "sudo DEBIAN_FRONTEND=noninteractive apt-get -y install --reinstall postfix"); err != nil || !strings.Contains(out, "1 reinstalled") {
		t.Fatalf("%v: %s", err, out)
	}
	quiet(t, w.all())
}

// TestUpgradeOfPostfix: a whole Postfix with another version, other programs, another
// conffile and services that restart.
func TestUpgradeOfPostfix(t *testing.T) {
	r, w := shipping(t, func(r *repository) {
		r.run("dpkg --purge postfix-cdb postfix-lmdb postfix-pcre postfix-sqlite && mkdir -p /srv/build && dpkg-deb -R /var/cache/apt/archives/postfix_*.deb /srv/build/postfix")
		r.run(`cd /srv/build/postfix && sed -i 's/^Version: .*/&+site1/' DEBIAN/control && for f in usr/lib/postfix/sbin/smtpd usr/lib/postfix/sbin/cleanup usr/sbin/postconf; do printf x >>$f; done &&
			echo '# newer' >>etc/postfix/postfix-script && md5sum $(find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P ') >DEBIAN/md5sums`)
		r.publish(r.pack("/srv/build/postfix"))
	})
	r.alice("env DEBIAN_FRONTEND=noninteractive apt-get -q -y install postfix")
	list := w.all()
	quiet(t, list)
	for _, f := range latest(list) {
		t.Logf("%s %s: %s: %s", f.Severity, f.Title, f.Rung, f.Expected)
	}
	w.rung(packaged(t, list, "postfix"), waxseal.RungPackageVerified, waxseal.Info)
}

// TestPackageRecordsEdited: who edits the digests that files are held against, and nothing
// else, is told at once and named.
func TestPackageRecordsEdited(t *testing.T) {
	needRoot(t)
	sum := func(text string) string {
		return fmt.Sprintf("%x  usr/lib/mailtool/deliver\n", md5.Sum([]byte(text)))
	}
	const sums = "/var/lib/dpkg/info/mailtool.md5sums"
	h := postfixTree(t, map[string]string{
		"/etc/postfix/main.cf":             "myhostname = mail.example.test\nmailbox_command = /usr/lib/mailtool/deliver\n",
		"/usr/lib/mailtool/deliver":        deliver1,
		"/var/lib/dpkg/status":             "Package: mailtool\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\n",
		"/var/lib/dpkg/info/mailtool.list": "/.\n/usr\n/usr/lib\n/usr/lib/mailtool\n/usr/lib/mailtool/deliver\n",
		sums:                               sum(deliver1),
	})
	h.must("seal")
	w := h.watch()
	defer w.stop()
	h.write(sums, sum("#!/bin/sh\n"))
	f := w.find("the package", func(f told) bool { return f.Change != nil && len(f.Change.Packages) > 0 })
	if f.Severity != waxseal.Critical || f.Unobserved != nil || f.Rung != waxseal.RungNone {
		t.Errorf("%s, unobserved %+v, %s: %s", f.Severity, f.Unobserved, f.Rung, f.Expected)
	}
	if f.Actor == nil || f.Actor.Process.PID != os.Getpid() {
		t.Errorf("by %+v", f.Actor)
	}
}
