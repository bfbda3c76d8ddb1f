// Package rpm asks rpm's database in a tree which package a file belongs to, and
// whether it is still as the package brought it.
//
// It reads rpmdb.sqlite with its write-ahead log (rpm 4.16 and later), Packages.db
// (ndb, SUSE) and Packages (a Berkeley DB hash, rpm up to 4.15) in /var/lib/rpm,
// /usr/lib/sysimage/rpm and /usr/share/rpm, and in them the headers of packages:
// names, versions, and the digest, mode, flags and state of each file.
// "Unmodified" means that this database says so: whoever is root can change the
// database as well as the file. A package's fingerprint tells that somebody did.
//
// The database also has the signature that the maker of a package put on its header, and
// with it on the digests of all its files: [Parcels] has that checked.
//
// It does not run rpm, and reads no keys. It stands on the edges because
// SQLite reads files, not values: what it is given is copied to a private directory
// first, where nobody else writes and nothing of the tree is touched. Whoever needs
// it asks through an interface of its own (mailpath.Packages).
package rpm

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mailpath"
)

// virtual matches schemas that make more than a table: `CREATE VIRTUAL TABLE …`.
var virtual = regexp.MustCompile(`(?i)^\s*create\s+(virtual|temp)|generated\s+always`)

const (
	// maxFile bounds the database. That of a desktop with everything has 300 MB.
	maxFile     = 1 << 30
	maxTries    = 3
	maxProblems = 10
)

// places are where rpm keeps its database, by distribution and age.
var places = []string{"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"}

// formats are the names of the database, in the order in which rpm looks for them.
var formats = []string{"rpmdb.sqlite", "Packages.db", "Packages"}

// DB is the package database of one tree, in memory.
type DB struct {
	at       waxseal.Path // of the database file
	packages []known
	files    map[waxseal.Path]owned
	brought  map[string][]waxseal.Path // by package; nil until it is asked for
	stamp    string                    // of the files when they were copied
	problems []waxseal.Problem
}

type known struct {
	name, version string
	algorithm     uint32
	print         [32]byte
}

type owned struct {
	pkg    int32
	digest string
}

// Read reads the database. It returns nil for a tree without one; a tree with one
// that can't be read gives problems and what could be read.
func Read(tree waxseal.Tree) (*DB, []waxseal.Problem) {
	at, more := find(tree)
	if at == "" {
		return nil, nil
	}
	db := &DB{at: at, files: map[waxseal.Path]owned{}}
	for _, p := range more {
		db.problem(p, "a second package database; %s is read", at)
	}
	if err := db.each(tree, db.add); err != nil {
		db.problem(at, "the package database can't be read: %s", bareError(err))
	}
	return db, db.problems
}

// bareError leaves out the path of a private copy, which nobody knows.
func bareError(err error) error {
	var where *fs.PathError
	if errors.As(err, &where) {
		return where.Err
	}
	return err
}

func (db *DB) problem(p waxseal.Path, format string, args ...any) {
	if len(db.problems) < maxProblems {
		db.problems = append(db.problems, waxseal.Problem{Path: p, Message: fmt.Sprintf(format, args...), Unreadable: true})
	}
}

// find finds the database. One that is there twice by links is there once.
func find(tree waxseal.Tree) (at waxseal.Path, more []waxseal.Path) {
	seen := map[waxseal.Path]bool{}
	for _, dir := range places {
		for _, name := range formats {
			p := waxseal.Path(path.Join(dir, name))
			st, err := tree.Stat(p)
			if err != nil || st.Type != waxseal.Regular || st.Size == 0 {
				continue
			}
			if st.Resolved != "" {
				p = st.Resolved
			}
			switch {
			case seen[p]:
			case at == "":
				at = p
			default:
				more = append(more, p)
			}
			seen[p] = true
		}
	}
	return at, more
}

// each copies the database and calls do for each package of the copy.
func (db *DB) each(tree waxseal.Tree, do func([]byte)) error {
	dir, err := os.MkdirTemp("", "waxseal-rpm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "rpmdb.sqlite")
	if err := db.copyWhole(tree, name); err != nil {
		return err
	}
	problem := func(err error) { db.problem(db.at, "%s", bareError(err)) }
	if path.Base(string(db.at)) == "rpmdb.sqlite" {
		return eachSQLite(name, do)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if path.Base(string(db.at)) == "Packages.db" {
		return eachNDB(f, st.Size(), do, problem)
	}
	hash, err := openBDB(f, st.Size())
	if err == nil {
		hash.each(do, problem)
	}
	return err
}

// copyWhole copies the database and its write-ahead log as they were at one
// moment: again, if rpm has written meanwhile.
func (db *DB) copyWhole(tree waxseal.Tree, name string) error {
	for range maxTries {
		before := stamp(tree, db.at)
		for _, suffix := range []string{"", "-wal"} {
			err := copyFile(tree, db.at+waxseal.Path(suffix), name+suffix)
			if err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
				return err
			}
		}
		if stamp(tree, db.at) == before {
			db.stamp = before
			db.checkJournal(tree)
			return nil
		}
	}
	return errors.New("it is written to all the time")
}

// checkJournal tells of a transaction that was cut off. Its journal is not played
// back: it may name other files, which SQLite would touch.
func (db *DB) checkJournal(tree waxseal.Tree) {
	if st, err := tree.Stat(db.at + "-journal"); err == nil && st.Size > 0 {
		db.problem(db.at+"-journal", "a transaction of rpm was cut off: what is read of the package database may be half of one")
	}
}

type copier interface {
	CopyTo(p waxseal.Path, w io.Writer, limit int64) error
}

func copyFile(tree waxseal.Tree, p waxseal.Path, name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if c, ok := tree.(copier); ok {
		err = c.CopyTo(p, f, maxFile)
	} else {
		var content []byte
		if content, err = tree.ReadFile(p, maxFile); err == nil {
			_, err = f.Write(content)
		}
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(name)
	}
	return err
}

// stamp tells two states of a database apart by the sizes and times of its files;
// "" where the tree has no times that the kernel keeps.
func stamp(tree waxseal.Tree, at waxseal.Path) string {
	var b strings.Builder
	for _, suffix := range []waxseal.Path{"", "-wal"} {
		st, err := tree.Lstat(at + suffix)
		if err == nil && st.ChangeTime.IsZero() {
			return ""
		}
		fmt.Fprintf(&b, "%d %d %d %d %d %v\n", st.Device, st.Inode, st.Size, st.ChangeTime.UnixNano(), st.ModTime.UnixNano(), err)
	}
	return b.String()
}

// Current reports whether the database in a tree is still the one that was read.
func (db *DB) Current(tree waxseal.Tree) bool {
	at, _ := find(tree)
	return at == db.at && db.stamp != "" && stamp(tree, at) == db.stamp
}

// add takes one package.
func (db *DB) add(blob []byte) {
	in, err := parseInstance(blob)
	if err != nil {
		db.problem(db.at, "package %d: %s", len(db.packages)+1, err)
		return
	}
	i := int32(len(db.packages))
	db.packages = append(db.packages, known{in.name, in.version, in.algorithm, fingerprint(in)})
	if in.odd {
		db.problem(db.at, "package %s: its header is not as its maker made it, by its own digest: it was damaged or edited", in.name)
		for i := range in.files {
			in.files[i].digest = "" // nothing is known of them
		}
	}
	for _, f := range in.files {
		db.files[f.path] = owned{i, f.digest}
	}
}

// fingerprint digests what the database says of a package's files.
func fingerprint(in instance) (sum [32]byte) {
	slices.SortFunc(in.files, func(a, b file) int { return strings.Compare(string(a.path), string(b.path)) })
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %d\n", in.name, in.version, in.algorithm)
	for _, f := range in.files {
		fmt.Fprintf(h, "%q %x %d\n", f.path, f.digest, f.flags)
	}
	h.Sum(sum[:0])
	return sum
}

// Owner names the package that brought a file. Where directories are merged, names
// are tried as given and as they were before.
func (db *DB) Owner(p waxseal.Path) string {
	if f, ok := db.find(p); ok {
		return db.packages[f.pkg].name
	}
	return ""
}

// State judges a file by the digests of its content. A file that a package lists
// without a digest, as it does a log, or with one of a kind that is not at hand,
// is unknown; so is all of a database of which nothing could be read.
func (db *DB) State(p waxseal.Path, sums waxseal.Sums) waxseal.PackageState {
	f, ok := db.find(p)
	if !ok {
		if len(db.packages) == 0 || len(db.problems) > 0 {
			return waxseal.PackageUnknown
		}
		return waxseal.PackageUnowned
	}
	have := map[uint32]string{algorithmMD5: sums.MD5, algorithmSHA256: sums.SHA256}[db.packages[f.pkg].algorithm]
	switch {
	case f.digest == "" || have == "":
		return waxseal.PackageUnknown
	case hex.EncodeToString([]byte(f.digest)) == have:
		return waxseal.PackageUnmodified
	}
	return waxseal.PackageModified
}

// NeedsMD5 reports whether the digest that a package has for a file is MD5, as
// those of before 2009 are. It may be called by several goroutines.
func (db *DB) NeedsMD5(p waxseal.Path) bool {
	f, ok := db.find(p)
	return ok && f.digest != "" && db.packages[f.pkg].algorithm == algorithmMD5
}

func (db *DB) find(p waxseal.Path) (owned, bool) {
	for _, name := range merged(p) {
		if f, ok := db.files[name]; ok {
			return f, true
		}
	}
	return owned{}, false
}

// merged lists the names that a file may have had before /bin, /lib and /sbin became
// links into /usr, and /usr/sbin one to /usr/bin (Fedora 42).
func merged(p waxseal.Path) []waxseal.Path {
	names := []waxseal.Path{p}
	rest, ok := strings.CutPrefix(string(p), "/usr/")
	if !ok {
		return append(names, "/usr"+p)
	}
	names = append(names, waxseal.Path("/"+rest))
	if name, ok := strings.CutPrefix(rest, "bin/"); ok {
		names = append(names, waxseal.Path("/usr/sbin/"+name), waxseal.Path("/sbin/"+name))
	}
	return names
}

// Package describes an installed package; the zero value is none. One that is
// installed more than once, for two architectures, is described as a whole.
func (db *DB) Package(name string) waxseal.Package {
	var versions []string
	var prints [][]byte
	for _, p := range db.packages {
		if p.name == name {
			versions = append(versions, p.version)
			prints = append(prints, p.print[:])
		}
	}
	if versions == nil {
		return waxseal.Package{}
	}
	slices.Sort(versions)
	slices.SortFunc(prints, slices.Compare)
	sum := sha256.Sum256(slices.Concat(prints...))
	return waxseal.Package{
		Name: name, Manager: "rpm", Version: strings.Join(slices.Compact(versions), " "),
		Fingerprint: waxseal.Digest(hex.EncodeToString(sum[:])),
	}
}

// Describe implements mailpath.Packages.
func (db *DB) Describe(name string) waxseal.Package {
	p := db.Package(name)
	p.Fingerprint = ""
	return p
}

// Versions are all installed packages; of one that is installed more than once,
// the version read last.
func (db *DB) Versions() map[string]string {
	all := make(map[string]string, len(db.packages))
	for _, p := range db.packages {
		all[p.name] = p.version
	}
	return all
}

// Files are the files of the database that answers rest on.
func (db *DB) Files() []waxseal.Path {
	if path.Base(string(db.at)) == "rpmdb.sqlite" {
		return []waxseal.Path{db.at, db.at + "-wal"}
	}
	return []waxseal.Path{db.at}
}

// Open is Read for mailpath.Reader.Otherwise.
func Open(tree waxseal.Tree) (mailpath.Packages, []waxseal.Problem) {
	db, problems := Read(tree)
	if db == nil {
		return nil, problems // and no interface that holds nothing
	}
	return db, problems
}
