package deb

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/parcel"
)

// Lists are what apt keeps of the repositories of a tree: /var/lib/apt/lists. A release
// file is signed and has the digests of the indexes; an index has the digest of each
// archive (Debian's wiki, DebianRepository/Format).
type Lists struct {
	tree  waxseal.Tree
	at    time.Time // by which signatures and keys are judged
	since func(Key) time.Time
	limit time.Time
	// all are the keys that apt trusts for all repositories, rpm those of rpm's; nil until
	// they are asked for.
	all, rpm *ring
	sources  []source // that apt is told of, once they were asked for
	asked    bool
	names    []string
	known    map[string]release // by the name that its files begin with
	texts    map[string][]byte  // indexes that are what their release says, by name
}

const (
	listsDir   = "/var/lib/apt/lists"
	maxRelease = 8 << 20
	maxIndex   = 256 << 20 // Debian's main for one architecture has 50 MB
)

// release is one release file.
type release struct {
	fields  map[string]string
	digests map[string]string // of indexes, by path
	words   string            // who signed it
	err     error             // why it does not count
}

// Open opens the lists of a tree, at a time. Keys count that were known before a time
// limit, by since: a key that came later may be one of whoever changed the host.
// Where since is nil, all that the tree trusts count.
func Open(tree waxseal.Tree, at time.Time, since func(Key) time.Time, limit time.Time) *Lists {
	names, _ := tree.ReadDir(listsDir) // without lists nobody vouches for anything
	return &Lists{tree: tree, at: at, since: since, limit: limit, names: names, known: map[string]release{}, texts: map[string][]byte{}}
}

var (
	errNoLists = errors.New("apt's lists are not there")
	errUnnamed = errors.New("no signed index names it")
)

// Vouch sets whether a signed index names an archive, and by whom, or why not.
func (l *Lists) Vouch(a *parcel.Archive) {
	words, err := l.voucher(func(index []byte) bool { return names(index, *a) })
	a.Signed, a.Voucher = err == nil, words
	if err != nil {
		a.Voucher = err.Error()
	}
}

// Knows reports, by an error that says why not, whether a signed index that counts names
// an archive with this digest: one that nobody vouches for need not be unpacked.
func (l *Lists) Knows(archive waxseal.Digest) error {
	_, err := l.voucher(func(index []byte) bool { return bytes.Contains(index, mark(archive)) })
	return err
}

// voucher is who signed an index that names something.
func (l *Lists) voucher(names func(index []byte) bool) (string, error) {
	if len(l.names) == 0 {
		return "", errNoLists
	}
	why := errUnnamed
	for _, name := range l.names {
		prefix, ok := strings.CutSuffix(name, "InRelease")
		if !ok {
			if prefix, ok = strings.CutSuffix(name, "Release"); !ok {
				continue
			}
		}
		rel := l.release(prefix)
		for index, digest := range rel.digests {
			if index != "Packages" && !strings.HasSuffix(index, "/Packages") {
				continue
			}
			text, err := l.index(prefix, index, digest)
			if err != nil || !names(text) {
				continue
			}
			if rel.err == nil {
				return rel.words, nil
			}
			why = fmt.Errorf("%s names it, and %w", listsDir+"/"+prefix+"InRelease", rel.err)
		}
	}
	return "", why
}

// names reports whether an index has an archive under its name, version and digest.
func names(index []byte, a parcel.Archive) bool {
	i := bytes.Index(index, mark(a.SHA256))
	if i < 0 {
		return false
	}
	from := bytes.LastIndex(index[:i], []byte("\n\n")) + 1
	stanza := index[max(from, 0):i]
	return field(stanza, "Package") == a.Package && field(stanza, "Version") == a.Version
}

// mark is the line of an index that has a digest.
func mark(d waxseal.Digest) []byte { return []byte("\nSHA256: " + string(d) + "\n") }

// index is the text of an index, if it is the one that the release names.
func (l *Lists) index(prefix, name, digest string) ([]byte, error) {
	file := prefix + strings.ReplaceAll(name, "/", "_")
	if text, ok := l.texts[file]; ok {
		return text, nil
	}
	text, err := l.unpacked(waxseal.Path(listsDir + "/" + file))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	if hex.EncodeToString(sum[:]) != digest {
		return nil, errors.New("it is not what the release says")
	}
	l.texts[file] = text
	return text, nil
}

// unpacked reads an index, which apt keeps plain or packed (apt.conf(5)
// Acquire::GzipIndexes).
func (l *Lists) unpacked(p waxseal.Path) ([]byte, error) {
	text, err := l.tree.ReadFile(p, maxIndex)
	if err == nil {
		return text, nil
	}
	for _, ext := range []string{".lz4", ".gz", ".xz", ".zst"} {
		packed, err := l.tree.ReadFile(p+waxseal.Path(ext), maxIndex)
		if err != nil {
			continue
		}
		z, done, err := unpack(ext, bytes.NewReader(packed))
		if err != nil {
			return nil, err
		}
		defer done()
		return io.ReadAll(&limited{z, maxIndex})
	}
	return nil, err
}

// release reads and checks a release file once.
func (l *Lists) release(prefix string) release {
	if rel, ok := l.known[prefix]; ok {
		return rel
	}
	text, words, err := l.signed(prefix)
	rel := parseRelease(string(text))
	rel.err, rel.words = err, rel.title()+", "+words
	if until, parsed := releaseTime(rel.fields["Valid-Until"]); parsed && err == nil && l.at.After(until.Add(maxStale)) {
		rel.err = fmt.Errorf("it has been out of date since %s", until.Format(time.DateOnly))
	}
	l.known[prefix] = rel
	return rel
}

// maxStale is how long a release file counts after its time: apt keeps the old one while
// it can't fetch another.
const maxStale = 30 * 24 * time.Hour

func releaseTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC1123, "Mon, _2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700"} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func (r release) title() string {
	name := strings.TrimSpace(r.fields["Origin"] + " " + r.fields["Version"])
	if suite := r.fields["Codename"]; suite != "" {
		name = strings.TrimSpace(name + " (" + suite + ")")
	}
	if name == "" {
		return "a repository without a name"
	}
	return clip(name)
}

func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// parseRelease reads the fields of a release file, and of SHA256 the digests. Older
// kinds of digest are not looked at.
func parseRelease(text string) release {
	r := release{fields: map[string]string{}, digests: map[string]string{}}
	in := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, " ") {
			if f := strings.Fields(line); in == "SHA256" && len(f) == 3 {
				r.digests[f[2]] = f[0]
			}
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		in = key
		r.fields[key] = strings.TrimSpace(value)
	}
	return r
}
