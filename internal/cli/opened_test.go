package cli_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	vocabulary "waxseal"
	"waxseal/internal/cli"
	"waxseal/internal/lab"
)

// rooms are what a root needs around it for its daemons: their own processes, network
// and file systems, which end with the test.
const rooms = `set -e
mount --make-rprivate /; mount --bind "$1" "$1"; cd "$1"
mount -t proc proc proc; mount -t tmpfs tmpfs dev/shm 2>/dev/null || { mkdir -p dev/shm; mount -t tmpfs tmpfs dev/shm; }
mount -t tmpfs -o mode=755 tmpfs run; mkdir -p run/lock
for d in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9; do IFS=:; set -- $d; unset IFS; test -e dev/$1 || mknod -m 666 dev/$1 c $2 $3; done
ln -sfn /proc/self/fd dev/fd; ip link set lo up; hostname mail.example.test; echo 127.0.0.1 localhost mail.example.test mail >etc/hosts
exec chroot . /bin/bash /opt/inside`

// inside starts the services named in $SERVICES, has a message delivered, and scans;
// $PLANT is run before the scan.
const inside = `export PATH=/usr/sbin:/usr/bin:/sbin:/bin
for s in $SERVICES; do timeout 40 /etc/init.d/$s start </dev/null >/var/log/start.log 2>&1 || echo "$s did not start" >&2; done
eval "$PLANT"; sleep 1
(sleep 0.3; printf 'HELO x\r\nMAIL FROM:<root@localhost>\r\nRCPT TO:<root@localhost>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n'; sleep 1) |
	timeout 4 bash -c 'exec 3<>/dev/tcp/127.0.0.1/25; cat <&3 >/var/log/smtp.log & cat >&3'
grep -q queued /var/log/smtp.log || echo "no mail was taken" >&2
/opt/waxseal scan --format json`

// live starts the daemons of a root as its packages set them up, and scans it as the
// live host that it is to who is inside.
func live(t *testing.T, flavour lab.Flavour, services, plant string) (scan cli.Scan) {
	t.Helper()
	root := lab.Root(t, flavour)
	me, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"waxseal": me, "inside": []byte(inside)} {
		if err := os.WriteFile(filepath.Join(root, "opt", name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child", "/bin/sh", "-c", rooms, "sh", root)
	cmd.Env = append(os.Environ(), "SERVICES="+services, "PLANT="+plant)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	t.Logf("%s", said.String())
	if jsonErr := json.Unmarshal(out, &scan); jsonErr != nil {
		t.Fatalf("%v %v: %.300s", err, jsonErr, out)
	}
	return scan
}

func openHooks(scan cli.Scan) map[vocabulary.Path]vocabulary.Hook {
	hooks := map[vocabulary.Path]vocabulary.Hook{}
	for _, h := range scan.Hooks {
		if h.Directive == "open" {
			hooks[h.Source.Path] = h
		}
	}
	return hooks
}

// TestOpenFiles: real daemons, as their packages set them up, hold nothing open that is
// odd; what an intruder has them hold is told.
func TestOpenFiles(t *testing.T) {
	for flavour, services := range map[lab.Flavour]string{
		lab.Stock:   "opendkim spamd rspamd dovecot postfix",
		lab.Filters: "opendmarc spamass-milter postgrey postsrsd policyd-rate-limit greylistd postfwd mimedefang amavis postfix",
		lab.Exim:    "exim4",
	} {
		t.Run(string(flavour), func(t *testing.T) {
			scan := live(t, flavour, services, "")
			for p, h := range openHooks(scan) {
				t.Errorf("%s: %s", p, h.Explain)
			}
			if code := loadedHooks(scan); len(code) != 0 {
				t.Errorf("%+v", code)
			}
		})
	}
	t.Run("an intruder's", func(t *testing.T) {
		const plant = `mkdir -p /opt/odd; echo x >/opt/odd/rules; echo x >/dev/shm/.k; cp /opt/odd/rules /opt/odd/table; touch -d '2020-01-01' /opt/odd/old
python3 -c 'import os
for name, flags in (("/dev/shm/.copy", os.O_WRONLY|os.O_APPEND|os.O_CREAT), ("/opt/odd/mail", os.O_WRONLY|os.O_CREAT), ("/opt/odd/rules", os.O_RDONLY), ("/dev/shm/.k", os.O_RDONLY), ("/opt/odd/table", os.O_RDONLY), ("/usr/sbin/opendkim", os.O_RDONLY), ("/var/log/mail.log", os.O_WRONLY|os.O_APPEND|os.O_CREAT)):
    os.set_inheritable(os.open(name, flags), True)
os.set_inheritable(os.memfd_create("kept"), True)
os.remove("/dev/shm/.k"); os.remove("/opt/odd/rules"); os.rename("/opt/odd/old", "/opt/odd/table")
os.execv("/usr/sbin/opendkim", ["opendkim", "-f", "-p", "inet:8891@localhost", "-A"])' </dev/null >/dev/null 2>&1 &`
		scan := live(t, lab.Filters, "postfix", plant)
		found := openHooks(scan)
		want := map[vocabulary.Path]string{"/dev/shm/.copy": "written", "/opt/odd/mail": "written", "/opt/odd/rules": "gone", "/dev/shm/.k": "gone", "/opt/odd/table": "later", "/memfd:kept": "memory"}
		for p, state := range want {
			if found[p].Modifiers["descriptor"] != state {
				t.Errorf("%s should be %s: %+v", p, state, found[p])
			}
		}
		if len(found) != len(want) {
			t.Errorf("%+v", found)
		}
		for n, f := range scan.Findings[:min(2, len(scan.Findings))] {
			if f.Severity != vocabulary.Critical || !strings.HasPrefix(f.Title, "open: /dev/shm/.") {
				t.Errorf("finding %d is %s %s", n, f.Severity, f.Title)
			}
		}
	})
}
