package deb_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"waxseal/internal/pkgdb/deb"
	"waxseal/internal/snapshot"
)

// version3 signs as Red Hat does.
func version3(t *testing.T, key *openpgp.Entity, text []byte) []byte {
	t.Helper()
	private := key.PrivateKey.PrivateKey.(*rsa.PrivateKey)
	body := binary.BigEndian.AppendUint32([]byte{3, 5, 0}, 1700000000)
	sum := sha256.Sum256(append(bytes.Clone(text), body[2:7]...))
	body = binary.BigEndian.AppendUint64(body, key.PrimaryKey.KeyId)
	number, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	number = bytes.TrimLeft(number, "\x00")
	body = append(body, 1, 8, sum[0], sum[1])
	body = binary.BigEndian.AppendUint16(body, uint16(8*(len(number)-1)+bits.Len8(number[0])))
	body = append(body, number...)
	return append(binary.BigEndian.AppendUint16([]byte{0x89}, uint16(len(body))), body...)
}

func TestCheck(t *testing.T) {
	config := &packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048}
	key, err := openpgp.NewEntity("Example", "", "x@example.test", config)
	if err != nil {
		t.Fatal(err)
	}
	other, err := openpgp.NewEntity("Other", "", "y@example.test", config)
	if err != nil {
		t.Fatal(err)
	}
	var public, fourth bytes.Buffer
	if err := key.Serialize(&public); err != nil {
		t.Fatal(err)
	}
	text := []byte("a header")
	if err := openpgp.DetachSign(&fourth, key, bytes.NewReader(text), nil); err != nil {
		t.Fatal(err)
	}
	sha1 := version3(t, key, text)
	sha1[3+16] = 2
	for _, tc := range []struct {
		name            string
		text, signature []byte
		says            string // "" where it is good
	}{
		{"version 3", text, version3(t, key, text), ""},
		{"version 4", text, fourth.Bytes(), ""},
		{"version 3, another text", []byte("a headeR"), version3(t, key, text), "no key that this host believes"},
		{"version 3, another key", text, version3(t, other, text), "no key that this host believes"},
		{"version 3, a digest that is not believed", text, sha1, "no key that this host believes"},
		{"version 3, cut off", text, version3(t, key, text)[:40], "no key that this host believes"},
		{"nothing", text, nil, "no key that this host believes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree := snapshot.Files(map[string]string{"/etc/pki/rpm-gpg/RPM-GPG-KEY-example": public.String()})
			words, err := deb.Open(tree, time.Now().Add(time.Second), nil, time.Time{}).Check(tc.text, tc.signature)
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%q, %v", words, err)
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte("x"), []byte{0x89, 0, 22, 3, 5, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 1, 8, 0, 0, 0, 8, 1})
	f.Fuzz(func(t *testing.T, text, signature []byte) {
		if _, err := deb.Open(snapshot.Files(nil), time.Now(), nil, time.Time{}).Check(text, signature); err == nil {
			t.Error("believed without a key")
		}
	})
}
