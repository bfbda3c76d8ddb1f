package host_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"waxseal/internal/host"
	"waxseal/internal/lab"
	"waxseal/internal/rootfs"
)

// dump makes Python print what fail2ban-client -d would, as JSON: jails, their actions,
// and the command by which each bans, before tags are put in.
const dump = `cat >/tmp/dump.py <<'END'
import json, logging
logging.disable(logging.CRITICAL)
from fail2ban.client.configurator import Configurator
c = Configurator()
c.setBaseDir('/etc/fail2ban')
c.readEarly(); c.readAll(); c.getOptions(); c.convertToProtocol()
out = {}
for line in c.getConfigStream():
    if line[0] == 'multi-set' and line[2] == 'action':
        for key, value in line[4]:
            if key == 'actionban': out[line[1] + ' ' + line[3]] = value
print(json.dumps(out))
END
python3 /tmp/dump.py`

// TestBans holds jails and their actions against fail2ban itself, for generated
// files in front of those that its package brings.
func TestBans(t *testing.T) {
	root := lab.Root(t, lab.Filters)
	seed := lab.Seed(t)
	rng := rand.New(rand.NewPCG(seed, 1))
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(root, "etc/fail2ban", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("jail.local", jails(rng))
	write("jail.d/own.local", "[DEFAULT]\nowntext = from %(__name__)s\n[own]\nenabled = true\nfilter = sshd\nlogpath = /var/log/auth.log\naction = first[x=1, y=\"a, b\"]\n         %(action_)s\n")
	write("action.d/first.conf", "[INCLUDES]\nbefore = second.conf\n[Definition]\nactionban = one %(part)s <x>\n\n   two %%b\n# no\n  three\n[Init]\nx = 7\n")
	write("action.d/second.conf", "[Definition]\npart = %(known/none)s second\nactionban = never\nactionunban = u\n")
	write("action.d/second.local", "[Definition]\npart = local\n")
	out, err := lab.Output(t.Context(), root, "touch /var/log/auth.log /var/log/mail.log; "+dump)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	if err := json.Unmarshal([]byte(out), &want); err != nil || len(want) < 5 {
		t.Fatalf("%v: %.300s", err, out)
	}
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	got := host.Bans(tree)
	for name, command := range want {
		if mine, ok := got[name]; !ok || !pattern(command).MatchString(even(mine)) {
			t.Errorf("%s bans by %q, and here by %q", name, command, mine)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("fail2ban has no %s", name)
		}
	}
}

var (
	tags   = regexp.MustCompile(`<[^<>]*>`)
	blanks = regexp.MustCompile(`\s+`)
)

// even makes one blank of several.
func even(command string) string { return strings.TrimSpace(blanks.ReplaceAllString(command, " ")) }

// pattern matches a command in which something stands in the place of each tag that
// fail2ban leaves until it bans: those that differ by the family of the address.
func pattern(command string) *regexp.Regexp {
	parts := tags.Split(even(command), -1)
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
}

// jails writes a jail.local that uses jails of the package in several ways.
func jails(rng *rand.Rand) string {
	pick := func(words ...string) string { return words[rng.IntN(len(words))] }
	var b strings.Builder
	fmt.Fprintf(&b, "[DEFAULT]\ndestemail = a@b.example\nbanaction = %s\naction = %%(%s)s\nmta = %s\n", pick("iptables-multiport", "nftables", "ufw"), pick("action_", "action_mw", "action_mwl"), pick("mail", "sendmail"))
	for _, name := range []string{"postfix", "postfix-sasl", "dovecot", "sendmail-auth", "exim"} {
		fmt.Fprintf(&b, "[%s]\nenabled = true\nlogpath = /var/log/mail.log\nbackend = polling\n", name)
		if rng.IntN(2) == 0 {
			fmt.Fprintf(&b, "action = %s\n", pick("%(action_mw)s", "%(banaction)s[name=%(__name__)s, port=\"%(port)s\"]", "sendmail[dest=\"%(destemail)s\",\n    sender=x]\n  iptables[type=multiport]", "first[x=\"%(port)s\"]"))
		}
	}
	return b.String()
}
