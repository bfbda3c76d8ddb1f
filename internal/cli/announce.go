package cli

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/rootfs"
	"waxseal/internal/unified"
)

// maxExpected bounds how many files an announcement names.
const maxExpected = 10_000

// expected digests the files to come: those of a directory, or what a diff makes.
func (d *door) expected(name string) (map[waxseal.Path]waxseal.Digest, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, usage("--expect: %v", err)
	}
	if st.IsDir() {
		return expectedFiles(name)
	}
	found, err := d.expectedByDiff(name)
	var e *exit
	if err != nil && !errors.As(err, &e) {
		err = usage("--expect %s: %v", name, err)
	}
	return found, err
}

// expectedFiles digests a directory of files to come.
func expectedFiles(dir string) (map[waxseal.Path]waxseal.Digest, error) {
	tree, err := openTree(dir)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	found := map[waxseal.Path]waxseal.Digest{}
	if err := digestBelow(tree, "", found); err != nil {
		return nil, &exit{code: exitUsage, err: fmt.Errorf("--expect: %w", err)}
	}
	if len(found) == 0 {
		return nil, usage("--expect %s: no file is in it", dir)
	}
	return found, nil
}

func digestBelow(tree *rootfs.Tree, dir waxseal.Path, found map[waxseal.Path]waxseal.Digest) error {
	names, err := tree.ReadDir(cmp.Or(dir, "/"))
	if err != nil {
		return err
	}
	for _, name := range names {
		p := dir + "/" + waxseal.Path(name)
		f, err := tree.Lstat(p)
		switch {
		case err != nil:
			return err
		case f.Type == waxseal.Directory:
			err = digestBelow(tree, p, found)
		case f.Type != waxseal.Regular:
			err = fmt.Errorf("%s is neither file nor directory", p)
		case len(found) >= maxExpected:
			err = fmt.Errorf("more than %d files", maxExpected)
		default:
			found[p], err = tree.Digest(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxPatched bounds a file that a diff is applied to.
const maxPatched = 64 << 20

// expectedByDiff applies a unified diff in memory to the files as they are last known.
func (d *door) expectedByDiff(name string) (map[waxseal.Path]waxseal.Digest, error) {
	text, err := readSome(name, 8<<20)
	if err != nil {
		return nil, err
	}
	files, err := unified.Parse(text)
	if err != nil {
		return nil, err
	}
	k, err := d.lastKnown()
	if err != nil {
		return nil, err
	}
	defer k.tree.Close()
	found := map[waxseal.Path]waxseal.Digest{}
	for _, f := range files {
		name, err := f.Path()
		if err != nil {
			return nil, err
		}
		p := waxseal.Path(name)
		if _, twice := found[p]; twice {
			return nil, fmt.Errorf("%s stands in it twice", p)
		}
		if found[p], err = k.after(p, f); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	return found, nil
}

// known is the tree as it is, and as it was last known.
type known struct {
	tree      *rootfs.Tree
	now, last waxseal.State
	dirs      []waxseal.Path // of configurations: a new file there belongs to the mail path
}

func (d *door) lastKnown() (k known, err error) {
	books, err := d.readBooks()
	if err != nil {
		return k, err
	}
	defer books.Close()
	last, _, err := books.LastKnown()
	if err != nil {
		return k, err
	}
	if k.tree, err = openTree(d.config.Root); err != nil {
		return k, err
	}
	k.now = d.readHere(k.tree, books.Masker)
	if k.last = k.now; last != nil {
		k.last = *last
	} else {
		d.warn("nothing is sealed yet: the diff is held against the files as they are")
	}
	k.dirs, _ = agent.MailSet(k.last)
	return k, nil
}

func stateOf(s waxseal.State, p waxseal.Path) (waxseal.FileState, bool) {
	i := slices.IndexFunc(s.Files, func(f waxseal.FileState) bool { return f.Path == p })
	if i < 0 || s.Files[i].Missing {
		return waxseal.FileState{}, false
	}
	return s.Files[i], true
}

// after is the digest of a file when a diff has been applied to it, "" if it is gone.
func (k known) after(p waxseal.Path, f unified.File) (waxseal.Digest, error) {
	was, sealed := stateOf(k.last, p)
	now, there := stateOf(k.now, p)
	belongs := func(dir waxseal.Path) bool { return strings.HasPrefix(string(p), string(dir)+"/") }
	switch {
	case !sealed && !slices.ContainsFunc(k.dirs, belongs):
		return "", errors.New("it is no file of the mail path")
	case sealed != there, sealed && (was.Digest != now.Digest || was.Keyed != now.Keyed):
		return "", errors.New("it is not as it was last known: look at 'waxseal check' first")
	}
	content, err := k.tree.ReadFile(p, maxPatched)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case err != nil && !missing:
		return "", err
	case f.Created() && !missing:
		return "", errors.New("the diff makes it anew, and it is there")
	case missing && !f.Created():
		return "", errors.New("it is not there")
	}
	text, err := f.Apply(content)
	if err != nil || f.Removed() {
		return "", err
	}
	sum := sha256.Sum256(text)
	return waxseal.Digest(hex.EncodeToString(sum[:])), nil
}

// readSome reads a regular file of bounded size.
func readSome(name string, limit int64) ([]byte, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", name, waxseal.ErrNotRegular)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s: %w", name, waxseal.ErrTooLarge)
	}
	return text, err
}

// request is a permit's request as a file.
type request struct {
	Ticket     string            `yaml:"ticket"`
	Reason     string            `yaml:"reason"`
	NotBefore  string            `yaml:"not_before"`
	NotAfter   string            `yaml:"not_after"`
	Hosts      []string          `yaml:"hosts"`
	Paths      []string          `yaml:"paths"`
	Hooks      []string          `yaml:"hooks"`
	Parameters []string          `yaml:"parameters"`
	Operations []string          `yaml:"operations"`
	Actors     []uint32          `yaml:"actors"`
	Announcers []string          `yaml:"announcers"`
	MaxChanges *int              `yaml:"max_changes"`
	Expect     map[string]string `yaml:"expect"`
}

// permitFile reads a request from a file, strictly.
func permitFile(a asking) (asking, map[waxseal.Path]waxseal.Digest, error) {
	if a.expect != "" || a.ticket+a.reason+a.from+a.until != "" || len(a.hosts)+len(a.paths)+len(a.hooks)+len(a.parameters)+len(a.operations)+len(a.hands)+len(a.announcers) > 0 {
		return a, nil, usage("--file has the whole request: give no other flag but --key")
	}
	text, err := readLimited(a.file)
	if err != nil {
		return a, nil, usage("--file: %v", err)
	}
	var r request
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	err = dec.Decode(&r)
	if err == nil && !errors.Is(dec.Decode(new(any)), io.EOF) {
		err = errors.New("more than one YAML document")
	}
	if err != nil {
		return a, nil, usage("--file %s: %s", a.file, yamlWords(err))
	}
	a.ticket, a.reason, a.from, a.until = r.Ticket, r.Reason, r.NotBefore, r.NotAfter
	a.hosts, a.paths, a.hooks, a.parameters, a.operations, a.announcers = r.Hosts, r.Paths, r.Hooks, r.Parameters, r.Operations, r.Announcers
	for _, uid := range r.Actors {
		a.hands = append(a.hands, strconv.FormatUint(uint64(uid), 10))
	}
	if r.MaxChanges != nil {
		a.most = *r.MaxChanges
	}
	var expect map[waxseal.Path]waxseal.Digest
	for p, digest := range r.Expect {
		if expect == nil {
			expect = map[waxseal.Path]waxseal.Digest{}
		}
		expect[waxseal.Path(p)] = waxseal.Digest(digest)
	}
	return a, expect, nil
}
