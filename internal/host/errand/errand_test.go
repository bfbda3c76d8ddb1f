package errand_test

import (
	"testing"

	"waxseal/internal/host/errand"
)

func TestAltersMail(t *testing.T) {
	for line, want := range map[string]bool{
		"postconf -e relayhost=x": true, "/usr/sbin/postconf always_bcc=a@b.example": true, "postconf -n": false, "postconf -h multi_instance_directories": false, "postfix reload": false, "newaliases": false,
		"sed -i s/a/b/ /etc/postfix/main.cf": true, "perl -pi -e s/a/b/ /etc/exim4/exim4.conf": true, "echo x >> /etc/aliases": true, "grep x /etc/postfix/main.cf": false,
		"rsync -a /var/mail/ h::m": true, "systemctl reload postfix": false, "chmod 666 /etc/postfix/main.cf": true, "cp /etc/resolv.conf /var/spool/postfix/etc/": true, "LD_PRELOAD=/x postfix start": true,
	} {
		if got := errand.AltersMail(line); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

func TestRunsFromOpenPlace(t *testing.T) {
	for line, want := range map[string]string{
		"/tmp/x -a": "/tmp/x", "cd / && sh -e /dev/shm/../shm/x >/dev/null": "/dev/shm/x", "A=b exec nice /var/tmp/x": "/var/tmp/x", "find /tmp -delete": "", "rm -f /tmp/x": "", "echo x > /tmp/x": "",
		"/usr/share/.x/y": "/usr/share/.x/y", `"/root/.acme.sh"/acme.sh --cron`: "", "/home/a/.local/bin/x": "", ". /tmp/env; /usr/bin/x": "/tmp/env", "/usr/bin/python3 /run/user/0/x.py": "/run/user/0/x.py", "": "",
	} {
		if got := errand.RunsFromOpenPlace(line); got != want {
			t.Errorf("%s: %q", line, got)
		}
	}
}
