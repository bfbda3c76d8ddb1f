package postfix

import (
	"testing"
	"unicode/utf8"
)

// The pairs are those of RFC 3492, section 7.1, and of RFC 5890's examples.
func TestOtherForm(t *testing.T) {
	for unicode, ascii := range map[string]string{
		"bücher.example": "xn--bcher-kva.example",
		"他们为什么不说中文":      "xn--ihqwcrb4cv8a8dqg056pqjye",
		"почемужеонинеговорятпорусски": "xn--b1abfaaepdrnnbgefbadotcwatmq2g4l",
		"安室奈美恵-with-super-monkeys":     "xn---with-super-monkeys-pc58ag80a8qai00g7n9n",
		"παράδειγμα.δοκιμή":            "xn--hxajbheg2az3al.xn--jxalpdlp",
	} {
		if got := otherForm(unicode); got != ascii {
			t.Errorf("%s: %s, want %s", unicode, got, ascii)
		}
		if got := otherForm(ascii); got != unicode {
			t.Errorf("%s: %s, want %s", ascii, got, unicode)
		}
	}
	for _, domain := range []string{"example.test", "", "xn--\x00.example", "xn--99999999999.example"} {
		if got := otherForm(domain); got != "" {
			t.Errorf("%q: %q", domain, got)
		}
	}
}

func FuzzOtherForm(f *testing.F) {
	f.Add("bücher.example")
	f.Add("xn--bcher-kva.example")
	f.Fuzz(func(t *testing.T, domain string) {
		if other := otherForm(domain); !utf8.ValidString(other) && utf8.ValidString(domain) {
			t.Errorf("%q gives %q", domain, other)
		}
	})
}
