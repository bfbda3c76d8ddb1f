package ledger_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"waxseal/internal/ledger"
)

func TestGenerateKey(t *testing.T) {
	signer, verifier, err := ledger.GenerateKey("mail.example.net", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.New(signer + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if l.Verifier() != verifier {
		t.Errorf("verifier %q, derived %q", verifier, l.Verifier())
	}
	if !strings.HasPrefix(l.Origin(), "waxseal/mail.example.net/") || len(l.Origin()) != len("waxseal/mail.example.net/")+8 {
		t.Errorf("origin %q", l.Origin())
	}
	m := &memory{notes: map[int64][]byte{}}
	m.add(t, l, record(t, 0, "a"))
	v, err := note.NewVerifier(verifier)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(m.notes[1], note.VerifierList(v))
	if err != nil || !strings.HasPrefix(n.Text, l.Origin()+"\n1\n") {
		t.Errorf("checkpoint %q: %v", m.notes[1], err)
	}
	size, root, err := ledger.ParseCheckpoint(m.notes[1], verifier)
	if err != nil || size != 1 || "1:"+root.String() != ledger.Short(m.notes[1]) {
		t.Errorf("checkpoint: %d, %v, %v", size, root, err)
	}
}

func TestGenerateKeyRefuses(t *testing.T) {
	for _, name := range []string{"", "a b", "a+b", "a/b", "a\nb", "\xff", "a\x00"} {
		if _, _, err := ledger.GenerateKey(name, rand.Reader); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
	if _, _, err := ledger.GenerateKey("a", strings.NewReader("short")); err == nil {
		t.Error("a key was made of 5 random bytes")
	}
	for _, key := range []string{"", "x", "PRIVATE+KEY+a+00000000+AAAA", newLog(t, 1).Verifier()} {
		if _, err := ledger.New(key); err == nil {
			t.Errorf("key %q was taken", key)
		}
	}
}

func TestParseShort(t *testing.T) {
	const root = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	if size, _, err := ledger.ParseShort(" 17:" + root + "\n"); err != nil || size != 17 {
		t.Errorf("got %d, %v", size, err)
	}
	for _, s := range []string{"", "17", "17:", ":" + root, "-1:" + root, "+1:" + root, "017:" + root, "17:" + root[1:], "x:" + root} {
		if _, _, err := ledger.ParseShort(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
	if got := ledger.Short([]byte("nothing")); got != "" {
		t.Errorf("short form of nothing: %q", got)
	}
}

// FuzzParseShort: never panics, and what parses prints the same.
func FuzzParseShort(f *testing.F) {
	f.Add("17:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Fuzz(func(t *testing.T, s string) {
		if size, _, err := ledger.ParseShort(s); err == nil && size < 0 {
			t.Errorf("%q: size %d", s, size)
		}
	})
}
