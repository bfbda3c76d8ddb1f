package mimedefang

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/lab"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

// asked starts MIMEDefang by its own init script, with programs in place of it that say by
// getopt(1), with the options that the real ones know, what they are given.
const asked = `
say() {
	cat >"$1" <<END
#!/bin/sh
F= f= U= s= N= m= p=
eval set -- "\$(getopt -q -o "$2" -- "\$@")"
while [ "\$1" != -- ]; do
	case \$1 in -F) F=\$2;; -f) f=\$2;; -U) U=\$2;; -s) s=\$2;; -N) N=\$2;; -m) m=\$2;; -p) p=\$2;; esac
	shift
done
echo "$3" >>/tmp/said
END
	chmod 755 "$1"
}
say /usr/bin/mimedefang-multiplexor "GAa:Tt:um:x:y:r:i:b:c:s:hdlf:p:o:w:F:W:U:S:q:Q:L:R:M:I:DEO:X:Y:N:vZP:z:V:" '$F|$f|$U|$s|$N'
say /usr/bin/mimedefang "GNCDHL:MP:o:R:S:TU:Xa:b:cdhkm:p:qrstvx:z:y" '$m|$p'
for i in $(seq 0 $(($1 - 1))); do
	cp /cases/$i /etc/default/mimedefang; : >/tmp/said
	sh /etc/init.d/mimedefang start >/dev/null 2>&1
	echo "case $(tr '\n' '|' </tmp/said)"
done`

// TestParity asks the init script of Debian's package what it gives to the two programs,
// whatever is in the variables of the start.
func TestParity(t *testing.T) {
	cases, seed := lab.Cases(t, 60), lab.Seed(t)
	t.Logf("WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has", seed)
	root := lab.Root(t, lab.Filters)
	g := rand.New(rand.NewPCG(seed, 60))
	texts := make([]string, cases)
	if err := os.Mkdir(filepath.Join(root, "cases"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		texts[i] = someVariables(g)
		if err := os.WriteFile(filepath.Join(root, "cases", fmt.Sprint(i)), []byte(texts[i]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := lab.Output(t.Context(), root, asked, fmt.Sprint(cases))
	if err != nil {
		t.Fatal(err)
	}
	theirs := strings.Split(out, "case ")[1:]
	if len(theirs) != cases {
		t.Fatalf("%d answers to %d cases", len(theirs), cases)
	}
	for i, want := range theirs {
		if got, want := given(texts[i]), strings.TrimSpace(want); got != want {
			t.Errorf("%s\nthe init script gives %s\nthis package says %s", texts[i], want, got)
		}
	}
}

// given is what this package says in that form.
func given(text string) string {
	tree := snapshot.New(map[waxseal.Path]snapshot.Object{"/etc/default/mimedefang": {File: waxseal.File{Type: waxseal.Regular}, Content: []byte(text)}})
	r := &reader{Book: mta.NewBook(MTA, tree, mask.New([]byte("0123456789abcdef0123456789abcdef")))}
	variables := map[string]option{}
	r.defaults("/etc/default/mimedefang", variables)
	m, f := options(argv(toMultiplexor, variables), multiplexorTakes), options(argv(toMilter, variables), milterTakes)
	return strings.Join([]string{m['F'].value, m['f'].value, m['U'].value, m['s'].value, m['N'].value, f['m'].value, f['p'].value, ""}, "|")
}

func someVariables(g *rand.Rand) string {
	one := func(list ...string) string { return list[g.IntN(len(list))] }
	var b strings.Builder
	for range 1 + g.IntN(7) {
		switch g.IntN(8) {
		case 0:
			b.WriteString("SOCKET=" + one("inet:8899@localhost", "$SPOOLDIR/x.sock", "${SPOOLDIR}/y.sock", "'/run/a b'", "", "\"unix:/run/x\""))
		case 1:
			b.WriteString("MX_USER=" + one("root", "mail", "", "\"mail -F /tmp/f\""))
		case 2:
			b.WriteString("SUBFILTER=" + one("/etc/f", "\"/etc/f -U root\"", "", "'/etc/f  '"))
		case 3:
			b.WriteString("FILTER=" + one("/usr/local/bin/f", "\"-x\"", ""))
		case 4:
			b.WriteString(one("MX_BUSY", "MX_IDLE", "MX_REQUESTS", "SYSLOG_FACILITY", "MX_NOTIFIER", "MX_QUEUE_SIZE", "MX_MAX_AS") + "=" + one("5", "\"5 -F /tmp/evil\"", "'5 -lf /tmp/evil.pl'", "'mail -Uroot'", "'5 -- -F x'"))
		case 5:
			b.WriteString("MD_EXTRA=" + one("\"-a auth_author\"", "'-m /tmp/other.sock'", "'-k -p inet:1@x'", "'-kG -Uroot'", "\"-x 'a b'\""))
		case 6:
			b.WriteString(one("SPOOLDIR", "MX_MAP_SOCKET", "MX_SOCKET") + "=" + one("/srv/spool", "/run/other", "", "'/run/m -U root'"))
		case 7:
			b.WriteString(one("MX_EMBED_PERL=yes", "MX_LOG=yes", "X_SCANNED_BY=-", "X_SCANNED_BY='a -p b'", "LOOPBACK_RESERVED_CONNECTIONS=3", "LOOPBACK_RESERVED_CONNECTIONS='3 -m /tmp/z'", "MD_SKIP_BAD_RCPTS=yes"))
		}
		b.WriteString("\n")
	}
	return b.String()
}
