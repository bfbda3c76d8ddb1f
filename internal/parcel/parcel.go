// Package parcel decides whether a package manager explains a change: by whose hand it
// was, by the transaction that was written down, and by the content that the package
// brings. It grades the evidence as a rung, and says in one line why.
//
// None of the three is enough by itself. A name is whatever a process calls itself, a
// log and a package database are what root makes of them, and the right content may be
// an old version with a hole. The content counts as the package's own where an archive
// has it that a signed index vouches for; where only the local database says so, the
// rung is lower and the answer says that.
//
// What a maintainer script makes, and what no package brought, is explained by no
// package: on Debian that is main.cf, master.cf and /etc/aliases.
package parcel

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"waxseal"
	"waxseal/internal/pkgdb/translog"
)

// Archive is what a package archive (.deb, .rpm) holds, and who vouches for it.
type Archive struct {
	Package, Version string
	Where            waxseal.Path // the archive, or the database that has its signed header
	SHA256           waxseal.Digest
	Entries          map[waxseal.Path]Entry
	Signed           bool
	// Voucher says who signed: "Debian 12.12 (bookworm), signed by Debian Archive …".
	// Where nobody did that counts, it says why not.
	Voucher string
}

// Entry is one file of an archive.
type Entry struct {
	SHA256        waxseal.Digest // of a regular file
	Link          string         // of a symbolic link
	Mode          uint32
	UID, GID      uint32 // [waxseal.Unset] where only a name is known
	Configuration bool   // the administrator may change it: a conffile, %config
}

// Case is one change, and what is known of it.
type Case struct {
	Change waxseal.Change
	Hand   Hand
	// Seen says that a sensor saw the change being made, at At. Where none did, it lies
	// between Since and At, and nobody knows whose hand it was.
	Seen         bool
	At, Since    time.Time
	Transactions []translog.Transaction
	// Unread says why what package managers wrote down is not all known, "" where it is.
	Unread   string
	Archives map[string]Archive // by [Key], of the versions that are installed
	// Packages are those that are installed now, and Files the files of the mail set.
	Packages []waxseal.Package
	Files    []waxseal.FileState
}

// Key names an archive: a package and one version of it.
func Key(name, version string) string { return name + " " + version }

// Verdict is what packages say of a change.
type Verdict struct {
	Rung waxseal.Rung
	// Package, Old and New are the transaction that explains it, or that it came with.
	Package, Old, New string
	// Why is one line: why a package explains it, or why not. "" where no package has
	// anything to do with it.
	Why string
	// Beside says that the change came with a transaction and is none of its content.
	Beside bool
	// Forged says that the local database calls a file unmodified that the signed archive
	// has otherwise: somebody edited the database.
	Forged bool
	// Unwritten says that the database has another version, and no transaction of it is
	// written down, or that somebody else wrote the files which it calls the package's.
	Unwritten bool
	// Inferred says that the log and the local database alone say so, both of which are
	// root's: nobody saw the hand, and no signature vouches for the content.
	Inferred bool
}

// Judge says how strong the evidence is that a package manager made a change.
func Judge(c Case) Verdict {
	if len(c.Change.Packages) > 0 {
		return c.packages()
	}
	name := ownerOf(c.Change)
	if name == "" {
		return c.unowned()
	}
	t, v, ok := c.transaction(name, c.versionsOf(name))
	if !ok {
		return v
	}
	return c.content(t, v)
}

// ownerOf is the package that a changed file belongs to, now or before.
func ownerOf(ch waxseal.Change) string {
	for _, f := range []*waxseal.FileState{ch.After, ch.Before} {
		if f != nil && f.Package != "" {
			return f.Package
		}
	}
	return ""
}

// versionsOf are the versions of a package that are installed: rpm can have several at
// once, and has two of each package that it upgrades for a moment.
func (c Case) versionsOf(name string) []string {
	for _, p := range c.Packages {
		if p.Name == name {
			return strings.Fields(p.Version)
		}
	}
	return nil
}

// none is a verdict that explains nothing.
func none(why string, args ...any) Verdict {
	return Verdict{Rung: waxseal.RungNone, Why: fmt.Sprintf(why, args...)}
}

// unowned tells of a change that no package has anything to do with, unless it came with
// a transaction: then that is named as the hand.
func (c Case) unowned() Verdict {
	if !c.Seen {
		return none("")
	}
	switch c.Hand.Kind {
	case Pretender:
		return none("%s, and is not the file of that name that its package brought", c.Hand.Words)
	case Nobody:
		return none("")
	}
	v := none("no package ships it")
	v.Beside = true
	if t, ok := c.covering(); ok {
		v.Package, v.Old, v.New = t.Package, t.Old, t.New
		v.Why = fmt.Sprintf("it came with %s (%s), and no package ships it", told(t), c.Hand.Words)
	} else {
		v.Why = fmt.Sprintf("%s made it, and no package ships it", c.Hand.Words)
	}
	return v
}

// covering is the transaction that was under way, the latest begun.
func (c Case) covering() (translog.Transaction, bool) {
	for _, t := range slices.Backward(c.Transactions) {
		if t.Covers(c.At) {
			return t, true
		}
	}
	return translog.Transaction{}, false
}

// transaction finds the one that can have brought a file of a package in one of its
// versions, by log and hand; with no version, the one that removed it. Where there is
// none, the verdict says why.
func (c Case) transaction(name string, versions []string) (t translog.Transaction, v Verdict, ok bool) {
	version := strings.Join(versions, " and ")
	if c.Seen && (c.Hand.Kind == Pretender || c.Hand.Kind == Nobody) {
		v = none("%s owns it, and it was no package manager's hand", name)
		if c.Hand.Kind == Pretender {
			v = none("%s, and is not the file of that name that its package brought", c.Hand.Words)
		}
		v.Unwritten = len(c.Change.Packages) > 0 && c.Hand.Other() // else the file itself is told
		return t, v, false
	}
	for _, t := range slices.Backward(c.Transactions) {
		fits := c.Seen && t.Covers(c.At) || !c.Seen && t.Within(c.Since, c.At)
		if t.Package == name && fits && (slices.Contains(versions, t.New) || version == "" && gone(t)) {
			return t, Verdict{Rung: waxseal.RungNone, Package: name, Old: t.Old, New: t.New}, true
		}
	}
	if len(c.Change.Packages) > 0 {
		v = none("the package database has %s %s, and no transaction that brought it is written down%s", name, orElse(version, "no more"), c.unread())
		v.Unwritten = len(c.Transactions) > 0 || c.Unread != ""
		return t, v, false
	}
	if c.Seen {
		return t, none("%s owns it, %s made it, and no transaction of %s %s is written down for that time%s", name, c.Hand.Words, name, version, c.unread()), false
	}
	return t, none("%s owns it, and no transaction of %s %s is written down for that time%s", name, name, version, c.unread()), false
}

// unread says that more may be written down than is known.
func (c Case) unread() string {
	if c.Unread == "" {
		return ""
	}
	return " in what could be read (" + c.Unread + ")"
}

func gone(t translog.Transaction) bool { return t.Action == "remove" || t.Action == "purge" }

// content holds a changed file against what its package ships.
func (c Case) content(t translog.Transaction, v Verdict) Verdict {
	a, have := c.Archives[Key(t.Package, t.New)]
	have = have && a.Signed
	fits, why := c.local()
	switch {
	case have:
		fits, why = a.ships(c.Change)
	case fits && c.Seen && c.Hand.Kind == Script: // what a package ships, its manager unpacks
		fits, why = false, "only the local database, which a script can edit, says that its content is the package's"
	}
	switch {
	case !fits && c.Hand.Kind == Script:
		v.Beside = true
		v.Why = fmt.Sprintf("it came with %s (%s), and %s", told(t), c.Hand.Words, orElse(why, "is not what the package database says that it ships"))
	case !fits:
		v.Why = fmt.Sprintf("%s owns it, and %s", t.Package, orElse(why, "the package database says that its content is another"))
	default:
		v.Rung, v.Why, v.Inferred = c.rung(have), fmt.Sprintf("%s, %s", c.by(t), proof(a, have)), !c.Seen && !have
	}
	return v
}

// local reports whether the local package database says that the file is the package's. It
// has no owners and modes.
func (c Case) local() (fits bool, why string) {
	now, was := c.Change.After, c.Change.Before
	switch {
	case now == nil || now.Missing || now.PackageState != waxseal.PackageUnmodified || c.Change.Kind == waxseal.Metadata:
		return false, ""
	case was == nil || was.Missing:
		return now.Mode&0o6002 == 0, fmt.Sprintf("its mode is %04o", now.Mode)
	}
	why = widened(c.Change, Entry{Mode: was.Mode, UID: was.UID, GID: was.GID})
	return why == "", why
}

// rung grades what fits: the package's own content by a proven hand is the highest.
func (c Case) rung(signed bool) waxseal.Rung {
	if signed && c.Seen && c.Hand.Grade == waxseal.Proven {
		return waxseal.RungPackageVerified
	}
	return waxseal.RungWindow
}

// proof says by what the content is the package's.
func proof(a Archive, signed bool) string {
	switch {
	case signed:
		return "content is the package's own by the signed archive " + path.Base(string(a.Where)) + " (" + a.Voucher + ")"
	case a.Voucher != "":
		return "content is the package's by the local database alone, which root can edit too: " + a.Voucher
	}
	return "content is the package's by the local database alone, which root can edit too: its archive is not at hand"
}

// by says which transaction it was, and whose hand.
func (c Case) by(t translog.Transaction) string {
	if c.Seen {
		return told(t) + " (" + c.Hand.Words + ")"
	}
	return told(t) + " (inferred: the log says so, and nobody saw the hand)"
}

// told names a transaction: "upgrade of postfix 3.7.10-1 to 3.7.11-1 by apt-get install".
func told(t translog.Transaction) string {
	text := ""
	switch {
	case gone(t):
		text = "removal of " + t.Package + " " + t.Old
	case t.Old == t.New && t.Old != "":
		text = "new installation of " + t.Package + " " + t.New
	case t.Old != "":
		text = "upgrade of " + t.Package + " " + t.Old + " to " + t.New
	default:
		text = "installation of " + t.Package + " " + t.New
	}
	if t.Command != "" {
		text += " by '" + clip(t.Command) + "'"
	}
	return text
}

func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
