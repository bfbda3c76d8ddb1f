package postfix

import (
	"strings"
	"testing"
)

// wholeMaster is a master.cf that lacks nothing.
const wholeMaster = `smtp inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
scan unix - n n - 10 pipe flags=Rq user=nobody argv=/opt/scan
`

// TestReach: what mail can't reach is listed as such, with the reason, and what
// something else leads to is not.
func TestReach(t *testing.T) {
	without := func(service string) string {
		var kept []string
		for line := range strings.Lines(wholeMaster) {
			if !strings.HasPrefix(line, service+" ") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "")
	}
	const milter, alias = "smtpd_milters = inet:127.0.0.1:1\n", "alias_maps = inline:{a=b}\n"
	for _, tc := range []struct{ name, main, master, hook, want string }{
		{"a milter", milter, wholeMaster, "main.cf:smtpd_milters:1", ""},
		{"no smtpd", milter, without("smtp inet"), "main.cf:smtpd_milters:1", "no service in master.cf runs smtpd"},
		{"smtpd switched off", milter + "master_service_disable = inet\n", wholeMaster, "main.cf:smtpd_milters:1", "no service in master.cf runs smtpd"},
		{"every smtpd overrides it", milter, without("smtp inet") + "25 inet n - n - - smtpd -o smtpd_milters=\n587 inet n - n - - smtpd -o smtpd_milters=inet:127.0.0.1:2\n",
			"main.cf:smtpd_milters:1", "every smtpd in master.cf has an -o smtpd_milters of its own"},
		{"one smtpd does not", milter, wholeMaster + "587 inet n - n - - smtpd -o smtpd_milters=\n", "main.cf:smtpd_milters:1", ""},
		{"a part of a master.cf", milter, "smtp inet n - n - - smtpd -o smtpd_milters=\n", "main.cf:smtpd_milters:1", ""},
		{"no master.cf", alias, "", "main.cf:alias_maps:a", ""},
		{"a table that a port reads", "smtpd_milter_maps = inline:{1.2.3.4=inet:h:1}\n", without("smtp inet") + "25 inet n - n - - smtpd -o smtpd_milter_maps=\n587 inet n - n - - smtpd -o { smtpd_milter_maps = inline:{1.2.3.4=inet:h:1} }\n",
			"main.cf:smtpd_milter_maps:1.2.3.4", "every smtpd"},

		{"an alias", alias, wholeMaster, "main.cf:alias_maps:a", ""},
		{"aliases by proxy", "alias_maps = proxy:texthash:/a\n", wholeMaster, "main.cf:alias_maps:1", "local(8) and virtual(8) refuse"},
		{"aliases by TCP", "alias_maps = tcp:h:1\n", wholeMaster, "main.cf:alias_maps:1", "local(8) and virtual(8) refuse"},
		{"virtual aliases by TCP", "virtual_alias_maps = tcp:h:1\n", wholeMaster, "main.cf:virtual_alias_maps:1", ""},
		{"an alias from the address", "alias_maps = regexp:{{/^(.*)$/ |/opt/$1}}\n", wholeMaster, "main.cf:alias_maps:/^(.*)$/", "the table may take no text"},
		{"no local", alias, without("local"), "main.cf:alias_maps:a", "no service in master.cf runs local"},
		{"a null client", alias + "mydestination =\n", wholeMaster, "main.cf:alias_maps:a", "mydestination is empty"},
		{"local mail is refused", alias + "local_transport = error:no local mail\n", wholeMaster, "main.cf:alias_maps:a", "local_transport hands mail"},
		{"local mail goes to LMTP", alias + "local_transport = lmtp:unix:private/dovecot\n", wholeMaster, "main.cf:alias_maps:a", "local_transport hands mail"},
		{"local under another name", alias + "local_transport = mine\n", without("local") + "mine unix - n n - - local\n", "main.cf:alias_maps:a", ""},
		{"a transport leads to local", alias + "mydestination =\ntransport_maps = inline:{x.example=local:}\n", wholeMaster, "main.cf:alias_maps:a", ""},
		{"the mailbox is elsewhere", "mailbox_command = /opt/x\nmailbox_transport = lmtp:unix:private/d\n", wholeMaster, "main.cf:mailbox_command:1", "mailbox_transport takes the mail first"},
		{"an alias goes before the mailbox", alias + "mailbox_transport = lmtp:unix:private/d\n", wholeMaster, "main.cf:alias_maps:a", ""},

		{"a transport without domains", "virtual_transport = scan:\n", wholeMaster, "main.cf:virtual_transport:1", "virtual_mailbox_domains is empty"},
		{"what it leads to", "virtual_transport = scan:\n", wholeMaster, "master.cf:scan/unix:pipe", "-"},
		{"a pipe that a filter names", "content_filter = scan:\n", wholeMaster, "master.cf:scan/unix:pipe", ""},
		{"a pipe that only a filter without a reader names", "", wholeMaster + "x unix - - n - - smtp -o content_filter=scan:\n", "master.cf:scan/unix:pipe", "-"},
		{"a service behind a socket", "smtpd_milters = unix:private/m\n", wholeMaster + "m unix - n n - 0 spawn user=m argv=/opt/m\n", "master.cf:m/unix:spawn", ""},
		{"a service behind a socketmap", "virtual_alias_maps = socketmap:unix:private/m:x\n", wholeMaster + "m unix - n n - 0 spawn user=m argv=/opt/m\n", "master.cf:m/unix:spawn", ""},
		{"a service that nothing names", "", wholeMaster + "m unix - n n - 0 spawn user=m argv=/opt/m\n", "master.cf:m/unix:spawn", "-"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"/etc/postfix/main.cf": own + tc.main, "/etc/postfix/master.cf": tc.master}
			if tc.master == "" {
				delete(files, "/etc/postfix/master.cf")
			}
			h := find(t, read(tree(files)), "/etc/postfix/"+tc.hook)
			if h.Active != (tc.want == "") || tc.want != "-" && !strings.HasPrefix(h.Modifiers["inactive"], tc.want) {
				t.Errorf("active %v, %q, want %q", h.Active, h.Modifiers["inactive"], tc.want)
			}
		})
	}
}
