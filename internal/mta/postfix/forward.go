package postfix

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// forwardPath reads forward_path: where local(8) looks for the forward files of
// users (local(8) "FORWARDING"). The default makes hooks as well as any other
// value.
func forwardPath(s site) {
	items := strings.FieldsFunc(s.value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	if len(items) > maxForwardItems {
		s.in.Problem(s.source.Path, s.source.Line, "forward_path has more names than are looked for")
		items = items[:maxForwardItems]
	}
	s.forwardPlaces(items)
	if s.in.accounts == nil {
		s.in.accounts = s.in.Accounts()
	}
	f := forwarding{site: s, delimiters: s.view.Value("recipient_delimiter"), domain: s.localDomain(), files: map[waxseal.Path]int{}}
	for _, u := range f.everyone(items) {
		if s.in.Reads(u.Home) {
			f.search(u, items)
		}
	}
	for _, found := range f.found {
		f.hooks(found)
	}
}

// everyone are the users, and those whose names only a file such as /var/f/NAME
// tells.
func (f *forwarding) everyone(items []string) []mta.Account {
	list := slices.Clip(f.in.accounts)
	var known map[string]bool
	for _, item := range items {
		pattern, ok := f.expand(item, mta.Account{Name: anyText}, "", "")
		if !ok || !strings.Contains(string(pattern), anyText) {
			continue
		}
		if known == nil {
			known = make(map[string]bool, len(list))
			for _, u := range list {
				known[u.Name] = true
			}
		}
		for _, m := range f.matches(string(pattern)) {
			if !known[m.text] && len(list) < mta.MaxAccounts {
				known[m.text] = true
				list = append(list, mta.Account{Name: m.text})
			}
		}
	}
	return list
}

// forwardPlaces tells of places outside the users' homes: whoever may write there
// decides about their mail.
func (s site) forwardPlaces(items []string) {
	for i, item := range items {
		if _, possible := expandLate(item, &sampleNames, 0); inHome(item) || !possible {
			continue
		}
		h := s.hook(strconv.Itoa(i + 1))
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: item}
		h.Explain = "Each user's mail is forwarded as the file " + clip(item) + " says; it may name addresses, files and commands (forward_path)."
		if dir := path.Dir(item); path.IsAbs(dir) && !strings.Contains(dir, "$") {
			h.Closure = []waxseal.Part{{Path: mta.Clean(dir), Role: waxseal.RoleDirectory}}
		}
		s.in.emit(h)
	}
}

func inHome(item string) bool {
	return (strings.HasPrefix(item, "$home/") || strings.HasPrefix(item, "${home}/") || strings.HasPrefix(item, "$(home)/")) && !strings.Contains(item, "..")
}

// forwarding is the search for forward files.
type forwarding struct {
	site
	delimiters string // recipient_delimiter: each character is one
	domain     string // in the addresses of local users
	names      late   // of the user who is looked at
	found      []forwardFile
	files      map[waxseal.Path]int // place in found
	listed     int
}

// forwardFile is a forward file and who it is for.
type forwardFile struct {
	path waxseal.Path
	user mta.Account
	// also are other users with the same file.
	also []string
	// address is the local part that leads to it: "alice+news".
	address string
	// unused says why local(8) does not read it, "" if it does.
	unused string
}

const (
	maxForwardFiles = 10_000
	// maxForwardItems bounds forward_path.
	maxForwardItems = 50
	// maxListed bounds the directory entries looked at for extensions.
	maxListed = 1_000_000
)

// search looks for one user's forward files in the order of forward_path: the
// first that exists is the one that is read, even if it is refused then.
func (f *forwarding) search(u mta.Account, items []string) {
	var plain, every waxseal.Path // the first for mail without an extension, and for all mail
	for _, item := range items {
		p, ok := f.expand(item, u, "", "")
		if ok {
			if file, err := f.in.Tree.Lstat(p); err == nil && file.Type != waxseal.Directory {
				f.add(forwardFile{path: p, user: u, address: u.Name, unused: f.refused(file, u, plain)})
				plain = cmp.Or(plain, p)
			}
		}
		pattern, varies := f.expand(item, u, anyText, f.delimiter(0))
		switch {
		case varies && strings.Contains(string(pattern), anyText):
			f.extensions(item, u, every)
		case plain == p:
			every = cmp.Or(every, plain)
		}
	}
}

// delimiter is one of those that recipient_delimiter has; + where it has none.
func (f *forwarding) delimiter(i int) string {
	if i < len(f.delimiters) {
		return f.delimiters[i : i+1]
	}
	return "+"
}

// extensions looks for the files that addresses such as alice+news lead to:
// every extension that has a file.
func (f *forwarding) extensions(item string, u mta.Account, earlier waxseal.Path) {
	delimiters, unused := f.delimiters, ""
	if delimiters == "" {
		delimiters, unused = "+-", "recipient_delimiter is empty, so that no address has an extension"
	}
	for i := range len(delimiters) {
		pattern, ok := f.expand(item, u, anyText, delimiters[i:i+1])
		if !ok || !strings.Contains(string(pattern), anyText) {
			continue
		}
		for _, m := range f.matches(string(pattern)) {
			file, err := f.in.Tree.Lstat(m.path)
			if err != nil || file.Type == waxseal.Directory {
				continue
			}
			why := unused
			if why == "" && m.text != strings.ToLower(m.text) {
				why = "local(8) looks for it in lower case"
			}
			if why == "" {
				why = f.refused(file, u, earlier)
			}
			f.add(forwardFile{path: m.path, user: u, address: u.Name + delimiters[i:i+1] + m.text, unused: why})
		}
	}
}

// refused says why local(8) does not read a forward file that it finds
// (dotforward.c), "" if it does.
func (f *forwarding) refused(file waxseal.File, u mta.Account, earlier waxseal.Path) string {
	switch {
	case earlier != "" && earlier != file.Path:
		return "the file " + clip(string(earlier)) + " is found first"
	case file.Type != waxseal.Regular:
		return "it is no regular file"
	case file.Mode&0o002 != 0:
		return "anyone may write it, and such a file is ignored"
	case u.Listed && file.UID != 0 && file.UID != u.UID:
		return "it belongs to uid " + strconv.FormatUint(uint64(file.UID), 10) + ", and only files of " + u.Name + " and root are read"
	case u.Listed && file.UID != u.UID && file.Mode&0o044 == 0:
		return "the user may not read it"
	case !u.Listed && f.in.Exists("/etc/passwd") && !f.in.AsksOthers():
		return "there is no such user in /etc/passwd"
	}
	return ""
}

func (f *forwarding) add(file forwardFile) {
	i, known := f.files[file.path]
	switch {
	case !known && len(f.found) >= maxForwardFiles:
		f.in.Problem(file.path, 0, "more forward files than are read")
		return
	case !known:
		f.files[file.path] = len(f.found)
		f.found = append(f.found, file)
		return
	case f.found[i].user.Name == file.user.Name:
		return
	case f.found[i].unused != "" && file.unused == "":
		file.also = append(f.found[i].also, f.found[i].address)
		f.found[i] = file
		return
	}
	f.found[i].also = append(f.found[i].also, file.address)
}

// hooks makes the hooks of one forward file. A file that forwards to nobody
// makes none, but is a part of the mail path.
func (f *forwarding) hooks(file forwardFile) {
	f.in.Part(file.path, waxseal.RoleInclude)
	text, readable := f.in.Read(file.path, "a forward file")
	if !readable {
		return
	}
	owner := file.user.Name
	if file.user.Listed && file.user.UID == 0 {
		owner = f.view.Value("default_privs")
	}
	h := f.hook("")
	h.Scope = "recipient " + clip(file.address)
	if n := len(file.also); n > 0 {
		h.Scope += " and " + clip(strings.Join(file.also[:min(n, 5)], ", "))
	}
	for _, name := range []string{file.address, file.user.Name} {
		if file.unused == "" && len(file.also) == 0 && f.in.aliased[mapdb.Fold(name)] {
			file.unused = "the alias of " + clip(name) + " takes the mail first"
		}
	}
	if file.unused != "" {
		mta.Inactive(&h, file.unused)
	}
	x := following{site: f.site, whose: "Mail for " + clip(file.address), key: file.user.Name, class: "forward",
		owner: owner, home: file.user.Home, seen: map[waxseal.Path]bool{}}
	x.members(file.path, text, h)
}

// anyText stands in a pattern for what is not known yet: an extension, or the
// name of a user. No file name has it.
const anyText = "\x00"

// expand expands one forward_path item for a user (local_expand.c). ok is false
// where a name has no value: local(8) passes such an item over.
func (f *forwarding) expand(item string, u mta.Account, extension, delimiter string) (waxseal.Path, bool) {
	f.names = late{user: u.Name, home: u.Home, shell: u.Shell, local: u.Name, domain: f.domain, extension: extension, delimiter: delimiter}
	if delimiter+extension != "" {
		f.names.local += delimiter + extension
	}
	if delimiter == "" && f.delimiters != "" {
		f.names.delimiter = f.delimiters[:1]
	}
	text, ok := expandLate(item, &f.names, 0)
	if !ok || !path.IsAbs(text) || len(text) > 4096 {
		return "", false
	}
	return mta.Clean(text), true
}

// localDomain is the name in the addresses of local users.
func (s site) localDomain() string {
	for _, d := range s.in.listed("mydestination") {
		if !strings.ContainsAny(d, "/:$") && d != "localhost" {
			return strings.ToLower(d)
		}
	}
	return s.view.Value("mydomain")
}

// match is a file whose name fits a pattern.
type match struct {
	path waxseal.Path
	text string // what stands for anyText
}

// matches lists the files that a pattern with anyText can name; the text is the
// same wherever it stands, and holds no slash.
func (f *forwarding) matches(pattern string) []match {
	at := strings.Index(pattern, anyText)
	slash := strings.LastIndexByte(pattern[:at], '/')
	dir := mta.Clean(pattern[:slash+1])
	part, _, _ := strings.Cut(pattern[slash+1:], "/")
	names, err := f.in.Tree.ReadDir(dir)
	if err != nil {
		if !mta.IsMissing(err) && f.in.Exists(dir) {
			f.in.AddProblems([]waxseal.Problem{{Path: dir, Message: "the directory can't be listed, so forward files may be missed: " + err.Error(), Unreadable: true}})
		}
		return nil
	}
	var out []match
	for _, name := range names {
		if f.listed++; f.listed > maxListed {
			f.in.Problem(dir, 0, "more names than are looked at for forward files")
			return out
		}
		if text, ok := solve(part, name); ok {
			out = append(out, match{mta.Clean(strings.ReplaceAll(pattern, anyText, text)), text})
		}
	}
	return out
}

// solve finds the text for which the pattern gives the name.
func solve(pattern, name string) (string, bool) {
	count := strings.Count(pattern, anyText)
	length := len(name) - (len(pattern) - count)
	start := strings.Index(pattern, anyText)
	if !strings.HasPrefix(name, pattern[:start]) || length <= 0 || length%count != 0 || start+length/count > len(name) {
		return "", false
	}
	text := name[start : start+length/count]
	return text, strings.ReplaceAll(pattern, anyText, text) == name
}
