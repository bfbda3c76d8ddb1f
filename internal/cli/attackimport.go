package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/archive"
	"waxseal/internal/attack/shelf"
	"waxseal/internal/attack/stix"
)

func (d *door) attackImport() *cobra.Command {
	var release, domain string
	c := &cobra.Command{
		Use: "import FILE…", Short: "Import releases of ATT&CK", Args: cobra.MinimumNArgs(1),
		Long: `Imports bundles of STIX 2.0 or 2.1, plain or packed by gzip, xz, zstd or bzip2, or
directories of files with one object each, into attack.db in the state directory.
What is no STIX is refused, and then nothing at all is imported; objects that can't
be understood are skipped and counted. What a release has already changes nothing.

The release is the one that the collection in the bundle states, or --release.
Files are found on MITRE's pages (https://github.com/mitre-attack/attack-stix-data);
nothing is fetched.`,
		Example: `  waxseal attack import enterprise-attack-19.1.json
  waxseal attack import --release 18.1 enterprise-attack/`,
		RunE: func(_ *cobra.Command, args []string) error { return d.importAttack(args, release, domain) },
	}
	c.Flags().StringVar(&release, "release", "", "`RELEASE` that the files are of, where they don't say it: 19.1")
	c.Flags().StringVar(&domain, "domain", "", "`DOMAIN` that the files are of, where it can't be seen: enterprise-attack")
	return c
}

// AttackImport is the document of waxseal attack import.
type AttackImport struct {
	Attack
	Sources []shelf.Report `json:"sources"`
}

func (d *door) importAttack(args []string, release, domain string) error {
	if release != "" && strings.ContainsAny(release, " \t/?&") {
		return usage("--release %q is no release number", release)
	}
	for _, name := range args { // before a state directory is made
		if _, err := os.Stat(name); err != nil {
			return &exit{code: exitUsage, err: err}
		}
	}
	s, err := shelf.Open(d.config.State)
	if err != nil {
		return d.stateError(err)
	}
	doc := AttackImport{Attack: attackDoc("import"), Sources: []shelf.Report{}}
	err = func() error {
		im, err := s.Begin()
		if err != nil {
			return err
		}
		defer im.Rollback()
		for _, name := range args {
			r, err := d.importSource(im, name, release, domain)
			if err != nil {
				return err
			}
			doc.Sources = append(doc.Sources, r)
		}
		return im.Commit()
	}()
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	if d.json() {
		return d.printJSON(doc)
	}
	d.printImported(doc.Sources)
	return nil
}

// importSource reads one argument: a file, or a directory of them.
func (d *door) importSource(im *shelf.Import, name, release, domain string) (shelf.Report, error) {
	im.Start(name)
	st, err := os.Stat(name)
	if err != nil {
		return shelf.Report{}, err
	}
	defer d.progress("importing " + name)()
	var digest waxseal.Digest
	if st.IsDir() {
		digest, err = importDir(im, name)
	} else {
		digest, err = importFile(im, name, "")
	}
	if err != nil {
		return shelf.Report{}, notImported(name, err)
	}
	r, err := im.Finish(release, domain, digest, time.Now())
	if errors.Is(err, shelf.ErrNoRelease) {
		return r, &exit{code: exitUsage, err: fmt.Errorf("%s: %w", name, err), hint: "say it with --release, such as --release 19.1"}
	}
	if err != nil {
		return r, notImported(name, err)
	}
	return r, nil
}

// notImported says which source is at fault; what is no STIX is a wrong argument.
func notImported(name string, err error) error {
	var syntax *stix.SyntaxError
	var damaged *damagedError
	full := fmt.Errorf("%s: %w; nothing was imported", name, err)
	switch {
	case errors.As(err, &syntax), errors.Is(err, shelf.ErrOtherRelease):
		return &exit{code: exitUsage, err: full}
	case errors.As(err, &damaged):
		return &exit{code: exitUnreadable, err: full}
	case errors.Is(err, waxseal.ErrNotRegular):
		return &exit{code: exitUsage, err: err}
	}
	return full
}

// importFile reads one file; within is its name in the directory that is the source, ""
// where it is the source.
func importFile(im *shelf.Import, name, within string) (waxseal.Digest, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0) // it may be a FIFO
	if err != nil {
		return "", err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return "", err
	} else if !st.Mode().IsRegular() {
		return "", &os.PathError{Op: "import", Path: name, Err: waxseal.ErrNotRegular}
	}
	sum := sha256.New()
	in := io.TeeReader(f, sum)
	plain, err := archive.Unpack(in)
	if err != nil {
		return "", &damagedError{err}
	}
	var digest waxseal.Digest
	rest := func() waxseal.Digest {
		if _, err := io.Copy(io.Discard, in); err == nil { // what the decompressor left
			digest = hexOf(sum)
		}
		return digest
	}
	if err := im.Read(unpacking{plain}, within, rest); err != nil {
		return "", err
	}
	return rest(), nil
}

// damagedError is that of a file that can't be read or unpacked.
type damagedError struct{ err error }

func (e *damagedError) Error() string { return "can't be read: " + e.err.Error() }

func (e *damagedError) Unwrap() error { return e.err }

// unpacking tells errors of reading a file from those of the database that takes it.
type unpacking struct{ io.Reader }

func (u unpacking) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &damagedError{err}
	}
	return n, err
}

func hexOf(sum hash.Hash) waxseal.Digest { return waxseal.Digest(hex.EncodeToString(sum.Sum(nil))) }

// importDir reads all JSON files below a directory, in the order of their names. The
// digest of a directory is that of what sha256sum(1) prints for these files.
func importDir(im *shelf.Import, dir string) (waxseal.Digest, error) {
	list, files := sha256.New(), 0
	err := filepath.WalkDir(dir, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !e.Type().IsRegular() || !strings.Contains(filepath.Base(name), ".json") {
			return err
		}
		within, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		digest, err := importFile(im, name, within)
		if err != nil {
			return fmt.Errorf("%s: %w", within, err)
		}
		files++
		fmt.Fprintf(list, "%s  %s\n", digest, within)
		return nil
	})
	if err == nil && files == 0 {
		err = &stix.SyntaxError{Msg: "has no JSON files, and so no STIX"}
	}
	return hexOf(list), err
}

func (d *door) printImported(sources []shelf.Report) {
	for _, r := range sources {
		if r.New+r.Changed == 0 {
			fmt.Fprintf(d.out, "release %s has all of it already: nothing changed\n", safe(r.Release))
		} else {
			fmt.Fprintf(d.out, "release %s%s\n", safe(r.Release), of(r.Domain))
		}
		d.block("source", wrap(r.Source)...)
		d.block("objects", fmt.Sprintf("%d in the source: %d new, %d in other words than the release had them, %d that it had already", r.Objects, r.New, r.Changed, r.Same))
		d.block("sha-256", string(r.Digest))
		if r.Twice > 0 {
			d.block("twice", wrap(fmt.Sprintf("%s more than once in the source; the version that was modified last counts", count(r.Twice, "object stands", "objects stand")))...)
		}
		if r.Skipped > 0 {
			d.block("skipped", count(r.Skipped, "object that can't be understood", "objects that can't be understood"))
			for _, s := range r.Skips {
				d.block("", wrap(s)...)
			}
		}
	}
	d.notice()
}

func of(domain string) string {
	if domain == "" {
		return ""
	}
	return " of " + safe(domain)
}
