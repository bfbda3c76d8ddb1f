package agent

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/deb"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/pkgdb/translog"
)

const (
	dpkgLog    waxseal.Path = "/var/log/dpkg.log"
	historyLog waxseal.Path = "/var/log/apt/history.log"
	dnfLog     waxseal.Path = "/var/log/dnf.rpm.log"
	archiveDir waxseal.Path = "/var/cache/apt/archives"
	maxLog                  = 32 << 20
	rotated                 = 12
	maxArchive              = 512 << 20
)

// Transactions reads what package managers of a tree wrote down, oldest first: the logs of
// a year, as Debian's logrotate(8) keeps them.
func Transactions(tree waxseal.Tree) []translog.Transaction {
	zone := zoneOf(tree)
	var list []translog.Transaction
	var runs []translog.Run
	ends := []waxseal.Path{".1", ""}
	for n := 1; n <= rotated; n++ {
		ends = append([]waxseal.Path{waxseal.Path(fmt.Sprintf(".%d.gz", n))}, ends...)
	}
	for _, end := range ends {
		list = append(list, translog.ParseDpkg(logText(tree, dpkgLog+end), zone)...)
		runs = append(runs, translog.ParseHistory(logText(tree, historyLog+end), zone)...)
		list = append(list, translog.ParseDNF(logText(tree, dnfLog+end))...)
	}
	translog.Name(list, runs)
	slices.SortStableFunc(list, func(a, b translog.Transaction) int { return a.From.Compare(b.From) })
	return list
}

// logText is a log, "" where it is not there or can't be read: then it explains nothing.
func logText(tree waxseal.Tree, p waxseal.Path) string {
	text, err := tree.ReadFile(p, maxLog)
	if err != nil {
		return ""
	}
	if !strings.HasSuffix(string(p), ".gz") {
		return string(text)
	}
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return ""
	}
	text, _ = io.ReadAll(io.LimitReader(z, maxLog)) // what comes before damage is what was written
	return string(text)
}

// zoneOf is the time zone that a tree's programs write in.
func zoneOf(tree waxseal.Tree) *time.Location {
	content, err := tree.ReadFile("/etc/localtime", 1<<20)
	if err != nil {
		return time.UTC
	}
	zone, err := time.LoadLocationFromTZData("local", content)
	if err != nil {
		return time.UTC
	}
	return zone
}

// copier is a tree that hands a file over without keeping it.
type copier interface {
	CopyTo(p waxseal.Path, w io.Writer, limit int64) error
}

// Archives reads the package archives that apt has kept, of the packages that are
// wanted and were not read before, and asks the signed lists for each. It notes in read
// what it has read.
func Archives(tree waxseal.Tree, wanted, read map[string]bool, at time.Time, keys knownKeys) []parcel.Archive {
	names, err := tree.ReadDir(archiveDir)
	if err != nil {
		return nil
	}
	lists := deb.Open(tree, at, keys.since(), keys.sealed)
	var found []parcel.Archive
	for _, name := range names {
		pkg, _, ok := strings.Cut(name, "_")
		if !ok || !wanted[pkg] || !strings.HasSuffix(name, ".deb") {
			continue
		}
		f, err := tree.Stat(archiveDir + "/" + waxseal.Path(name))
		stamp := fmt.Sprintf("%s %d %d", name, f.Size, f.ModTime.UnixNano())
		if err != nil || read[stamp] {
			continue
		}
		read[stamp] = true
		if a, err := readArchive(tree, archiveDir+"/"+waxseal.Path(name)); err == nil { // a damaged one vouches for nothing
			lists.Vouch(&a)
			found = append(found, a)
		}
	}
	return found
}

// signedHeaders asks rpm's database for packages as their makers signed them, and for when
// they came. There is none where dpkg rules.
func signedHeaders(tree waxseal.Tree, wanted map[string]bool, at time.Time, keys knownKeys) ([]parcel.Archive, []translog.Transaction) {
	archives, log, err := rpm.Parcels(tree, wanted, deb.Open(tree, at, keys.since(), keys.sealed).Check)
	if err != nil {
		return nil, nil // a damaged database explains nothing, and the reading of the state tells of it
	}
	return archives, log
}

func readArchive(tree waxseal.Tree, p waxseal.Path) (parcel.Archive, error) {
	c, ok := tree.(copier)
	if !ok {
		content, err := tree.ReadFile(p, maxArchive)
		if err != nil {
			return parcel.Archive{}, err
		}
		a, err := deb.Read(bytes.NewReader(content))
		a.Where = p
		return a, err
	}
	out, in := io.Pipe()
	go func() { in.CloseWithError(c.CopyTo(p, in, maxArchive)) }()
	a, err := deb.Read(out)
	out.CloseWithError(fmt.Errorf("%s: no more is wanted", p))
	a.Where = p
	return a, err
}
