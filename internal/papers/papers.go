// Package papers reads what a host has on paper of its changes: the logs of package
// managers, archives and signed headers of packages, the keys of repositories, and the
// history that etckeeper(8) writes of /etc.
//
// All of it is what root makes of it, and much came from elsewhere. So it is read where
// it can do no harm: [Source] is answered by [Here], in the process that asks, or by
// package readroom in one that can do nothing else. What can't be read is said in words:
// then nothing is known, neither for a change nor against it.
package papers

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/parcel"
	"waxseal/internal/pkgdb/deb"
	"waxseal/internal/pkgdb/rpm"
	"waxseal/internal/pkgdb/translog"
)

// Source answers from the papers of one tree.
type Source interface {
	// Transactions are what package managers wrote down, oldest first. An error beside
	// them says what could not be read.
	Transactions() ([]translog.Transaction, error)
	// Archive is one package archive, with what is in it if a signed index names it.
	Archive(waxseal.Path, Trust) (parcel.Archive, error)
	// Headers are the packages that are wanted as rpm's database has them, and when all
	// came.
	Headers(wanted map[string]bool, t Trust) ([]parcel.Archive, []translog.Transaction, error)
	// Keys are those by which the tree believes its repositories.
	Keys() ([]deb.Key, error)
	// History says since when the history of /etc has the content that a file has now, ""
	// where there is none.
	History(waxseal.Path) (string, error)
}

// ErrLost says that a source came to its end over a question.
var ErrLost = errors.New("what reads it came to its end")

// Trust says which keys of repositories count: those that were known before a time.
type Trust struct {
	At    time.Time            // by which signatures are judged
	Since map[string]time.Time // when a key came to be known, by fingerprint; nil where all that the tree trusts count
	Limit time.Time
}

func (t Trust) lists(tree waxseal.Tree) *deb.Lists {
	if t.Since == nil {
		return deb.Open(tree, t.At, nil, t.Limit)
	}
	return deb.Open(tree, t.At, func(k deb.Key) time.Time { return t.Since[k.Fingerprint] }, t.Limit)
}

// same reports whether lists that were opened for one count for the other.
func (t Trust) same(o Trust) bool {
	if !t.At.Equal(o.At) || !t.Limit.Equal(o.Limit) || len(t.Since) != len(o.Since) || (t.Since == nil) != (o.Since == nil) {
		return false
	}
	for k, at := range t.Since {
		if !o.Since[k].Equal(at) {
			return false
		}
	}
	return true
}

// Places are what is read for all of that, and nothing else. A key that a source of apt's
// names elsewhere is not believed.
func Places() []waxseal.Path {
	return []waxseal.Path{"/etc", "/usr", "/opt", "/var/cache/apt", "/var/lib/apt", "/var/lib/extrepo", "/var/lib/rpm", "/var/log"}
}

// Here reads in the process that asks. It is for one goroutine.
type Here struct {
	Tree waxseal.Tree

	lists *deb.Lists // as they were opened last
	trust Trust
}

func (h *Here) open(t Trust) *deb.Lists {
	if h.lists == nil || !h.trust.same(t) {
		h.lists, h.trust = t.lists(h.Tree), t
	}
	return h.lists
}

// Keys implements Source.
func (h *Here) Keys() ([]deb.Key, error) {
	keys := deb.Keys(h.Tree)
	for i := range keys {
		keys[i].Owner, keys[i].File = utf8Only(keys[i].Owner), waxseal.Path(utf8Only(string(keys[i].File)))
	}
	return keys, nil
}

// Headers implements Source.
func (h *Here) Headers(wanted map[string]bool, t Trust) ([]parcel.Archive, []translog.Transaction, error) {
	archives, log, err := rpm.Parcels(h.Tree, wanted, h.open(t).Check)
	for i := range archives {
		archives[i] = clean(archives[i])
	}
	return archives, tidy(log), err
}

const (
	archiveDir waxseal.Path = "/var/cache/apt/archives"
	// enough is how many archives in a row may end who reads them before no more are tried.
	enough = 3
)

// Archives reads the package archives that apt has kept, of the packages that are wanted
// and were not read before, and notes in read what it has read. One that can't be read is
// among them under the name of its file, and says why.
func Archives(tree waxseal.Tree, from Source, wanted, read map[string]bool, t Trust) (found []parcel.Archive) {
	names, _ := tree.ReadDir(archiveDir) // not there, none
	lost := 0
	for _, name := range names {
		a, ok := named(name)
		if !ok || !wanted[a.Package] {
			continue
		}
		f, err := tree.Stat(a.Where)
		stamp := fmt.Sprintf("%s %d %d", name, f.Size, f.ModTime.UnixNano())
		if err != nil || read[stamp] {
			continue
		}
		read[stamp] = true
		if lost == enough {
			a.Voucher = cannot(a, ErrLost)
			found = append(found, a)
			continue
		}
		is, err := from.Archive(a.Where, t)
		if err != nil {
			a.Voucher = cannot(a, err)
			is = a
		}
		if lost++; !errors.Is(err, ErrLost) {
			lost = 0
		}
		found = append(found, is)
	}
	return found
}

func cannot(a parcel.Archive, err error) string {
	return "its archive " + string(a.Where) + " can't be read: " + err.Error()
}

// named is an archive by the name of its file alone: "postfix_3.7.11-0+deb12u1_amd64.deb",
// where a colon of the version is "%3a".
func named(name string) (a parcel.Archive, ok bool) {
	parts := strings.Split(name, "_")
	if len(parts) != 3 || !strings.HasSuffix(parts[2], ".deb") || parts[0] == "" || !valid(name) {
		return a, false
	}
	version := strings.ReplaceAll(strings.ReplaceAll(parts[1], "%3a", ":"), "%3A", ":")
	return parcel.Archive{Package: parts[0], Version: version, Where: archiveDir + "/" + waxseal.Path(name)}, true
}

// Headers asks for the signed headers of rpm's database where a tree has one.
func Headers(tree waxseal.Tree, from Source, wanted map[string]bool, t Trust) ([]parcel.Archive, []translog.Transaction, error) {
	if !rpm.Has(tree) {
		return nil, nil, nil
	}
	archives, log, err := from.Headers(wanted, t)
	if err != nil {
		return nil, nil, fmt.Errorf("rpm's database: %w", err)
	}
	return archives, log, nil
}

// clean leaves out of an archive what no file of the mail set can be: names and links that
// are not UTF-8.
func clean(a parcel.Archive) parcel.Archive {
	for p, e := range a.Entries {
		if valid(string(p)) && valid(e.Link) {
			continue
		}
		delete(a.Entries, p)
	}
	a.Package, a.Version, a.Voucher = utf8Only(a.Package), utf8Only(a.Version), utf8Only(a.Voucher)
	return a
}

func valid(s string) bool { return utf8Only(s) == s }

func utf8Only(s string) string { return strings.ToValidUTF8(s, "�") }

// tidy does so for transactions, and bounds their lines.
func tidy(list []translog.Transaction) []translog.Transaction {
	list = slices.DeleteFunc(slices.Clone(list), func(t translog.Transaction) bool { return max(len(t.Package), len(t.Old), len(t.New)) > maxName })
	for i := range list {
		t := &list[i]
		t.Line, t.Command, t.By = t.Line[:min(len(t.Line), maxLine)], t.Command[:min(len(t.Command), maxLine)], t.By[:min(len(t.By), maxLine)]
		for _, s := range []*string{&t.Manager, &t.Action, &t.Package, &t.Old, &t.New, &t.Command, &t.By, &t.Line} {
			*s = utf8Only(*s)
		}
	}
	return list
}

// Words is an error in one line of words that may be shown.
func Words(err error) string {
	return clip(utf8Only(strings.ReplaceAll(err.Error(), "\n", "; ")))
}

func clip(s string) string {
	const most = 600
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
