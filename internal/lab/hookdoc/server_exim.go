package main

import (
	"waxseal"
	"waxseal/internal/snapshot"
)

// eximServer is a small Debian mail server with Exim and a split configuration.
func eximServer() map[waxseal.Path]snapshot.Object {
	tree := host(eximPackages)
	put(tree, "/etc/exim4/update-exim4.conf.conf", "dc_eximconfig_configtype='internet'\ndc_other_hostnames='example.test'\ndc_local_interfaces=''\ndc_use_split_config='true'\ndc_localdelivery='mail_spool'\n")
	for name, text := range eximSplit {
		put(tree, waxseal.Path("/etc/exim4/conf.d/"+name), text)
	}
	return tree
}

// eximPackages has beside Debian's packages one of the administrator's own with
// what he adds to Exim.
var eximPackages = []pkg{
	{"bash", "5.2.37-2", "/bin/sh /bin/bash"},
	{"exim4-base", "4.96-15+deb12u7", "/usr/sbin/exim_dbmbuild"},
	{"exim4-daemon-heavy", "4.96-15+deb12u7", "/usr/sbin/exim4 /usr/sbin/exim /usr/sbin/sendmail /usr/bin/mailq /usr/bin/newaliases"},
	{"procmail", "3.24-1", "/usr/bin/procmail"},
	{"spamc", "4.0.0-6", "/usr/bin/spamc"},
	{"sa-exim", "4.2.1-20", "/usr/lib/exim4/local_scan/sa-exim.so"},
	{"clamav-daemon", "1.4.3", "/usr/sbin/clamd"},
	{"example-mail", "1.4", "/usr/share/example-mail/exim.pl /usr/lib/example-mail/geoip.so /usr/lib/example-mail/quota /usr/lib/example-mail/route /usr/lib/example-mail/newaliases /usr/lib/example-mail/exim4"},
}

// eximSplit are the files of conf.d: the sections of a small server in Debian's
// order. What an example adds to 30_check_rcpt or 40_check_data stands before mail
// is accepted there, and macros are made of
// the answers in update-exim4.conf.conf.
var eximSplit = map[string]string{
	"main/10_options":       "UPEX4CmacrosUPEX4C = 1\nprimary_hostname = mail.example.test\ndomainlist local_domains = @ : example.test : localhost\ndomainlist relay_to_domains =\nhostlist relay_from_hosts = MAIN_RELAY_NETS\nacl_smtp_rcpt = acl_check_rcpt\nacl_smtp_data = acl_check_data\nnever_users = root\n",
	"acl/00_header":         "begin acl\n",
	"acl/30_check_rcpt":     "acl_check_rcpt:\n  accept hosts = :\n  require verify = sender\n",
	"acl/39_accept_rcpt":    "  accept hosts = +relay_from_hosts\n  accept domains = +local_domains\n  deny message = relay not permitted\n",
	"acl/40_check_data":     "acl_check_data:\n",
	"acl/49_accept_data":    "  accept\n",
	"auth/00_header":        "begin authenticators\n",
	"retry/00_header":       "begin retry\n",
	"retry/30_all":          "* * F,2h,15m; G,16h,1h,1.5; F,4d,6h\n",
	"rewrite/00_header":     "begin rewrite\n",
	"router/00_header":      "begin routers\n",
	"router/200_primary":    "dnslookup:\n  driver = dnslookup\n  domains = ! +local_domains\n  transport = remote_smtp\n  no_more\n",
	"router/400_aliases":    "system_aliases:\n  driver = redirect\n  domains = +local_domains\n  allow_fail\n  allow_defer\n  data = ${lookup{$local_part}lsearch{/etc/aliases}}\n",
	"router/600_forward":    "userforward:\n  driver = redirect\n  domains = +local_domains\n  check_local_user\n  file = $home/.forward\n  no_verify\n  allow_filter\n  pipe_transport = address_pipe\n  file_transport = address_file\n  reply_transport = address_reply\n",
	"router/900_local_user": "local_user:\n  driver = accept\n  domains = +local_domains\n  check_local_user\n  transport = LOCAL_DELIVERY\n",
	"transport/00_header":   "begin transports\n",
	"transport/30_address":  "address_pipe:\n  driver = pipe\n  return_output\naddress_file:\n  driver = appendfile\n  delivery_date_add\naddress_reply:\n  driver = autoreply\n",
	"transport/30_local":    "mail_spool:\n  driver = appendfile\n  file = /var/mail/$local_part_data\n  group = mail\n  mode = 0660\n",
	"transport/30_remote":   "remote_smtp:\n  driver = smtp\n",
}
