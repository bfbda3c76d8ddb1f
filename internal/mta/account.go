package mta

import (
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

// Account is someone whose mail can be delivered on this host.
type Account struct {
	Name, Home, Shell string
	UID, GID          uint32
	// Listed is false where only a directory below /home tells of the account, so
	// that uid and shell are not known.
	Listed bool
}

const (
	// MaxAccounts bounds whose forward files are looked for.
	MaxAccounts = 20_000
	maxPassword = 16 << 20
)

// Dwelling is a tree that lists the accounts of its host once for all readers, and may
// be read for the homes of a few only.
type Dwelling interface {
	// Accounts returns what list returned when it was asked first; the second result of
	// list says that this may be kept.
	Accounts(list func() ([]Account, bool)) []Account
	// Reads reports whether the files of a home, or one file in it, are to be read.
	Reads(p waxseal.Path) bool
	// Lives notes a home of which only a reader knows.
	Lives(name, home string)
}

// Reads reports whether the files in a user's home are to be read: all are, unless only
// one home is read again. It is asked before a home is looked into; who an account is,
// and what its name means elsewhere, does not depend on it.
func (b *Book) Reads(home string) bool {
	d, ok := b.Tree.(Dwelling)
	return !ok || d.Reads(waxseal.Path(home))
}

// Lives notes a home that no list of accounts has.
func (b *Book) Lives(name, home string) {
	if d, ok := b.Tree.(Dwelling); ok {
		d.Lives(name, home)
	}
}

// Accounts are those of passwd(5), and those that only have a directory below
// /home: a part of a tree may lack the file, and LDAP or NIS may name more.
func (b *Book) Accounts() []Account {
	if d, ok := b.Tree.(Dwelling); ok {
		return d.Accounts(b.accounts)
	}
	list, _ := b.accounts()
	return list
}

// accounts lists the accounts; whole is false where something is wrong with that, which
// each mail system is to tell of.
func (b *Book) accounts() (list []Account, whole bool) {
	whole = true
	content, err := b.Tree.ReadFile("/etc/passwd", maxPassword)
	list = parsePasswd(string(content))
	if err != nil && !IsMissing(err) {
		b.Unreadable("/etc/passwd", "the list of users", err.Error())
		whole = false
	}
	if len(list) > MaxAccounts {
		whole = false
		b.Problem("/etc/passwd", 0, "more users than those whose forward files are looked for")
		list = list[:MaxAccounts]
	}
	homes := map[string]bool{}
	for _, u := range list {
		homes[u.Home] = true
	}
	names, err := b.Tree.ReadDir("/home")
	if err != nil && !IsMissing(err) {
		whole = false
		b.AddProblems([]waxseal.Problem{{Path: "/home", Message: "the directory can't be listed, so forward files may be missed: " + err.Error(), Unreadable: true}})
	}
	if b.rootless(list) {
		list = append(list, Account{Name: "root", Home: "/root"})
	}
	for _, name := range names {
		if home := "/home/" + name; !homes[home] && len(list) < MaxAccounts {
			list = append(list, Account{Name: strings.ToLower(name), Home: home})
		}
	}
	return list, whole
}

// rootless reports whether passwd(5) lacks root, whose home every host has: the
// tree is only a part of one.
func (b *Book) rootless(list []Account) bool {
	return b.Exists("/root") && !slices.ContainsFunc(list, func(u Account) bool { return u.Name == "root" })
}

// parsePasswd reads passwd(5); of two lines with one name the first counts.
func parsePasswd(text string) []Account {
	var list []Account
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(f) != 7 || f[0] == "" || f[0][0] == '#' || seen[f[0]] {
			continue
		}
		uid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil || !strings.HasPrefix(f[5], "/") {
			continue
		}
		gid, _ := strconv.ParseUint(f[3], 10, 32) // an odd group matters to nobody here
		seen[f[0]] = true
		list = append(list, Account{Name: f[0], Home: string(Clean(f[5])), Shell: f[6], UID: uint32(uid), GID: uint32(gid), Listed: true})
	}
	return list
}

// AsksOthers reports whether the C library asks others than /etc/passwd for users
// (nsswitch.conf(5)).
func (b *Book) AsksOthers() bool {
	content, err := b.Tree.ReadFile("/etc/nsswitch.conf", MaxFile)
	if err != nil {
		return !b.Exists("/etc/passwd")
	}
	for line := range strings.Lines(string(content)) {
		database, services, _ := strings.Cut(line, ":")
		if strings.TrimSpace(database) != "passwd" {
			continue
		}
		for _, s := range strings.Fields(services) {
			if !slices.Contains([]string{"files", "compat", "systemd"}, s) && !strings.HasPrefix(s, "[") {
				return true
			}
		}
	}
	return !b.Exists("/etc/passwd")
}

// NameOf is the name of a uid among accounts, "uid 1000" where there is none.
func NameOf(accounts []Account, uid uint32) string {
	for _, u := range accounts {
		if u.Listed && u.UID == uid {
			return u.Name
		}
	}
	return "uid " + strconv.FormatUint(uint64(uid), 10)
}
