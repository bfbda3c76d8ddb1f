package cli

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"waxseal"
	"waxseal/internal/gitdir"
	"waxseal/internal/permit"
	"waxseal/internal/rootfs"
)

// syncing are the flags of permit sync.
type syncing struct {
	key, from, prefix, source, ticket, reason, until, under string
	maps, hosts                                             []string
}

func (d *door) syncPermit() *cobra.Command {
	var a syncing
	c := &cobra.Command{
		Use: "sync", Short: "Announce the files of a directory or Git checkout as what is to come",
		Long: `Announces the files of a directory as the exact content to come, for a pipeline with
its own key. In a Git checkout the commit and its author are recorded, and every file
must be as that commit has it; files that it does not have are left out. They are read
from .git itself: no hook, filter or program of it is run.

The directory is laid out as below /, or as --prefix and --map say. What the same
source announced before ends, and files that it had and has no longer are announced
to be gone. A person approves it, unless a permit for announcers (--under) did.`,
		Example: `  waxseal permit sync --key ci.pem --from ./mail-config --map postfix=/etc/postfix --until +2h
  waxseal permit sync --key ci.pem --from . --map etc=/etc --under P12 --until +2h`,
		Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return d.runSync(a) },
	}
	f := c.Flags()
	f.StringVar(&a.key, "key", "", "`FILE` with the secret half of the pipeline's key")
	f.StringVar(&a.from, "from", "", "`DIR` with the files to come")
	f.StringVar(&a.prefix, "prefix", "", "`PATH` on the host where the directory's files go (default /)")
	f.StringArrayVar(&a.maps, "map", nil, "`FROM=TO`: only what is below FROM goes, and to TO on the host")
	f.StringVar(&a.source, "source", "", "`NAME` of the source; announcements of one source take each other's place\n(default the directory's name and where its files go)")
	f.StringVar(&a.ticket, "ticket", "", "`TICKET` that the change belongs to (default the commit)")
	f.StringVar(&a.reason, "reason", "", "`TEXT` that says what the change is for (default the commit's subject)")
	f.StringVar(&a.until, "until", "+24h", "`TIME` at which the window ends: RFC 3339 in UTC, or +2h")
	f.StringVar(&a.under, "under", "", "`ID` of the permit under which it is announced, approved in advance")
	f.StringArrayVar(&a.hosts, "host", nil, "only on this `HOST`")
	return c
}

func (d *door) runSync(a syncing) error {
	if a.from == "" {
		return usage("--from DIR is needed: where the files to come are")
	}
	key, err := readSecret(a.key)
	if err != nil {
		return err
	}
	places, err := a.places()
	if err != nil {
		return err
	}
	tree, err := openTree(a.from)
	if err != nil {
		return err
	}
	defer tree.Close()
	s := &checkout{tree: tree, expect: map[waxseal.Path]waxseal.Digest{}}
	if err := s.read(places); err != nil {
		return usage("--from %s: %v", a.from, err)
	}
	if s.left > 0 {
		d.warn(fmt.Sprintf("%s not announced: the commit does not have them", count(s.left, "file is", "files are")))
	}
	r, err := a.request(s, time.Now().UTC())
	if err != nil {
		return err
	}
	if done, err := d.announced(&r, permit.Fingerprint(key.Public().(ed25519.PublicKey))); done || err != nil {
		return err
	}
	return d.takeStep(a.key, permit.Step{Kind: permit.Open, Ask: &r})
}

// place says where the files below a directory of the source go.
type place struct{ from, to waxseal.Path }

func (a syncing) places() (list []place, err error) {
	if len(a.maps) > 0 && a.prefix != "" {
		return nil, usage("--prefix and --map exclude each other")
	}
	if len(a.maps) == 0 {
		a.maps = []string{"=" + cmp.Or(a.prefix, "/")}
	}
	for _, m := range a.maps {
		from, to, ok := strings.Cut(m, "=")
		if !ok || !path.IsAbs(to) || path.IsAbs(from) || slices.Contains(strings.Split(from+"/"+to, "/"), "..") {
			return nil, usage("%q: want FROM=TO, a path in the directory and an absolute one on the host", m)
		}
		list = append(list, place{waxseal.Path(path.Join("/", from)), waxseal.Path(path.Clean(to))})
	}
	return list, nil
}

// request is what is announced.
func (a syncing) request(s *checkout, now time.Time) (r permit.Request, err error) {
	r = permit.Request{Ticket: a.ticket, Reason: a.reason, Expect: s.expect, NotBefore: now, Under: permit.ID(a.under), Scope: permit.Scope{Hosts: typed[waxseal.HostID](a.hosts)}}
	name := path.Base(path.Clean(a.from)) + " " + strings.Join(append(slices.Clone(a.maps), a.prefix), " ")
	r.Source = &permit.Source{Name: cmp.Or(a.source, strings.TrimSpace(name))}
	if c := s.commit; c != nil {
		r.Source.Commit, r.Source.Author, r.Source.Committed = c.ID, c.Author, c.Time
		r.Ticket, r.Reason = cmp.Or(r.Ticket, "commit "+c.ID[:12]), cmp.Or(r.Reason, c.Subject)
	}
	r.NotAfter, err = moment("--until", a.until, now)
	return r, err
}

// announced holds a request against what the source announced before: nothing is to be
// done where that is the same and still holds, and what it had and has no longer is to be
// gone.
func (d *door) announced(r *permit.Request, key string) (done bool, err error) {
	book, err := d.office()
	if err != nil {
		return false, err
	}
	for _, p := range book.Permits() {
		if p.Source == nil || p.Source.Name != r.Source.Name || p.Requester.Key != key {
			continue
		}
		for f, digest := range p.Expect {
			if _, still := r.Expect[f]; !still && digest != "" {
				r.Expect[f] = "" // an earlier announcement said it, and a later one may say otherwise
			}
		}
		state := p.State(time.Now())
		if (state == permit.Requested || state == permit.Approved) && maps.Equal(p.Expect, r.Expect) && p.Under == r.Under && p.Source.Commit == r.Source.Commit {
			d.warn(fmt.Sprintf("announced already as %s, and nothing is different", p.ID))
			return true, d.printPermit(p)
		}
	}
	return false, nil
}

// checkout is a directory of files to come, with its commit if it is a checkout.
type checkout struct {
	tree   *rootfs.Tree
	commit *gitdir.Commit
	files  map[string]gitdir.Entry // of the commit
	expect map[waxseal.Path]waxseal.Digest
	left   int // files that the commit does not have
}

func (s *checkout) read(places []place) error {
	r, err := gitdir.Open(s.tree)
	switch {
	case errors.Is(err, gitdir.ErrNone):
	case err != nil:
		return err
	default:
		c, err := r.Head()
		if err != nil {
			return err
		}
		if s.files, err = r.Files(c); err != nil {
			return err
		}
		s.commit = &c
	}
	for _, p := range places {
		if err := s.below(p.from, p.to); err != nil {
			return err
		}
	}
	if len(s.expect) == 0 {
		return errors.New("no file is in it")
	}
	return nil
}

// below takes in a directory.
func (s *checkout) below(from, to waxseal.Path) error {
	f, err := s.tree.Lstat(from)
	if err != nil {
		return err
	}
	if f.Type != waxseal.Directory {
		return s.take(from, to, f)
	}
	names, err := s.tree.ReadDir(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == ".git" {
			continue
		}
		if err := s.below(waxseal.Path(path.Join(string(from), name)), waxseal.Path(path.Join(string(to), name))); err != nil {
			return err
		}
	}
	return nil
}

// take takes in one file, or what a link within the directory leads to.
func (s *checkout) take(from, to waxseal.Path, f waxseal.File) error {
	read := from
	switch f.Type {
	case waxseal.Regular:
	case waxseal.Symlink:
		target := path.Join(path.Dir(string(from)), f.Link)
		if path.IsAbs(f.Link) || outside(path.Dir(string(from)), f.Link) {
			return fmt.Errorf("%s is a link out of it (%s)", from, f.Link)
		}
		t, err := s.tree.Lstat(waxseal.Path(target))
		if err != nil || t.Type != waxseal.Regular {
			return fmt.Errorf("%s is a link to what is no file (%s)", from, f.Link)
		}
		if known, err := s.known(from, []byte(f.Link)); err != nil || !known {
			return err
		}
		read = waxseal.Path(target)
	default:
		return fmt.Errorf("%s is neither file nor directory", from)
	}
	content, err := s.tree.ReadFile(read, maxPatched)
	if err != nil {
		return fmt.Errorf("%s: %w", read, err)
	}
	if known, err := s.known(read, content); err != nil || !known {
		return err
	}
	if _, twice := s.expect[to]; twice {
		return fmt.Errorf("two files go to %s", to)
	}
	if len(s.expect) >= maxExpected {
		return fmt.Errorf("more than %d files", maxExpected)
	}
	sum := sha256.Sum256(content)
	s.expect[to] = waxseal.Digest(hex.EncodeToString(sum[:]))
	return nil
}

// known reports whether the commit has a file, and refuses one that it has otherwise.
func (s *checkout) known(p waxseal.Path, content []byte) (bool, error) {
	if s.commit == nil {
		return true, nil
	}
	e, ok := s.files[strings.TrimPrefix(string(p), "/")]
	if !ok {
		s.left++
		return false, nil
	}
	if e.ID != gitdir.BlobID(content) {
		return false, fmt.Errorf("%s is not as commit %s has it: commit it first", p, s.commit.ID[:12])
	}
	return true, nil
}

// outside reports whether a relative link leaves the root on its way.
func outside(dir, link string) bool {
	depth := len(strings.FieldsFunc(dir, func(r rune) bool { return r == '/' }))
	for _, part := range strings.Split(link, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; depth < 0 {
				return true
			}
		default:
			depth++
		}
	}
	return false
}
