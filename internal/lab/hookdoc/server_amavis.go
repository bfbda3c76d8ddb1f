package main

import (
	"waxseal"
	"waxseal/internal/snapshot"
)

// amavisServer is a small Debian mail server whose Postfix hands all mail to amavis, and
// by a milter to amavisd-milter.
func amavisServer() map[waxseal.Path]snapshot.Object {
	tree := milterServer("unix:/var/lib/amavis/amavisd-milter.sock", pkg{"amavisd-new", "1:2.13.0-3+deb12u1", "/usr/sbin/amavisd"}, pkg{"amavisd-milter", "1.7.2-2", "/usr/sbin/amavisd-milter"},
		pkg{"clamav", "1.4.3+dfsg-1", "/usr/bin/clamscan"}, pkg{"bogofilter-bdb", "1.2.5-1", "/usr/bin/bogofilter"}, pkg{"amavis-modules", "1.0", "/usr/share/perl5/Amavis/Extra.pm"})
	put(tree, "/usr/share/amavis/conf.d/10-debian_scripts", "$daemon_user = 'amavis';\n$MYHOME = '/var/lib/amavis';\n1;\n")
	put(tree, "/etc/amavis/conf.d/05-domain_id", "chomp($mydomain = `head -n 1 /etc/mailname`);\n@local_domains_acl = ( \".$mydomain\" );\n1;\n")
	put(tree, "/etc/amavis/conf.d/20-debian_defaults", "$inet_socket_port = 10024;\n$final_spam_destiny = D_PASS;\n1;\n")
	put(tree, "/etc/amavis/conf.d/50-user", "use strict;\n")
	put(tree, "/etc/default/amavisd-milter", "# how it is started\n")
	return tree
}

// mimedefangServer hands all mail to MIMEDefang.
func mimedefangServer() map[waxseal.Path]snapshot.Object {
	tree := milterServer("unix:/var/spool/MIMEDefang/mimedefang.sock", pkg{"mimedefang", "3.3-1", "/usr/bin/mimedefang /usr/bin/mimedefang.pl /usr/bin/mimedefang-multiplexor"}, pkg{"clamav", "1.4.3+dfsg-1", "/usr/bin/clamscan"})
	put(tree, "/etc/mail/mimedefang-filter", "sub filter_begin { my($entity) = @_; md_graphdefang_log('mail_in'); }\n")
	put(tree, "/etc/mail/mimedefang.pl.conf", "# paths of scanners\n")
	put(tree, "/etc/default/mimedefang", "MX_LOG=yes\n")
	return tree
}
