package deb

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/binary"
	"errors"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

var errVersion3 = errors.New("not a signature of version 3 that is read")

// version3Hashes are the digests that are still believed (RFC 4880 §9.4).
var version3Hashes = map[byte]crypto.Hash{8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512}

// checkVersion3 verifies a signature of the third version (RFC 4880 §5.2.2), by which Red
// Hat and SUSE sign packages: of a binary document, by RSA.
//
//	3, 5, kind, time (4), key (8), algorithm, digest, its first two bytes, number
func checkVersion3(keys openpgp.EntityList, signed, signature []byte) (*openpgp.Entity, error) {
	p, err := packet.NewOpaqueReader(bytes.NewReader(signature)).Next()
	if err != nil || p.Tag != 2 || len(p.Contents) < 22 || p.Contents[0] != 3 || p.Contents[1] != 5 {
		return nil, errVersion3
	}
	c := p.Contents
	hash, ok := version3Hashes[c[16]]
	if !ok || c[2] != 0 || c[15] != 1 {
		return nil, errVersion3
	}
	h := hash.New()
	h.Write(signed)
	h.Write(c[2:7])
	sum := h.Sum(nil)
	bits := int(binary.BigEndian.Uint16(c[19:]))
	number := c[21:]
	if len(number) != (bits+7)/8 {
		return nil, errVersion3
	}
	for _, k := range keys.KeysById(binary.BigEndian.Uint64(c[7:])) {
		public, ok := k.PublicKey.PublicKey.(*rsa.PublicKey)
		if !ok || len(k.Entity.Revocations) > 0 || public.Size() < len(number) {
			continue
		}
		whole := append(make([]byte, public.Size()-len(number)), number...) // leading zeros are not written
		if rsa.VerifyPKCS1v15(public, hash, sum, whole) == nil {
			return k.Entity, nil
		}
	}
	return nil, errors.New("it is by no key that this host believes")
}
