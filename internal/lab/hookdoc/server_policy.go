package main

import (
	"strings"

	"waxseal"
	"waxseal/internal/filter/lists"
	"waxseal/internal/filter/mailman"
	"waxseal/internal/filter/policy"
	"waxseal/internal/snapshot"
)

// policyServers are small mail servers whose Postfix asks one policy service each,
// and one with lists.
func policyServers() []server {
	return []server{
		{policy.Postfwd, "postfwd", "/etc/postfix/postfwd.cf", "Examples add rules to postfwd.cf unless they say otherwise; of its rules the first that matches, and says what to do, counts.",
			asks("check_policy_service inet:127.0.0.1:10040", map[waxseal.Path]string{"/etc/postfix/postfwd.cf": "id=SPAM; client_name==unknown; sender=<>; action=REJECT no thanks\n", "/etc/default/postfwd": "STARTUP=1\nCONF=/etc/postfix/postfwd.cf\nINET=127.0.0.1\nPORT=10040\nRUNAS=\"postfw\"\n"})},
		{policy.SPF, "policyd-spf", "/etc/postfix-policyd-spf-python/policyd-spf.conf", "Examples add to policyd-spf.conf; the last of two lines for one setting counts.",
			asks("check_policy_service unix:private/policyd-spf", map[waxseal.Path]string{"/etc/postfix-policyd-spf-python/policyd-spf.conf": "debugLevel = 1\n", "/etc/postfix/master.cf": masterCf + "policyd-spf unix - n n - 0 spawn user=policyd-spf argv=/usr/bin/policyd-spf\n"})},
		{policy.Postgrey, "postgrey", "/etc/postgrey/whitelist_clients.local", "Examples add to whitelist_clients.local unless they say otherwise.",
			asks("check_policy_service inet:127.0.0.1:10023", map[waxseal.Path]string{"/etc/postgrey/whitelist_clients.local": "mx.example.test\n", "/etc/default/postgrey": "POSTGREY_OPTS=\"--inet=10023\"\n"})},
		{policy.Greylistd, "greylistd", "/etc/greylistd/config", "Examples add to the file config unless they say otherwise; the last of two lines for one setting counts. Exim asks it.", greylistdServer},
		{policy.RateLimit, "policyd-rate-limit", "/etc/policyd-rate-limit.yaml", "Examples add to policyd-rate-limit.yaml unless they say otherwise; the last of two values for one name counts.",
			asks("check_policy_service unix:ratelimit/policy", map[waxseal.Path]string{"/etc/policyd-rate-limit.yaml": "debug: False\n"})},
		{policy.Weight, "policyd-weight", "/etc/policyd-weight.conf", "Examples add to policyd-weight.conf.",
			asks("check_policy_service inet:127.0.0.1:12525", map[waxseal.Path]string{"/etc/policyd-weight.conf": "$REJECTLEVEL = 1;\n$TCP_PORT = 12525;\n"})},
		{policy.Policyd, "policyd", "/etc/cluebringer/cluebringer.conf", "Examples add to cluebringer.conf; the last of two lines for one setting counts.",
			asks("check_policy_service inet:127.0.0.1:10031", map[waxseal.Path]string{"/etc/cluebringer/cluebringer.conf": "[server]\nhost=127.0.0.1\nport=10031\n[database]\n"})},
		{policy.PostSRSd, "PostSRSd", "/etc/default/postsrsd", "Examples add to /etc/default/postsrsd; the last of two lines for one variable counts.",
			asks("", map[waxseal.Path]string{"/etc/default/postsrsd": "SRS_DOMAIN=example.test\nSRS_SECRET=/etc/postsrsd.secret\n", "/etc/postsrsd.secret": "w8Zk1Qf3mY9aTt5LqVbN7xCzE2sH0pRu\n"})},
		{policy.Postlicyd, "postlicyd", "/etc/pfixtools/postlicyd.conf", "Examples add to postlicyd.conf; of two values for one parameter the last counts.",
			asks("check_policy_service inet:127.0.0.1:10000", map[waxseal.Path]string{"/etc/pfixtools/postlicyd.conf": licyServer, "/var/spool/pfixtools/partners": "mx.partner.example\n"})},
		{policy.PfixSRSd, "pfix-srsd", "/etc/default/pfixtools", "Examples add to /etc/default/pfixtools; the last of two lines for one variable counts.",
			asks("", map[waxseal.Path]string{"/etc/default/pfixtools": "SRSD_ENABLE=yes\nSRSD_DOMAIN=example.test\nSRSD_SECRETS=/etc/pfixtools/srsd.secrets\n", "/etc/pfixtools/srsd.secrets": "w8Zk1Qf3mY9aTt5LqVbN7xCzE2sH0pRu\n"})},
		{mailman.MTA, "Mailman", "/etc/mailman3/mailman.cfg", "Examples add to mailman.cfg of Mailman 3 unless they say otherwise; the last of two lines for one setting counts.", mailmanServer},
		{lists.Mlmmj, "mlmmj", "/var/spool/mlmmj/news/control/owner", "Examples add to the file control/owner of a list unless they say otherwise.",
			asks("reject_unlisted_recipient", map[waxseal.Path]string{"/var/spool/mlmmj/news/control/listaddress": "news@example.test\n", "/var/spool/mlmmj/news/control/owner": "alice@example.test\n", "/var/spool/mlmmj/news/subscribers.d/a": "alice@example.test\n"})},
		{lists.Sympa, "Sympa", "/etc/sympa/sympa/sympa.conf", "Examples add to sympa.conf unless they say otherwise; the last of two lines for one setting counts.",
			asks("reject_unlisted_recipient", map[waxseal.Path]string{"/etc/sympa/sympa/sympa.conf": "listmaster postmaster@example.test\n", "/var/lib/sympa/list_data/news/config": "subject News\n\n"})},
	}
}

// licyServer is the simple greylister of postlicyd(8), and a list of partners.
const licyServer = "greylist {\n  type = greylist;\n  path = /var/spool/pfixtools;\n  on_greylist = postfix:450 Greylisted;\n  on_whitelist = postfix:DUNNO;\n}\n" +
	"unknown {\n  type = match;\n  condition = client_name =i unknown;\n  on_match = postfix:REJECT;\n  on_fail = greylist;\n}\nrecipient_filter = unknown;\nport = 10000;\n"

// asks is a server with Postfix that has a restriction, and the files of a service.
func asks(restriction string, files map[waxseal.Path]string) func() map[waxseal.Path]snapshot.Object {
	return func() map[waxseal.Path]snapshot.Object {
		tree := host(append(policyPackages, postfixPackages...))
		main := mainCf
		if restriction == "" {
			main += "sender_canonical_maps = tcp:127.0.0.1:10001\nrecipient_canonical_maps = tcp:127.0.0.1:10002\n"
		} else {
			main += "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, " + restriction + "\n"
		}
		put(tree, "/etc/postfix/main.cf", main)
		put(tree, "/etc/postfix/master.cf", masterCf)
		for p, text := range files {
			put(tree, p, text)
			if strings.HasSuffix(string(p), ".secret") {
				o := tree[p]
				o.Mode = 0o600
				tree[p] = o
			}
		}
		return tree
	}
}

var policyPackages = []pkg{
	{"lynx", "2.9.0-1", "/usr/bin/lynx"},
	{"mhonarc", "2.6.24-1", "/usr/bin/mhonarc"},
	{"policyd-rate-limit", "1.0.1.1-2", "/usr/bin/policyd-rate-limit"},
	{"postfwd", "1.35-8", "/usr/sbin/postfwd2"},
	{"postgrey", "1.37-2", "/usr/sbin/postgrey"},
	{"postsrsd", "1.10-2", "/usr/sbin/postsrsd"},
	{"python3-mailman-dlists", "0.1-1", "/usr/lib/python3/dist-packages/mailman_dlists.py"},
}

// greylistdServer has an Exim whose ACL asks greylistd, as greylistd-setup-exim4(8)
// writes it.
func greylistdServer() map[waxseal.Path]snapshot.Object {
	tree := eximServer()
	put(tree, "/etc/exim4/conf.d/acl/30_check_rcpt", "acl_check_rcpt:\n  accept hosts = :\n  defer message = greylisted\n    !hosts = : +relay_from_hosts : /etc/greylistd/whitelist-hosts\n"+
		"    condition = ${readsocket{/run/greylistd/socket}{--grey $sender_host_address $sender_address $local_part@$domain}{5s}{}{false}}\n")
	put(tree, "/etc/greylistd/config", "[socket]\npath = /run/greylistd/socket\n[timeouts]\nretryMin = 600\n")
	put(tree, "/etc/greylistd/whitelist-hosts", "mx.example.test\n")
	return tree
}

// mailmanServer has Mailman 3 as Debian sets it up; examples of Mailman 2.1 bring
// its files.
func mailmanServer() map[waxseal.Path]snapshot.Object {
	return asks("reject_unlisted_recipient", map[waxseal.Path]string{"/etc/mailman3/mailman.cfg": "[mailman]\nlayout: debian\n[mta]\nincoming: mailman.mta.postfix.LMTP\nlmtp_host: 127.0.0.1\nlmtp_port: 8024\n"})()
}
