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
// (dnf.conf(5) gpgkey). For which repository a key counts is [Lists.ringOf]'s to say.
var keyDirs = []waxseal.Path{"/etc/apt", "/etc/apt/trusted.gpg.d", "/etc/apt/keyrings", "/usr/share/keyrings", rpmKeys}

const rpmKeys = "/etc/pki/rpm-gpg"

const (
	maxKeyFile  = 1 << 20
	maxKeyFiles = 500
)

// ring is some keys of a tree.
type ring struct {
	entities openpgp.EntityList
	files    map[string]waxseal.Path // by fingerprint
}

func newRing() *ring { return &ring{files: map[string]waxseal.Path{}} }

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

// readRing reads all keys of a tree: those that lie where keys do, and those that a source
// of apt's names.
func readRing(tree waxseal.Tree) *ring {
	r := newRing()
	for _, dir := range keyDirs {
		r.addDir(tree, dir)
	}
	for _, s := range readSources(tree) {
		for _, word := range s.by {
			if strings.HasPrefix(word, "/") {
				r.add(tree, waxseal.Path(path.Clean(word)))
			} else if strings.Contains(word, "-----BEGIN") {
				r.read([]byte(word), sourcesDir)
			}
		}
	}
	return r
}

// addDir reads the key files of a directory. Those of rpm's have no ending of their own.
func (r *ring) addDir(tree waxseal.Tree, dir waxseal.Path) {
	names, _ := tree.ReadDir(dir) // not there, no keys
	for i, name := range names {
		ext := path.Ext(name)
		if i > maxKeyFiles || strings.Contains(name, "removed-keys") || dir != rpmKeys && ext != ".gpg" && ext != ".asc" && ext != ".pgp" {
			continue
		}
		r.add(tree, dir+"/"+waxseal.Path(name))
	}
}

// add reads one key file. What is no key file vouches for nothing.
func (r *ring) add(tree waxseal.Tree, p waxseal.Path) {
	if content, err := tree.ReadFile(p, maxKeyFile); err == nil {
		r.read(content, p)
	}
}

func (r *ring) read(content []byte, p waxseal.Path) {
	read := openpgp.ReadKeyRing
	if content = bytes.TrimLeft(content, " \t\r\n"); bytes.HasPrefix(content, []byte("-----BEGIN")) {
		read = openpgp.ReadArmoredKeyRing
	}
	list, _ := read(bytes.NewReader(content)) // those before a damaged one stand
	for _, e := range list {
		r.put(e, p)
	}
}

func (r *ring) put(e *openpgp.Entity, p waxseal.Path) {
	if print := fingerprint(e); r.files[print] == "" {
		r.files[print] = p
		r.entities = append(r.entities, e)
	}
}

// take takes the key with a fingerprint, of its own or of a subkey, from another ring.
func (r *ring) take(from *ring, print string) {
	for _, e := range from.entities {
		is := fingerprint(e) == print
		for _, sub := range e.Subkeys {
			is = is || strings.ToUpper(hex.EncodeToString(sub.PublicKey.Fingerprint)) == print
		}
		if is {
			r.put(e, from.files[fingerprint(e)])
		}
	}
}

var errUnsigned = errors.New("it is not signed")

// signed reads the signed text of a release: what is inside InRelease's signature, and
// nothing around it, or Release beside Release.gpg.
func (l *Lists) signed(prefix string) (text []byte, words string, err error) {
	keys, scope := l.ringOf(prefix)
	if scope != nil { // the text says what it is; nobody's word counts for it
		keys = newRing()
	}
	config := &packet.Config{Time: func() time.Time { return l.at }}
	var signer *openpgp.Entity
	content, err := l.tree.ReadFile(waxseal.Path(listsDir+"/"+prefix+"InRelease"), maxRelease)
	if err == nil {
		block, _ := clearsign.Decode(content)
		if block == nil {
			return content, "", errUnsigned
		}
		content = block.Plaintext
		signer, err = openpgp.CheckDetachedSignature(keys.entities, bytes.NewReader(block.Bytes), block.ArmoredSignature.Body, config)
	} else {
		if content, err = l.tree.ReadFile(waxseal.Path(listsDir+"/"+prefix+"Release"), maxRelease); err != nil {
			return nil, "", err
		}
		signature, missing := l.tree.ReadFile(waxseal.Path(listsDir+"/"+prefix+"Release.gpg"), maxRelease)
		if missing != nil {
			return content, "", errUnsigned
		}
		signer, err = openpgp.CheckArmoredDetachedSignature(keys.entities, bytes.NewReader(content), bytes.NewReader(signature), config)
	}
	if scope != nil {
		return content, "", scope
	}
	words, err = l.believe(keys, signer, err)
	return content, words, err
}

// Check says who signed a package of rpm's, by a detached signature in binary form.
func (l *Lists) Check(signed, signature []byte) (string, error) {
	if l.rpm == nil {
		l.rpm = newRing()
		l.rpm.addDir(l.tree, rpmKeys)
	}
	signer, err := checkVersion3(l.rpm.entities, signed, signature)
	if errors.Is(err, errVersion3) {
		config := &packet.Config{Time: func() time.Time { return l.at }}
		signer, err = openpgp.CheckDetachedSignature(l.rpm.entities, bytes.NewReader(signed), bytes.NewReader(signature), config)
	}
	return l.believe(l.rpm, signer, err)
}

// believe says who signed, if it is a key that counts.
func (l *Lists) believe(keys *ring, signer *openpgp.Entity, err error) (string, error) {
	if err != nil || signer == nil {
		return "", fmt.Errorf("its signature is by no key that this host believes for it: %w", err)
	}
	k := keys.key(signer)
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
