package deb

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"waxseal"
)

// Key is an OpenPGP key by which a tree believes its repositories.
type Key struct {
	Fingerprint string       // of the primary key, upper-case hexadecimal
	Owner       string       // as the key itself says
	File        waxseal.Path // that it was read from
}

// keyDirs are where apt looks for keys (apt-key(8), sources.list(5) Signed-By), and dnf
// (dnf.conf(5) gpgkey). Which repository may use which key is not looked at.
var keyDirs = []waxseal.Path{"/etc/apt", "/etc/apt/trusted.gpg.d", "/etc/apt/keyrings", "/usr/share/keyrings", rpmKeys}

const rpmKeys = "/etc/pki/rpm-gpg"

const (
	maxKeyFile  = 1 << 20
	maxKeyFiles = 500
)

// ring is all keys of a tree.
type ring struct {
	entities openpgp.EntityList
	files    map[string]waxseal.Path // by fingerprint
}

// Keys lists the keys that a tree believes.
func Keys(tree waxseal.Tree) []Key {
	r := readRing(tree)
	var list []Key
	seen := map[string]bool{}
	for _, e := range r.entities {
		k := r.key(e)
		if !seen[k.Fingerprint] {
			seen[k.Fingerprint] = true
			list = append(list, k)
		}
	}
	return list
}

func (r *ring) key(e *openpgp.Entity) Key {
	print := fingerprint(e)
	return Key{Fingerprint: print, Owner: owner(e), File: r.files[print]}
}

func fingerprint(e *openpgp.Entity) string {
	return strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint))
}

func owner(e *openpgp.Entity) string {
	if id := e.PrimaryIdentity(); id != nil && id.UserId != nil {
		return clip(strings.TrimSpace(id.UserId.Name + " " + id.UserId.Comment))
	}
	return "somebody without a name"
}

func readRing(tree waxseal.Tree) *ring {
	r := &ring{files: map[string]waxseal.Path{}}
	n := 0
	for _, dir := range keyDirs {
		names, _ := tree.ReadDir(dir) // not there, no keys
		for _, name := range names {
			ext := path.Ext(name)
			if n++; n > maxKeyFiles || strings.Contains(name, "removed-keys") || dir != rpmKeys && ext != ".gpg" && ext != ".asc" && ext != ".pgp" {
				continue
			}
			r.add(tree, dir+"/"+waxseal.Path(name))
		}
	}
	return r
}

// add reads one key file. What is no key file vouches for nothing.
func (r *ring) add(tree waxseal.Tree, p waxseal.Path) {
	content, err := tree.ReadFile(p, maxKeyFile)
	if err != nil {
		return
	}
	read := openpgp.ReadKeyRing
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte("-----BEGIN")) {
		read = openpgp.ReadArmoredKeyRing
	}
	list, _ := read(bytes.NewReader(content)) // those before a damaged one stand
	for _, e := range list {
		if print := fingerprint(e); r.files[print] == "" {
			r.files[print] = p
			r.entities = append(r.entities, e)
		}
	}
}

var errUnsigned = errors.New("it is not signed")

// signed reads the signed text of a release: what is inside InRelease's signature, and
// nothing around it, or Release beside Release.gpg.
func (l *Lists) signed(prefix string) (text []byte, words string, err error) {
	if l.keys == nil {
		l.keys = readRing(l.tree)
	}
	at := func() time.Time { return l.at }
	config := &packet.Config{Time: at}
	content, err := l.tree.ReadFile(waxseal.Path(listsDir+"/"+prefix+"InRelease"), maxRelease)
	if err == nil {
		block, _ := clearsign.Decode(content)
		if block == nil {
			return content, "", errUnsigned
		}
		signer, err := openpgp.CheckDetachedSignature(l.keys.entities, bytes.NewReader(block.Bytes), block.ArmoredSignature.Body, config)
		words, err = l.believe(signer, err)
		return block.Plaintext, words, err
	}
	content, err = l.tree.ReadFile(waxseal.Path(listsDir+"/"+prefix+"Release"), maxRelease)
	if err != nil {
		return nil, "", err
	}
	signature, err := l.tree.ReadFile(waxseal.Path(listsDir+"/"+prefix+"Release.gpg"), maxRelease)
	if err != nil {
		return content, "", errUnsigned
	}
	signer, err := openpgp.CheckArmoredDetachedSignature(l.keys.entities, bytes.NewReader(content), bytes.NewReader(signature), config)
	words, err = l.believe(signer, err)
	return content, words, err
}

// Check says who signed a text, by a detached signature in binary form.
func (l *Lists) Check(signed, signature []byte) (string, error) {
	if l.keys == nil {
		l.keys = readRing(l.tree)
	}
	signer, err := checkVersion3(l.keys.entities, signed, signature)
	if errors.Is(err, errVersion3) {
		config := &packet.Config{Time: func() time.Time { return l.at }}
		signer, err = openpgp.CheckDetachedSignature(l.keys.entities, bytes.NewReader(signed), bytes.NewReader(signature), config)
	}
	return l.believe(signer, err)
}

// believe says who signed, if it is a key that counts.
func (l *Lists) believe(signer *openpgp.Entity, err error) (string, error) {
	if err != nil || signer == nil {
		return "", fmt.Errorf("its signature is by no key that this host believes: %w", err)
	}
	k := l.keys.key(signer)
	words := "signed by " + k.Owner + ", key " + k.Fingerprint[max(0, len(k.Fingerprint)-16):]
	if l.since == nil {
		return words, nil
	}
	known := l.since(k)
	if known.IsZero() || known.After(l.limit) {
		return words, fmt.Errorf("the key that signed it (%s, %s) came to this host only after the seal", k.Owner, k.File)
	}
	return words + ", known here since " + known.UTC().Format(time.DateOnly), nil
}
