package postfix

import (
	"testing"

	"waxseal/internal/mta"
)

func TestOwnAddress(t *testing.T) {
	d := domainSet{exact: map[string]bool{"example.test": true, "com": true, "localdomain": true}, parents: map[string]bool{"example.test": true}}
	for address, own := range map[string]bool{
		"root": true, "a@example.test": true, "A@Example.TEST": true, "a@archive.example.test": true, "a@localhost": true,
		"a@evil.example.net": false, "a@notexample.test": false, "a@evil.com": false, "a%evil.net": false, "evil.net!a": false,
		"a%evil.net@example.test": false, "$1@example.test": true, "$1@evil.net": false, "$1@$2": true, "x@${1}.evil.net": false, "<a@example.test>": true,
	} {
		if got := d.ownAddress(address); got != own {
			t.Errorf("ownAddress(%q) = %v", address, got)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{"127.0.0.1": true, "127.9.9.9": true, "::1": true, "[::1]": true, "localhost": true, "LOCALHOST": true,
		"::ffff:127.0.0.1": true, "10.0.0.1": false, "203.0.113.9": false, "mail.example.test": false, "": true} {
		if got := mta.IsLoopback(host); got != want {
			t.Errorf("mta.IsLoopback(%q) = %v", host, got)
		}
	}
}
