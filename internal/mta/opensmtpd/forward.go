package opensmtpd

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
	"waxseal/internal/mta/opensmtpd/smtpdconf"
)

const (
	// maxForward is MAX_FORWARD_SIZE in forward.c: mail for the user of a larger
	// file is deferred.
	maxForward      = 4096
	maxForwardFiles = 10_000
)

// forwardHooks looks for the .forward files of users whose mail is delivered here
// (forward(5)): each is asked for by every action that delivers.
func (in *instance) forwardHooks() {
	x := forwarding{instance: in}
	systems := true // whether the users of the system are asked
	for _, a := range in.inUseFirst() {
		if a.Method == "relay" {
			continue
		}
		o, own := a.Option("userbase")
		if own && o.Table.Backend == "static" {
			x.userbase(a, o)
		} else if !own && systems {
			systems = false
			for _, u := range in.everyone() {
				x.user(a, u)
			}
		}
	}
	if x.skipped > 0 {
		in.Problem(in.path, 0, strconv.Itoa(x.skipped)+" more forward files than are read")
	}
}

type forwarding struct {
	*instance
	files, skipped int
	seen           map[waxseal.Path]bool
}

// userbase reads a table of users: "uid:gid:home", with the name before it or as
// the key (table(5) "Userinfo tables").
func (x *forwarding) userbase(a *smtpdconf.Action, o smtpdconf.Option) {
	for _, e := range o.Table.Entries {
		f := strings.Split(e.Value, ":")
		if len(f) == 4 {
			f = f[1:]
		}
		if len(f) < 3 || e.Unused != "" {
			continue
		}
		uid, err := strconv.ParseUint(f[0], 10, 32)
		if err != nil || !path.IsAbs(f[2]) {
			x.Problem(mta.Clean(e.Pos.Path), e.Pos.Line, "no user: "+mta.Clip(e.Key))
			continue
		}
		u := mta.Account{Name: e.Key, UID: uint32(uid), Home: path.Clean(f[2]), Listed: true}
		x.movedHome(a, e, u)
		x.user(a, u)
	}
}

// movedHome tells of a user of the system who has another home or number in the
// table: his mail goes there.
func (x *forwarding) movedHome(a *smtpdconf.Action, e smtpdconf.Entry, u mta.Account) {
	i := slices.IndexFunc(x.everyone(), func(s mta.Account) bool { return s.Name == u.Name && s.Listed })
	if i < 0 || x.accounts[i].Home == u.Home && x.accounts[i].UID == u.UID {
		return
	}
	h := x.hookOf(a, "userbase", e.Pos)
	h.ID += waxseal.HookID(":" + mta.Clip(e.Key))
	h.Kind, h.Effects, h.Scope = waxseal.KindRedirect, diverts, "recipient "+mta.Clip(e.Key)
	h.RunsAs = mta.NameOf(x.accounts, u.UID)
	h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: u.Home}
	h.Closure = []waxseal.Part{{Path: mta.Clean(u.Home), Role: waxseal.RoleDirectory}}
	h.Explain = "Mail for " + mta.Clip(e.Key) + " is delivered below " + mta.Clip(u.Home) + " as " + h.RunsAs + ", which is not what the system says of this user (userbase)."
	x.emit(h)
}

// user reads the forward file of one user.
func (x *forwarding) user(a *smtpdconf.Action, u mta.Account) {
	if !x.Reads(u.Home) {
		return
	}
	p := mta.Clean(u.Home + "/.forward")
	file, err := x.Tree.Lstat(p)
	if err != nil || file.Type == waxseal.Directory || x.seen[p] {
		return
	}
	if x.seen == nil {
		x.seen = map[waxseal.Path]bool{}
	}
	x.seen[p] = true
	if x.files++; x.files > maxForwardFiles {
		x.skipped++
		return
	}
	x.Part(p, waxseal.RoleInclude)
	text, ok := x.Read(p, "a forward file")
	if !ok {
		return
	}
	list, good := listLines(text, true)
	f := following{instance: x.instance, directive: ".forward", key: u.Name, whose: "Mail for " + mta.Clip(u.Name), scope: "recipient " + mta.Clip(u.Name)}
	f.owner = u.Name
	if user, given := a.Option("user"); given {
		f.owner = user.Value
	}
	f.inactive = cmp.Or(x.routes[a].why, x.refuses(file, u))
	switch {
	case f.inactive != "":
	case len(text) >= maxForward:
		f.inactive = "it has 4096 bytes or more, for which smtpd defers the mail"
	case !good:
		f.inactive = "smtpd can't read a line of it, and defers the mail"
		x.Problem(p, 0, "a line of the forward file is none, so that mail for "+mta.Clip(u.Name)+" is deferred")
	}
	x.limits(&f, a, u)
	f.members(p, list)
}

// limits says what commands and files of a forward file meet.
func (x *forwarding) limits(f *following, a *smtpdconf.Action, u mta.Account) {
	switch {
	case a.Method == "forward-only":
		f.refused = "the action is forward-only, which runs no commands and writes no files"
	case f.owner == "root" && a.Method != "mbox":
		f.refused = "smtpd runs nothing as root for " + a.Method + " (forkmda())"
	}
}

// refuses says why smtpd does not read a forward file, "" if it does
// (parent_forward_open(), secure_file()).
func (x *forwarding) refuses(file waxseal.File, u mta.Account) string {
	home, err := x.Tree.Stat(mta.Clean(u.Home))
	switch {
	case file.Type == waxseal.Symlink:
		return "it is a symbolic link, which smtpd does not follow"
	case file.Type != waxseal.Regular:
		return "it is no regular file"
	case x.aliased[strings.ToLower(u.Name)]:
		return "the alias of " + mta.Clip(u.Name) + " takes the mail first"
	case u.Listed && file.UID != u.UID:
		return "it belongs to uid " + strconv.FormatUint(uint64(file.UID), 10) + ", and smtpd reads only the user's own"
	case file.Mode&0o022 != 0:
		return "others may write it, and smtpd refuses such a file"
	case err == nil && home.Mode&0o1000 != 0:
		return "the home directory is sticky, for which smtpd defers the mail"
	case err == nil && home.Mode&0o022 != 0 && home.Type == waxseal.Directory:
		return "others may write the home directory, and smtpd refuses what lies there"
	case !u.Listed && x.Exists("/etc/passwd") && !x.AsksOthers():
		return "there is no such user in /etc/passwd"
	}
	return ""
}
