package agent

import (
	"encoding/json"
	"time"

	"waxseal"
	"waxseal/internal/papers"
	"waxseal/internal/pkgdb/deb"
	"waxseal/internal/store"
)

// packageKeys names the value of the state directory that remembers keys of package
// repositories. Whoever can change it can make a key that came late believed.
const packageKeys = "package keys"

// knownKeys says since when this state directory knows keys of repositories.
type knownKeys struct {
	Since  map[string]time.Time `json:"since"` // by fingerprint
	sealed time.Time
}

// packageKeys are the keys of repositories that have been seen, and the time of the
// seal: what came later is not believed.
func (b *Books) packageKeys() knownKeys {
	k := knownKeys{Since: map[string]time.Time{}}
	if text, err := b.Value(packageKeys); err == nil {
		_ = json.Unmarshal([]byte(text), &k) // none is known then, and none believed
	}
	if at, err := b.sealTime(); err == nil {
		k.sealed = at
	}
	for _, at := range k.Since {
		if first := k.first(); at.Equal(first) && first.After(k.sealed) {
			k.sealed = first // watching began after the seal
		}
	}
	return k
}

// sealedAt is when the seal at an entry was made.
type sealedAt struct {
	index waxseal.Index
	time  time.Time
}

// sealTime is the time of the latest seal. To read one takes long where it has thousands of
// files, and this is asked for each package.
func (b *Books) sealTime() (time.Time, error) {
	index, err := b.LatestSealIndex()
	if err != nil {
		return time.Time{}, err
	}
	if known := b.sealed.Load(); known != nil && known.index == index {
		return known.time, nil
	}
	seal, index, err := b.LatestSeal()
	if err == nil {
		b.sealed.Store(&sealedAt{index, seal.Time})
	}
	return seal.Time, err
}

func (k knownKeys) first() (first time.Time) {
	for _, at := range k.Since {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// trust is what signatures are held against, at a time.
func (b *Books) trust(at time.Time) papers.Trust {
	k := b.packageKeys()
	t := papers.Trust{At: at, Limit: k.sealed}
	if len(k.Since) > 0 { // else nobody has kept count yet
		t.Since = k.Since
	}
	return t
}

// papers are those of the tree that is judged, nil where it is not at hand.
func (b *Books) papers() papers.Source {
	switch {
	case b.Papers != nil:
		return b.Papers
	case b.Tree != nil:
		return &papers.Here{Tree: b.Tree}
	}
	return nil
}

// rememberKeys notes the keys by which the tree believes its repositories.
func (b *Books) rememberKeys(keys []deb.Key, at time.Time) error {
	k := b.packageKeys()
	before := len(k.Since)
	for _, key := range keys {
		if _, ok := k.Since[key.Fingerprint]; !ok {
			k.Since[key.Fingerprint] = at.UTC()
		}
	}
	if len(k.Since) == before {
		return nil
	}
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return b.Append(func(tx *store.Tx) error { return tx.SetValue(packageKeys, string(text)) })
}
