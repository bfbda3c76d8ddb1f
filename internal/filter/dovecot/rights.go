package dovecot

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot/doveconf"
	"waxseal/internal/mta"
)

// grant is one line of access rights: who may do what in which mailboxes
// ("* user=eve lr", doc.dovecot.org, "ACL"). What an owner may do with his own mail,
// and rights that are taken away ("-user=eve"), concern nobody else's.
type grant struct {
	pattern, who string
	rights       string // letters
	named        string // further rights by name
}

// What is read of access rights: lines of one file, files of one directory, directories
// below each other.
const (
	mostGrants   = 5_000
	mostLists    = 500
	deepestLists = 3
)

// parseGrant reads a line of a global file, or, where pattern is given, of a file for
// one mailbox. Names may stand in quotes; fields are parted by one blank.
func parseGrant(line, pattern string) (g grant, why string) {
	if g.pattern = pattern; pattern == "" {
		var ok bool
		if g.pattern, line, ok = quotable(line); !ok || g.pattern == "" || line == "" {
			return g, "no rights stand behind the name of a mailbox"
		}
	}
	var ok bool
	if g.who, line, ok = quotable(line); !ok {
		return g, "a quote is not closed"
	}
	known := []string{"owner", "authenticated", "anyone", "anonymous"}
	kind, _, named := strings.Cut(strings.TrimPrefix(g.who, "-"), "=")
	if !slices.Contains(known, kind) && !(named && slices.Contains([]string{"user", "group", "group-override"}, kind)) {
		return g, "nobody is called " + mta.Clip(g.who)
	}
	g.rights, g.named, _ = strings.Cut(strings.Trim(line, " \t"), ":")
	g.rights = strings.Trim(g.rights, " \t")
	if strings.Trim(g.rights, "lrwstipekxa") != "" {
		return g, "there are no such rights: " + mta.Clip(g.rights)
	}
	return g, ""
}

// quotable takes a word off a line; in quotes it may hold blanks.
func quotable(line string) (word, rest string, ok bool) {
	if !strings.HasPrefix(line, `"`) {
		word, rest, _ = strings.Cut(line, " ")
		return word, rest, true
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		case line[i] == '"':
			return b.String(), strings.TrimPrefix(line[i+1:], " "), true
		default:
			b.WriteByte(line[i])
		}
	}
	return "", "", false
}

// others reports whether somebody else than the owner is given something.
func (g grant) others() bool {
	return g.who != "owner" && !strings.HasPrefix(g.who, "-") && g.rights+g.named != ""
}

// has reports whether one of the letters, or of their names, is among the rights.
func (g grant) has(letters string, names ...string) bool {
	return strings.ContainsAny(g.rights, letters) || slices.ContainsFunc(strings.FieldsFunc(g.named, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }), func(n string) bool { return slices.Contains(names, n) })
}

// may says in the word of a modifier what others may do with everybody's mail, or
// with some folders of everybody's.
func (g grant) may(everywhere bool) string {
	switch {
	case everywhere && g.has("ra", "read", "admin"):
		return "read every mailbox"
	case everywhere && g.has("wtiekx", "write", "write-deleted", "insert", "expunge", "create", "delete"):
		return "change every mailbox"
	}
	return "use some folders"
}

// accessLists notes files of access rights: "vfile:/etc/dovecot/global-acls", and what
// they let others do. A directory has a file for each mailbox, and .DEFAULT for all.
func accessLists(s site) {
	h := s.hook()
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: s.set.Value}
	h.Explain = s.sentence(s.row.does, s.set.Value)
	var files []waxseal.Path
	for _, item := range strings.Split(s.set.Value, ":") {
		if part, ok := file(item, waxseal.RoleMap); ok && len(files) == 0 {
			files = s.listsAt(part.Path, 0)
		}
	}
	for _, p := range files {
		h.Closure = append(h.Closure, waxseal.Part{Path: p, Role: waxseal.RoleMap})
	}
	s.emit(h)
	for _, p := range files {
		pattern := ""
		if root := s.listsRoot(p); root != "" {
			pattern = strings.TrimPrefix(string(p), root)
		}
		if path.Base(string(p)) == ".DEFAULT" {
			pattern = "*"
		}
		s.listFile(p, pattern)
	}
}

// listsRoot is the directory in which a list has the name of its mailbox, "" where
// all rights are in one file.
func (s site) listsRoot(p waxseal.Path) string {
	for _, item := range strings.Split(s.set.Value, ":") {
		if root := string(mta.Clean(item)); path.IsAbs(item) && strings.HasPrefix(string(p), root+"/") {
			return root + "/"
		}
	}
	return ""
}

// listsAt are the files of a global list: itself, or those in the directory that it is.
func (s site) listsAt(p waxseal.Path, level int) []waxseal.Path {
	st, err := s.Tree.Stat(p)
	if err != nil || st.Type != waxseal.Directory {
		return []waxseal.Path{p}
	}
	names, err := s.Tree.ReadDir(p)
	if err != nil {
		s.Unreadable(p, "a directory of access rights", err.Error())
	}
	var list []waxseal.Path
	for _, name := range names {
		if level == deepestLists || len(list) >= mostLists {
			s.Unreadable(p, "a directory of access rights", "it is deeper or has more files than are read")
			break
		}
		list = append(list, s.listsAt(p+"/"+waxseal.Path(name), level+1)...)
	}
	return list
}

// listFile reads a file of access rights; Dovecot believes none of one with an error.
func (s site) listFile(p waxseal.Path, pattern string) {
	text, ok := s.Read(p, "a list of access rights")
	if !ok {
		return
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' || n > mostGrants {
			continue
		}
		at := waxseal.Source{Path: p, Line: n}
		g, why := parseGrant(line, pattern)
		if why != "" {
			s.Problem(p, n, "Dovecot does not take this line: "+why)
			continue
		}
		s.grant(g, at, string(p))
	}
	if n > mostGrants {
		s.Unreadable(p, "a list of access rights", "it has more lines than are read")
	}
}

// grant makes a hook of what others may do with everybody's mail. Mailboxes of a public
// namespace are nobody's own.
func (s site) grant(g grant, at waxseal.Source, place string) {
	s.Setting(s.at.instance, "acl "+place+":"+g.pattern+":"+g.who, strings.TrimSpace(g.rights+" "+g.named), at)
	if !g.others() || s.public(g.pattern, s.section) {
		return
	}
	h := s.hook()
	h.ID = s.id(s.conf.Root, "acl", place, g.pattern, g.who)
	h.Scope, h.Effects, h.Source, h.Kind = "all mail in the folders "+g.pattern+" of every user", copies, at, waxseal.KindMap
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: g.who + " " + strings.TrimSpace(g.rights+" "+g.named) + " in " + g.pattern}
	h.Closure = []waxseal.Part{{Path: at.Path, Role: waxseal.RoleMap}}
	may := g.may(s.everywhere(g.pattern))
	if strings.HasPrefix(may, "change") {
		h.Effects = []waxseal.Effect{waxseal.Modify, waxseal.Drop}
	}
	mta.Modify(&h, "others_may", may)
	h.Explain = "Others than the owner (" + mta.Clip(g.who) + ") have the rights " + mta.Clip(strings.TrimSpace(g.rights+" "+g.named)) + " on the mailboxes " + mta.Clip(g.pattern) + " of every user, in shared folders or as a master user (" + s.row.directive() + ")."
	s.emit(h)
}

// everywhere reports whether a pattern is for the mailboxes that everybody has.
func (s site) everywhere(pattern string) bool {
	probes := []string{"INBOX", "Sent", "Archive", "INBOX/Sent", "INBOX.Sent", "x"}
	for _, n := range s.conf.All("namespace") {
		if n.Value("type") == "shared" {
			prefix, _, _ := strings.Cut(n.Value("prefix"), "%")
			probes = append(probes, prefix+"somebody/INBOX")
		}
	}
	return slices.ContainsFunc(probes, func(name string) bool { return wildcard(pattern, name) })
}

// public reports whether mailboxes of a pattern are in a public namespace: by where
// the right stands, or by the prefix of one.
func (s site) public(pattern string, in *doveconf.Section) bool {
	for ; in != nil; in = in.Parent {
		if in.Kind == "namespace" && in.Value("type") == "public" {
			return true
		}
	}
	return slices.ContainsFunc(s.conf.All("namespace"), func(n *doveconf.Section) bool {
		prefix := n.Value("prefix")
		return n.Value("type") == "public" && prefix != "" && (strings.HasPrefix(pattern, prefix) || pattern == strings.TrimRight(prefix, "./"))
	})
}

// wildcard matches a name with "*" and "?", which stop at nothing (wildcard-match.h).
func wildcard(pattern, name string) bool {
	star, from := -1, 0
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p, n = p+1, n+1
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// right makes a hook of a right that stands in the configuration itself, as from 2.4
// on: acl NAME { id = user=eve  rights = lr }, in a mailbox, a namespace or for all.
func right(s site) {
	who := cmp.Or(s.section.Value("acl_id"), s.section.Name)
	pattern := "*"
	for in := s.section.Parent; in != nil; in = in.Parent {
		if in.Kind == "mailbox" {
			pattern = in.Name
		}
	}
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(who) + `" `
	g, why := parseGrant(quoted+s.set.Value, pattern)
	if why != "" {
		s.Problem(s.set.Source.Path, s.set.Source.Line, "Dovecot does not take these rights: "+why)
		return
	}
	s.grant(g, s.set.Source, s.section.Path())
}
