package exim

import (
	"fmt"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

// cpanel writes a configuration as cPanel generates them: macros, long ACLs,
// routers and transports by the hundred, and tables for each domain.
func cpanel(lines int) map[waxseal.Path]snapshot.Object {
	var b strings.Builder
	b.WriteString("primary_hostname = host.example.test\ndomainlist local_domains = lsearch;/etc/localdomains\nhostlist relay_hosts = net-iplsearch;/etc/relayhosts\nacl_smtp_rcpt = acl_0\n")
	for i := range 60 {
		fmt.Fprintf(&b, "SETTING_%02d_X = value %d\n.ifdef SETTING_%02d_X\n# on\n.endif\n", i, i, i)
	}
	b.WriteString("begin acl\n")
	n := 500
	for i := 0; n < lines/2; i++ {
		fmt.Fprintf(&b, "acl_%d:\n", i)
		for j := range 20 {
			fmt.Fprintf(&b, "  warn\n    condition = ${if eq{${lookup{$domain}lsearch{/etc/userdomains}{$value}}}{user%d}{yes}{no}}\n    set acl_m_%d = SETTING_%02d_X \\\n      and more\n  # a comment\n", j, j, (i+j)%60)
			n += 5
		}
		fmt.Fprintf(&b, "  accept acl = acl_%d\n", i+1)
	}
	fmt.Fprintf(&b, "acl_%d:\n  accept\nbegin routers\n", 1_000_000)
	for i := 0; n < lines*3/4; i++ {
		fmt.Fprintf(&b, "router_%d:\n  driver = redirect\n  domains = d%d.example : +local_domains\n  data = ${lookup{$local_part@$domain_data}lsearch{/etc/valiases/$domain_data}}\n  pipe_transport = transport_%d\n  unseen\n  condition = ${if match{$h_subject:}{x%d}}\n", i, i, i, i)
		n += 7
	}
	b.WriteString("begin transports\n")
	for i := 0; n < lines; i++ {
		fmt.Fprintf(&b, "transport_%d:\n  driver = smtp\n  hosts = h%d.example\n  headers_add = \"${perl{f}{SETTING_%02d_X}}\"\n  interface = ${if exists {/etc/mailips}{${lookup{$sender_address_domain}lsearch*{/etc/mailips}{$value}{}}}{}}\n", i, i, i%60)
		n += 5
	}
	files := map[waxseal.Path]snapshot.Object{"/etc/exim.conf": text(b.String()), "/etc/localdomains": text(numbered("d%d.example\n", 500)), "/etc/userdomains": text(numbered("d%d.example: user%[1]d\n", 500))}
	for i := range 200 {
		files[waxseal.Path(fmt.Sprintf("/etc/valiases/d%d.example", i))] = text(fmt.Sprintf("info@d%d.example: user%d\n*: :fail: none\n", i, i))
	}
	return files
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func text(s string) snapshot.Object { return snapshot.Object{Content: []byte(s)} }

func BenchmarkCPanel(b *testing.B) {
	tree := snapshot.New(cpanel(30_000))
	b.ReportAllocs()
	for b.Loop() {
		r := Read(tree, mask.New([]byte("k")), mta.Options{})
		if len(r.Hooks) < 100 {
			b.Fatal(len(r.Hooks))
		}
	}
}

func BenchmarkDebian(b *testing.B) {
	tree := snapshot.New(debianTree(b))
	for b.Loop() {
		Read(tree, mask.New([]byte("k")), mta.Options{})
	}
}
