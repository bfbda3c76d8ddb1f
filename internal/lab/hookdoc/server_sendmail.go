package main

import (
	"waxseal"
	"waxseal/internal/snapshot"
)

// sendmailServer is a small mail server with Sendmail. Its tables are plain text, as
// they are before makemap(8) compiles them.
func sendmailServer() map[waxseal.Path]snapshot.Object {
	tree := host(sendmailPackages)
	put(tree, "/etc/mail/sendmail.cf", sendmailCF)
	put(tree, "/etc/mail/submit.cf", submitCF)
	put(tree, "/etc/mail/sendmail.conf", "DAEMON_MODE=\"Daemon\";\nDAEMON_PARMS=\"\";\nQUEUE_INTERVAL=\"10m\";\n")
	put(tree, "/etc/mail/databases", "access_db:hash:-:/etc/mail/access:skip:\n")
	put(tree, "/etc/mail/Makefile", "all: access.db\n%.db: %\n\tmakemap hash $@ < $<\n")
	put(tree, "/etc/mail/access", "Connect:10.0.0\tRELAY\n")
	for _, name := range []waxseal.Path{"mailertable", "virtusertable", "genericstable", "domaintable"} {
		put(tree, "/etc/mail/"+name, "")
	}
	return tree
}

var sendmailPackages = []pkg{
	{"bash", "5.2.37-2", "/bin/sh /bin/bash"},
	{"sendmail-bin", "8.17.1.9-2", "/usr/libexec/sendmail/sendmail /usr/libexec/sendmail/mail.local /usr/libexec/sendmail/smrsh /usr/libexec/sendmail/makemap"},
	{"sendmail-base", "8.17.1.9-2", "/usr/share/sendmail/update_db /usr/sbin/sendmailconfig"},
	{"bsdutils", "1:2.41-5", "/usr/bin/logger"},
	{"hostname", "3.25", "/usr/bin/hostname"},
	{"sensible-mda", "8.17.1.9-2", "/usr/sbin/sensible-mda"},
	{"procmail", "3.24-1", "/usr/bin/procmail"},
	{"libssl3", "3.0.17-1", "/usr/lib/x86_64-linux-gnu/engines-3/padlock.so"},
}

// sendmailCF has the options, tables, mailers and rulesets that mail needs: rules
// call Local_check_rcpt, Local_check_mail and ParseLocal first, as those of m4 do,
// so that an example adds its own there, and take the smart host from $&S, so that a
// line below them counts.
const sendmailCF = `V10/Berkeley
Cwlocalhost example.test
Djmail.example.test
DS
O AliasFile=/etc/aliases
O DaemonPortOptions=Name=MTA, Port=smtp
O DefaultUser=mail:mail
O ForwardPath=$z/.forward
O LogLevel=9
O OperatorChars=.:%@!^/[]+
O QueueDirectory=/var/spool/mqueue
Troot
HReceived: from $s by $j id $i; $b
H?D?Date: $a
H?F?From: $g
H?M?Message-Id: <$t.$i@$j>
Kaccess hash /etc/mail/access
Kmailertable hash /etc/mail/mailertable
Kvirtuser hash /etc/mail/virtusertable
Kgenerics hash /etc/mail/genericstable
Kdomaintable hash /etc/mail/domaintable
Mlocal, P=/usr/sbin/sensible-mda, F=lsDFMAw5:/|@qSPn9, A=sensible-mda $g $u $h
Mprog, P=/bin/sh, F=lsDFMoqeu9, A=sh -c $u
Msmtp, P=[IPC], F=mDFMuX, E=\r\n, A=TCP $h
Mesmtp, P=[IPC], F=mDFMuXa, E=\r\n, A=TCP $h
Scanonify=3
R$* < $+ > $*	$2
R$+ @ $+	$: $1 < @ $2 >
R$* < @ $+ >	$: $1 < @ $(domaintable $2 $: $2 $) >
Ssender=1
R$+ < @ $=w >	$: < $(generics $1 @ $2 $: $) > $1 < @ $2 >
R< > $*	$: $1
R< $+ > $*	$@ $>canonify $1
Sfinal=4
R$* < @ $+ > $*	$1 @ $2 $3
Sparse=0
R$*	$: $>ParseLocal $1
R$+ < @ $=w >	$: < $(virtuser $1 @ $2 $: $) > $1 < @ $2 >
R< > $*	$: $1
R< $+ > $*	$@ $>Again $1
R$+ < @ $=w >	$#local $: $1
R$+ < @ $+ >	$: < $(mailertable $2 $: $&S $) > $1 < @ $2 >
R< > $+ < @ $+ >	$#esmtp $@ $2 $: $1 < @ $2 >
R< $- : $+ > $+ < @ $+ >	$#$1 $@ $2 $: $3 < @ $4 >
R< $+ > $+ < @ $+ >	$#esmtp $@ $1 $: $2 < @ $3 >
R$+	$#local $: $1
SAgain
R$*	$: $>canonify $1
R$*	$@ $>parse $1
SParseLocal
SClient
R$+	$: < $(access Connect:$1 $: ? $) > < $1 >
R< ? > < $+ . $- >	$@ $>Client $1
R< $+ > < $* >	$@ $1
Scheck_relay
R$* $| $+	$: $>Client $2
RREJECT	$#error $@ 5.7.1 $: "550 Access denied"
RDISCARD	$#discard $: discard
RQUARANTINE : $+	$#error $@ quarantine $: $1
SLocal_check_mail
Scheck_mail
R$*	$: $1 $| $>Local_check_mail $1
R$* $| $#$*	$#$2
R$* $| $*	$: $>canonify $1
R$+ < @ $+ >	$: < $(access From:$1@$2 $: ? $) > $1 < @ $2 >
R< ? > $+ < @ $+ >	$: < $(access From:$2 $: OK $) > $1 < @ $2 >
R< REJECT > $*	$#error $@ 5.7.1 $: "550 Access denied"
R< DISCARD > $*	$#discard $: discard
R< QUARANTINE : $+ > $*	$#error $@ quarantine $: $1
SLocal_check_rcpt
Scheck_rcpt
R$*	$: $1 $| $>Local_check_rcpt $1
R$* $| $#$*	$#$2
R$* $| $*	$: $>canonify $1
R$+ < @ $=w >	$: < $(access To:$1@$2 $: OK $) > $1 < @ $2 >
R< DISCARD > $*	$#discard $: discard
R< $+ > $*	$@ OK
R$-	$@ OK
R$*	$: $1 $| $>Client $&{client_addr}
R$* $| RELAY	$@ OK
R$* $| $*	$#error $@ 5.7.1 $: "550 Relaying denied"
`

const submitCF = `V10/Berkeley
Djmail.example.test
D{MTAHost}[127.0.0.1]
O QueueDirectory=/var/spool/mqueue-client
O RunAsUser=smmsp
Mlocal, P=[IPC], F=lmDFMuXk5, A=TCP $h
Mprog, P=[IPC], F=lmDFMuXk5, A=TCP $h
Mesmtp, P=[IPC], F=mDFMuXa, E=\r\n, A=TCP $h
Sparse=0
R$+	$#esmtp $@ $&{MTAHost} $: $1
`
