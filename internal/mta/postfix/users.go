package postfix

import (
	"slices"
	"strconv"
	"strings"

	"waxseal"
)

// user is someone whose mail local(8) can deliver.
type user struct {
	name, home, shell string
	uid               uint32
	// listed is false where only a directory below /home tells of the user, so
	// that uid and shell are not known.
	listed bool
}

const (
	// maxUsers bounds whose forward files are looked for.
	maxUsers    = 20_000
	maxPassword = 16 << 20
)

// users are those of passwd(5), and those that only have a directory below /home:
// a part of a tree may lack the file, and LDAP or NIS may name more users.
func (in *instance) users() []user {
	content, err := in.tree.ReadFile("/etc/passwd", maxPassword)
	list := parsePasswd(string(content))
	if err != nil && !isMissing(err) {
		in.unreadable("/etc/passwd", "the list of users", err.Error())
	}
	if len(list) > maxUsers {
		in.problem("/etc/passwd", 0, "more users than those whose forward files are looked for")
		list = list[:maxUsers]
	}
	homes := map[string]bool{}
	for _, u := range list {
		homes[u.home] = true
	}
	names, err := in.tree.ReadDir("/home")
	if err != nil && !isMissing(err) {
		in.addProblems([]waxseal.Problem{{Path: "/home", Message: "the directory can't be listed, so forward files may be missed: " + err.Error(), Unreadable: true}})
	}
	if in.rootless(list) {
		list = append(list, user{name: "root", home: "/root"})
	}
	for _, name := range names {
		if home := "/home/" + name; !homes[home] && len(list) < maxUsers {
			list = append(list, user{name: strings.ToLower(name), home: home})
		}
	}
	return list
}

// rootless reports whether passwd(5) lacks root, whose home every host has: the
// tree is only a part of one.
func (in *instance) rootless(list []user) bool {
	return in.exists("/root") && !slices.ContainsFunc(list, func(u user) bool { return u.name == "root" })
}

// parsePasswd reads passwd(5); of two lines with one name the first counts.
func parsePasswd(text string) []user {
	var list []user
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
		seen[f[0]] = true
		list = append(list, user{name: f[0], home: string(clean(f[5])), shell: f[6], uid: uint32(uid), listed: true})
	}
	return list
}

// asksOthers reports whether the C library asks others than /etc/passwd for users
// (nsswitch.conf(5)).
func (in *instance) asksOthers() bool {
	content, err := in.tree.ReadFile("/etc/nsswitch.conf", maxFile)
	if err != nil {
		return !in.exists("/etc/passwd")
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
	return !in.exists("/etc/passwd")
}

// userName is the name of a uid in passwd(5), "uid 1000" where there is none.
func (in *instance) userName(uid uint32) string {
	if in.accounts == nil {
		in.accounts = in.users()
	}
	for _, u := range in.accounts {
		if u.listed && u.uid == uid {
			return u.name
		}
	}
	return "uid " + strconv.FormatUint(uint64(uid), 10)
}
