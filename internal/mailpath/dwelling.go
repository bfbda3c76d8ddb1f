package mailpath

import (
	"io"
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// dwelling is a tree of which the accounts are listed once for all readers, and of whose
// homes those below one directory only are read, if it is set.
type dwelling struct {
	waxseal.Tree
	reader *Reader
	only   waxseal.Path // "" for all
}

var _ mta.Dwelling = dwelling{}

// residents are the accounts of a host as the last reading found them.
type residents struct {
	accounts []mta.Account
	passwd   stamp // of the list
	homes    stamp // of /home, where a new name is a new account
	known    bool
	// names are those of the accounts that live in a directory.
	names  map[waxseal.Path][]string
	people map[string]bool // by name
}

// Accounts implements mta.Dwelling.
func (d dwelling) Accounts(list func() ([]mta.Account, bool)) []mta.Account {
	d.reader.homes.Lock()
	defer d.reader.homes.Unlock()
	r := &d.reader.residents
	passwd, homes := d.stamps()
	if r.known && r.passwd == passwd && r.homes == homes {
		return r.accounts
	}
	accounts, whole := list()
	if whole {
		*r = residents{accounts: accounts, passwd: passwd, homes: homes, known: true, names: map[waxseal.Path][]string{}, people: map[string]bool{}}
		for _, u := range accounts {
			d.lives(u.Name, u.Home)
		}
	}
	return accounts
}

// stamps are those of what tells the accounts.
func (d dwelling) stamps() (passwd, homes stamp) {
	if f, err := d.Stat("/etc/passwd"); err == nil {
		passwd = stampOf(f)
	}
	if f, err := d.Stat("/home"); err == nil {
		homes = stampOf(f)
	}
	return passwd, homes
}

// Reads implements mta.Dwelling.
func (d dwelling) Reads(p waxseal.Path) bool { return d.only == "" || within(p, d.only) }

// Lives implements mta.Dwelling.
func (d dwelling) Lives(name, in string) {
	d.reader.homes.Lock()
	defer d.reader.homes.Unlock()
	d.lives(name, in)
}

// lives is Lives for one that holds the lock.
func (d dwelling) lives(name, in string) {
	names := d.reader.residents.names
	if names == nil || d.only != "" || in == "" {
		return
	}
	home := mta.Clean(in)
	for _, n := range names[home] {
		if n == name {
			return
		}
	}
	names[home] = append(names[home], name)
	d.reader.residents.people[name] = true
}

// CopyTo hands over a file piece by piece, as far as the tree below can.
func (d dwelling) CopyTo(p waxseal.Path, w io.Writer, limit int64) error {
	if t, ok := d.Tree.(interface {
		CopyTo(p waxseal.Path, w io.Writer, limit int64) error
	}); ok {
		return t.CopyTo(p, w, limit)
	}
	content, err := d.ReadFile(p, limit)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

func within(p, dir waxseal.Path) bool {
	return strings.HasPrefix(string(p), string(dir)) && (len(p) == len(dir) || p[len(dir)] == '/' || dir == "/")
}

// homeOf is the innermost home that a file lies in, "" where it lies in none, or in one
// that is no person's own.
func (r *residents) homeOf(p waxseal.Path) waxseal.Path {
	for dir := path.Dir(string(p)); dir != "/" && dir != "."; dir = path.Dir(dir) {
		if len(r.names[waxseal.Path(dir)]) > 0 {
			return waxseal.Path(dir)
		}
	}
	return ""
}
