package postfix

import (
	"testing"
)

// TestOwnAddresses: where an address leads once trivial-rewrite(8) has resolved
// it, and whether that is this host's.
func TestOwnAddresses(t *testing.T) {
	files := map[string]string{
		"/etc/hosts":        "127.0.1.1 mail.example.test mail\n192.0.2.5 mail.example.test # ours\n192.0.2.6 other\n",
		"/etc/postfix/list": "listed.example\n# no.example\n",
		"/etc/postfix/v":    "virtual.example anything\nx@addressonly.example y\n",
	}
	const main = own + "mydestination = example.test, localhost, /etc/postfix/list\nvirtual_alias_maps = texthash:/etc/postfix/v\nrelay_domains = relay.example\ninet_interfaces = 198.51.100.7, [2001:db8::7]\n"
	for _, tc := range []struct {
		name, main string
		address    string
		want       string // the target's value, with ! in front where it is foreign
	}{
		{"a user", "", "alice", "alice"},
		{"own domain", "", "alice@Example.TEST", "alice@Example.TEST"},
		{"a foreign domain", "", "alice@example.net", "!alice@example.net"},
		{"an own domain in its other form", "relay_domains = bücher.example\n", "a@xn--bcher-kva.example", "a@xn--bcher-kva.example"},
		{"localhost", "", "alice@localhost", "alice@localhost"},
		{"of a list file", "", "a@listed.example", "a@listed.example"},
		{"a comment of a list file", "", "a@no.example", "!a@no.example"},
		{"of a virtual table", "", "a@virtual.example", "a@virtual.example"},
		{"of an address in a virtual table", "", "a@addressonly.example", "!a@addressonly.example"},
		{"a relay domain", "", "a@sub.relay.example", "a@sub.relay.example"},
		{"a similar domain", "", "a@notexample.test", "!a@notexample.test"},
		{"an own literal address", "", "a@[198.51.100.7]", "a@[198.51.100.7]"},
		{"an own IPv6 address", "", "a@[IPv6:2001:db8::7]", "a@[IPv6:2001:db8::7]"},
		{"loopback", "", "a@[127.0.0.1]", "a@[127.0.0.1]"},
		{"of /etc/hosts", "", "a@[192.0.2.5]", "a@[192.0.2.5]"},
		{"another literal address", "", "a@[192.0.2.6]", "!a@[192.0.2.6]"},
		{"the percent hack", "", "a%evil.example.net@example.test", "!a@evil.example.net"},
		{"the percent hack without a domain", "", "a%evil.example.net", "!a@evil.example.net"},
		{"the percent hack switched off", "allow_percent_hack = no\n", "a%evil.example.net@example.test", "!a%evil.example.net@example.test"},
		{"a bang path", "", "evil.example.net!a@example.test", "!a@evil.example.net"},
		{"a source route", "", "<@example.test:a@evil.example.net>", "!a@evil.example.net"},
		{"back to an own domain", "", "a%example.test@localhost", "a@example.test"},
		{"a bare name of a foreign origin", "myorigin = evil.example.net\n", "alice", "!alice@evil.example.net"},
		{"a bare name of an own origin", "myorigin = relay.example\n", "alice", "alice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			files["/etc/postfix/main.cf"] = main + tc.main + "always_bcc = " + tc.address + "\n"
			h := find(t, read(tree(files)), "/etc/postfix/main.cf:always_bcc:1")
			got := h.Target.Value
			if h.Target.Remote {
				got = "!" + got
			}
			if got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestWordsWithoutCommas(t *testing.T) {
	r := read(tree(map[string]string{"/etc/postfix/main.cf": own + "virtual_alias_maps = inline:{ {a@example.test = x@evil.example.net bob @ example.test} }\n"}))
	if h := find(t, r, "/etc/postfix/main.cf:virtual_alias_maps:a@example.test"); h.Target.Value != "x@evil.example.net" || !h.Target.Remote {
		t.Errorf("%+v", h)
	}
	if h := find(t, r, "/etc/postfix/main.cf:virtual_alias_maps:a@example.test:2"); h.Target.Value != "bob@example.test" {
		t.Errorf("%+v", h)
	}
}
