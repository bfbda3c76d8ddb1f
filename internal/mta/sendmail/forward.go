package sendmail

import (
	"path"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// maxForward bounds how many forward files are read, and places of each user.
const (
	maxForward = 20_000
	maxPlaces  = 16
)

// forwards reads the forward files of users, at the places that option ForwardPath
// names (op.me 4.3): $z is the home, $u the user, $w the host, $r how mail came.
func (in *instance) forwards() {
	option, ok := in.Option("ForwardPath")
	value := option.Value
	if !ok {
		value = "$z/.forward"
	}
	var places []string
	for p := range strings.SplitSeq(value, ":") {
		if p = strings.TrimSpace(p); p != "" && len(places) < maxPlaces {
			places = append(places, p)
		}
	}
	in.forwardPlaces(places, option.Line)
	read := 0
	for _, u := range in.users() {
		if !in.Reads(u.Home) {
			continue
		}
		for _, p := range in.forwardFiles(places, u) {
			if read++; read > maxForward {
				in.Problem(in.path, option.Line, "more forward files than are read")
				return
			}
			in.forward(p, u)
		}
	}
}

// forwardPlaces tells of places outside the homes of users: whoever may write there
// decides about their mail.
func (in *instance) forwardPlaces(places []string, line int) {
	for _, p := range places {
		if strings.HasPrefix(p, "$z/") || strings.HasPrefix(p, "${z}/") {
			continue
		}
		h := in.hook(waxseal.KindRedirect, waxseal.StageDeliver, "ForwardPath", "O:ForwardPath:"+clip(p), line)
		h.Effects, h.Scope = runsAll, "all mail for users of this host"
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: p}
		if dir := path.Dir(p); path.IsAbs(dir) && !strings.Contains(dir, "$") {
			h.Closure = []waxseal.Part{{Path: mta.Clean(dir), Role: waxseal.RoleDirectory}}
		}
		h.Explain = "Each user's mail is forwarded as the file " + clip(p) + " says; it may name addresses, files and commands (ForwardPath)."
		in.Emit(h)
	}
}

// forwardFile is one that is there.
type forwardFile struct {
	path    waxseal.Path
	address string
	unused  string
}

// forwardFiles are those of one user: the first that is there counts, but a name
// with $h, what stands behind the + in an address, is a file for such addresses.
func (in *instance) forwardFiles(places []string, u mta.Account) []forwardFile {
	var list []forwardFile
	first := waxseal.Path("")
	for _, place := range places {
		if strings.Contains(place, "$h") || strings.Contains(place, "${h}") {
			list = append(list, in.forwardExtensions(place, u)...)
			continue
		}
		p, ok := in.forwardPath(place, u, "")
		if !ok {
			continue
		}
		f, err := in.Tree.Lstat(p)
		if err != nil || f.Type == waxseal.Directory {
			continue
		}
		found := forwardFile{path: p, address: u.Name, unused: in.refused(p, u)}
		if first != "" && first != p {
			found.unused = "the file " + string(first) + " is found first"
		}
		if first == p {
			continue
		}
		list = append(list, found)
		if found.unused == "" {
			first = p
		}
	}
	return list
}

// forwardPath puts the names of a user into a place.
func (in *instance) forwardPath(place string, u mta.Account, extension string) (waxseal.Path, bool) {
	if strings.Contains(place, "$z") && u.Home == "" {
		return "", false
	}
	w := strings.Split(in.given["w"], ".")[0]
	text := strings.NewReplacer("$z", u.Home, "${z}", u.Home, "$u", u.Name, "${u}", u.Name, "$w", w, "${w}", w, "$h", extension, "${h}", extension,
		"$j", in.given["j"], "$r", "SMTP").Replace(place)
	if !path.IsAbs(text) || strings.Contains(text, "$") || strings.HasSuffix(text, ".forward.") {
		return "", false
	}
	return mta.Clean(text), true
}

// forwardExtensions finds files such as .forward+lists.
func (in *instance) forwardExtensions(place string, u mta.Account) []forwardFile {
	const mark = "\x00"
	p, ok := in.forwardPath(place, u, mark)
	if !ok {
		return nil
	}
	dir, pattern := path.Split(string(p))
	before, after, _ := strings.Cut(pattern, mark)
	names, err := in.Tree.ReadDir(mta.Clean(dir))
	if err != nil {
		return nil
	}
	var list []forwardFile
	for _, n := range names {
		if len(n) > len(before)+len(after) && strings.HasPrefix(n, before) && strings.HasSuffix(n, after) && len(list) < 1000 {
			at := mta.Clean(dir + n)
			list = append(list, forwardFile{path: at, address: u.Name + "+" + strings.Trim(n[len(before):len(n)-len(after)], "+"), unused: in.refused(at, u)})
		}
	}
	return list
}

// refused says why Sendmail does not read a forward file (safefile in
// libsm/util.c), "" if it does. What of group-writable files counts is decided by
// option DontBlameSendmail.
func (in *instance) refused(p waxseal.Path, u mta.Account) string {
	f, err := in.Tree.Stat(p)
	blame := strings.ToLower(in.Value("DontBlameSendmail", ""))
	switch {
	case err != nil:
		return "it leads nowhere"
	case f.Type != waxseal.Regular:
		return "it is no regular file"
	case u.Listed && f.UID != u.UID && f.UID != 0:
		return "it belongs to uid " + itoa(int(f.UID)) + ", and only files of " + u.Name + " are read"
	case f.Mode&0o002 != 0 && !strings.Contains(blame, "worldwritableforwardfile"):
		return "anyone may write it, and such a file is ignored"
	case f.Mode&0o020 != 0 && !strings.Contains(blame, "groupwritableforwardfile"):
		return "its group may write it, and such a file is ignored"
	case !u.Listed && in.Exists("/etc/passwd") && !in.AsksOthers():
		return "there is no such user in /etc/passwd"
	}
	return ""
}

// forward makes the hooks of one forward file.
func (in *instance) forward(f forwardFile, u mta.Account) {
	in.Part(f.path, waxseal.RoleInclude)
	text, ok := in.Read(f.path, "a forward file")
	if !ok {
		return
	}
	x := following{in: in, directive: "ForwardPath", whose: "Mail for " + clip(f.address), key: u.Name, scope: "recipient " + clip(f.address), owner: u.Name, home: u.Home,
		inactive: f.unused, seen: map[waxseal.Path]bool{}}
	if in.inert != "" {
		x.inactive = in.inert
	}
	if u.Listed && !in.validShell(u) {
		x.barred = "the shell of " + clip(u.Name) + " is not in /etc/shells, so that commands and files are refused"
	}
	x.members(f.path, text, false)
}

// validShell reports whether a user's shell is one of /etc/shells: commands and
// files in a forward file of others are refused.
func (in *instance) validShell(u mta.Account) bool {
	text, err := in.Tree.ReadFile("/etc/shells", mta.MaxFile)
	if err != nil || u.Shell == "" {
		return true
	}
	for line := range strings.Lines(string(text)) {
		if s := strings.TrimSpace(line); s == u.Shell || s == "/SENDMAIL/ANY/SHELL/" {
			return true
		}
	}
	return false
}
