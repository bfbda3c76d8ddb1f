package mc_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal/internal/lab"
	"waxseal/internal/mta/sendmail/mc"
)

const parityHelp = "WAXSEAL_PARITY_SEED=%d repeats this run; WAXSEAL_PARITY_CASES sets how many cases it has"

// sources writes sources of configurations.
type sources struct{ *rand.Rand }

func (g sources) pick(list ...string) string { return list[g.IntN(len(list))] }

// features are what a source may ask for before its mailers.
var features = []string{
	"FEATURE(`mailertable')", "FEATURE(`mailertable', `hash -o /etc/mail/mt')", "FEATURE(`virtusertable')", "FEATURE(`virtusertable', `btree -o /x')", "FEATURE(`genericstable')",
	"FEATURE(`domaintable')", "FEATURE(`smrsh')", "FEATURE(`smrsh', `/usr/sbin/smrsh')", "FEATURE(`local_procmail')", "FEATURE(`local_procmail', `/usr/bin/procmail', `procmail -t -Y -a $h -d $u')",
	"FEATURE(`bcc', `', `arch', `spy@evil.example.net')", "FEATURE(`bcc', `', `relay:[203.0.113.9]')", "FEATURE(`blacklist_recipients')", "FEATURE(`masquerade_envelope')", "FEATURE(`masquerade_entire_domain')",
	"FEATURE(`relay_entire_domain')", "FEATURE(`promiscuous_relay')", "FEATURE(`nocanonify')", "FEATURE(`redirect')", "FEATURE(`use_ct_file')", "FEATURE(`authinfo')", "FEATURE(`dnsbl', `bl.example')",
	"FEATURE(`enhdnsbl', `bl.example', `', `t')", "FEATURE(`accept_unresolvable_domains')", "FEATURE(`relay_hosts_only')", "FEATURE(`always_add_domain')", "FEATURE(`allmasquerade')", "FEATURE(`lookupdotdomain')",
	"FEATURE(`preserve_local_plus_detail')", "FEATURE(`generics_entire_domain')", "FEATURE(`virtuser_entire_domain')", "FEATURE(`stickyhost')", "FEATURE(`queuegroup')", "FEATURE(`compat_check')",
	"FEATURE(`ldap_routing')", "LDAPROUTE_DOMAIN(`example.test')", "FEATURE(`limited_masquerade')", "FEATURE(`require_rdns')", "FEATURE(`block_bad_helo')", "FEATURE(`nouucp', `reject')", "FEATURE(`use_client_ptr')",
	"FEATURE(`local_lmtp')", "FEATURE(`notsticky')", "FEATURE(`bestmx_is_local')", "FEATURE(`loose_relay_check')", "FEATURE(`relay_mail_from')", "FEATURE(`badmx')", "FEATURE(`check_other')", "FEATURE(`rhsbl', `x.example')",
	"define(`SMART_HOST', `smart.example.net')", "define(`SMART_HOST', `esmtp:[203.0.113.4]')", "define(`MAIL_HUB', `hub.example.test')", "define(`LUSER_RELAY', `local:catch')", "define(`LOCAL_RELAY', `lr.example.test')",
	"define(`confCOPY_ERRORS_TO', `a@b.example')", "define(`confDOUBLE_BOUNCE_ADDRESS', `x@y.example')", "define(`confLOG_LEVEL', `3')", "define(`confFORWARD_PATH', `/var/f/$u')", "define(`ALIAS_FILE', `/etc/aliases,/etc/more')",
	"define(`confTRUSTED_USERS', `www-data list')", "define(`LOCAL_MAILER_PATH', `/usr/local/lib/mda')", "define(`LOCAL_MAILER_ARGS', `mda $u')", "define(`LOCAL_SHELL_PATH', `/opt/sh')", "define(`confPROCESS_TITLE_PREFIX', `x')",
	"define(`confDONT_BLAME_SENDMAIL', `GroupWritableForwardFile')", "define(`confQUEUE_LA', `12')", "define(`confTO_IDENT', `0')", "define(`confUSERDB_SPEC', `/etc/mail/userdb.db')", "define(`confDOMAIN_NAME', `mail.example.test')",
	"define(`confFALLBACK_SMARTHOST', `fb.example.net')", "define(`confINPUT_MAIL_FILTERS', `a, b')", "define(`confMILTER_LOG_LEVEL', `9')", "define(`confRUN_AS_USER', `smmta')", "define(`confMAX_MESSAGE_SIZE', `1000000')",
	"INPUT_MAIL_FILTER(`opendkim', `S=inet:8891@localhost')", "INPUT_MAIL_FILTER(`evil', `S=unix:/run/.m.sock, F=T, T=S:5s;R:5s')", "MAIL_FILTER(`spare', `S=local:/run/s')", "MASQUERADE_AS(`example.test')", "MASQUERADE_DOMAIN(`a.example')",
	"EXPOSED_USER(`root')", "LOCAL_DOMAIN(`b.example')", "RELAY_DOMAIN(`c.example')", "VIRTUSER_DOMAIN(`d.example')", "VIRTUSER_DOMAIN_FILE(`/etc/mail/vd')", "GENERICS_DOMAIN(`e.example')", "DAEMON_OPTIONS(`Port=587, Name=MSA, M=E, InputMailFilters=x')",
	"CLIENT_OPTIONS(`Family=inet, Address=0.0.0.0')", "TRUST_AUTH_MECH(`PLAIN LOGIN')", "define(`confAUTH_MECHANISMS', `PLAIN')", "MODIFY_MAILER_FLAGS(`LOCAL', `-S')", "MODIFY_MAILER_FLAGS(`SMTP', `+z')", "QUEUE_GROUP(`x', `P=/var/spool/mqueue/x, F=f')",
	"LOCAL_CONFIG\nKprog program /usr/local/lib/map -x\nE LD_PRELOAD=/x.so\nD{Mine}value # comment", "dnl FEATURE(`nothing')", "LOCAL_USER(`postmaster')", "CANONIFY_DOMAIN(`f.example')", "define(`confCW_FILE', `-o /etc/mail/cw')", "HACK(`cssubdomain')",
	"include(`/etc/mail/m4/dialup.m4')", "sinclude(`/nowhere.m4')", "define(`myword', `ifdef(`SMART_HOST', `yes', `no')')", "MASQUERADE_EXCEPTION(`x.example')",
}

// tails are what may follow the mailers.
var tails = []string{
	"MAILER(`procmail')", "MAILER(`uucp')", "MAILER(`cyrusv2')", "MAILER(`fax')", "MAILER(`usenet')", "LOCAL_RULESETS\nSLocal_check_rcpt\nR$*\t\t$: $1\n", "LOCAL_RULE_0\nR$* < @ evil.example . > $*\t$#esmtp $@ [203.0.113.4] $: $1\n",
	"LOCAL_NET_CONFIG\nR$* < @ $* > $*\t$#relay $@ x.example $: $1 < @ $2 > $3\n", "LOCAL_RULE_1\nR$*\t$: $1\n", "LOCAL_RULE_3\nR$*\t$1\n", "MAILER_DEFINITIONS\nMown, P=/usr/local/bin/own, F=lsD, A=own $u\n",
	"LOCAL_CONFIG\nHSubject: $>CheckSubject\nLOCAL_RULESETS\nSCheckSubject\nR$* secret $*\t$#discard $: discard\n", "LOCAL_SRV_FEATURES\nR$*\t$# s\n", "LOCAL_TLS_CLIENT\nR$*\t$: $1\n",
}

func (g sources) source() string {
	var b strings.Builder
	b.WriteString("divert(-1)dnl\n# a comment with `quotes'\ndivert(0)dnl\n" + g.pick("define(`_USE_ETC_MAIL_')dnl\n", "") + "include(`/usr/share/sendmail/cf/m4/cf.m4')dnl\nVERSIONID(`$Id: x')\nOSTYPE(`" + g.pick("debian", "debian", "linux", "solaris8") + "')dnl\n")
	b.WriteString(g.pick("DOMAIN(`debian-mta')dnl\n", "", "DOMAIN(`generic')dnl\n") + g.pick("undefine(`confHOST_STATUS_DIRECTORY')dnl\n", "") + g.pick("FEATURE(`no_default_msa')dnl\n", ""))
	b.WriteString(g.pick("FEATURE(`access_db', , `skip')dnl\nFEATURE(`delay_checks', `friend', `n')dnl\n", "FEATURE(`access_db')dnl\n", ""))
	for _, n := range g.Perm(len(features))[:g.IntN(12)] {
		b.WriteString(features[n] + g.pick("dnl\n", "dnl some words\n", "\n"))
	}
	if g.IntN(12) == 0 {
		return b.String() + g.pick("FEATURE(`msp', `[127.0.0.1]', `25')dnl\n", "FEATURE(`msp')\n", "FEATURE(`nullclient', `hub.example.test')dnl\n")
	}
	b.WriteString("MAILER(`local')dnl\nMAILER(`smtp')dnl\n")
	for _, n := range g.Perm(len(tails))[:g.IntN(4)] {
		b.WriteString(tails[n] + g.pick("dnl\n", "\n"))
	}
	return b.String()
}

// TestM4Parity: what a real m4 makes of generated sources with the library of a
// real Sendmail, this package makes of them.
func TestM4Parity(t *testing.T) {
	cases, seed := lab.Cases(t, 1000), lab.Seed(t)
	t.Logf(parityHelp, seed)
	root := lab.Root(t, lab.Sendmail)
	g := sources{rand.New(rand.NewPCG(seed, 3))}
	dir := filepath.Join(root, "cases")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, name := range []string{"sendmail.mc", "submit.mc"} {
		text, err := os.ReadFile(filepath.Join(root, "etc/mail", name))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(text))
	}
	for range cases {
		list = append(list, g.source())
	}
	for i, text := range list {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.mc", i)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// The command that writes who built the file takes longer than all the rest.
	if out, err := lab.Output(t.Context(), root, `cd /cases && echo > /usr/share/sendmail/cf/sh/makeinfo.sh && for f in *.mc; do m4 $f > ${f%.mc}.cf 2> ${f%.mc}.err || true; done`); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	wrong := 0
	for i, text := range list {
		want, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%d.cf", i)))
		if err != nil {
			t.Fatal(err)
		}
		r := mc.Expand(fmt.Sprintf("%d.mc", i), text, func(name string) (string, bool) {
			if !filepath.IsAbs(name) {
				name = "/cases/" + name
			}
			content, err := os.ReadFile(filepath.Join(root, name))
			return string(content), err == nil
		})
		ours := r.Text
		if ours == string(want) {
			continue
		}
		if wrong++; wrong > 4 {
			t.Fatal("more differences")
		}
		t.Errorf("case %d: %s\n%v\n%s", i, difference(ours, string(want)), r.Problems, text)
	}
	t.Logf("%d sources compared", len(list))
}

func difference(ours, theirs string) string {
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d: ours %q, theirs %q (%q)", i+1, a[i], b[i], strings.Join(b[max(0, i-2):i], "|"))
		}
	}
	return fmt.Sprintf("ours %d lines, theirs %d", len(a), len(b))
}
