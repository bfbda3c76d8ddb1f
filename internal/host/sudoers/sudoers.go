// Package sudoers reads who may run which commands as whom through sudo(8).
//
// It follows sudoers(5) of sudo 1.9: aliases, negation, run-as lists, tags and
// options that carry over to the commands behind them, digests, escapes, "#include"
// and "@includedir". A rule comes out for each command, with aliases expanded.
//
// It does not look up who is in a group or netgroup, matches no host names, and reads
// no sudoers from LDAP.
package sudoers

import (
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// Rule lets somebody run one command.
type Rule struct {
	Users []Member // who may: "postfix", "%sudo", "#1000", "ALL"
	Hosts []Member
	// RunAs are the accounts as which the command may run: none means root (or the
	// invoking user, where only groups are named).
	RunAs, RunAsGroups []Member
	Command            string // "ALL", "/usr/bin/x -a *", "sudoedit /etc/aliases"
	// Not says that the command is taken away again: "!/usr/bin/su".
	Not        bool
	NoPassword bool
	NoExec     bool // the command can't run another one (NOEXEC:)
	SetEnv     bool // variables may be set for it (SETENV:)
	Digest     string
	Source     waxseal.Source
}

// Member is one of a list.
type Member struct {
	Name string
	Not  bool
}

// Policy is all that the files say.
type Policy struct {
	Rules    []Rule
	Files    []waxseal.Path
	Problems []waxseal.Problem
}

const (
	maxFile    = 1 << 20
	maxFiles   = 512
	maxDepth   = 16
	maxLine    = 64 << 10
	maxRules   = 20_000
	maxMembers = 2_000 // of one expanded list
	maxAliases = 10_000
)

// Read reads the sudoers file of a tree and what it includes. The order is that in
// which sudo reads: the last rule that matches counts.
func Read(tree waxseal.Tree, p waxseal.Path) Policy {
	r := &reader{tree: tree, aliases: map[string][]item{}, seen: map[waxseal.Path]bool{}}
	if _, err := tree.Lstat(p); errors.Is(err, fs.ErrNotExist) {
		// A part of a host: the file that every distribution brings includes these.
		r.directory(p, string(p)+".d", 0)
	}
	r.file(p, 0)
	return r.finish()
}

// reader collects lines of all files; aliases may be used before they are defined.
type reader struct {
	tree    waxseal.Tree
	policy  Policy
	aliases map[string][]item // "User_Alias\x00ADMINS"
	specs   []spec
	open    []opened // "Defaults !authenticate"
	seen    map[waxseal.Path]bool
}

// opened are those whom a line of Defaults asks for no password.
type opened struct{ users, runAs, commands []item }

func (r *reader) problem(p waxseal.Path, line int, message string) {
	if len(r.policy.Problems) < 200 {
		r.policy.Problems = append(r.policy.Problems, waxseal.Problem{Path: p, Line: line, Message: message})
	}
}

func (r *reader) file(p waxseal.Path, depth int) {
	if depth > maxDepth || len(r.seen) >= maxFiles {
		r.problem(p, 0, "more included files than are read: the rules in it are not known")
		return
	}
	if r.seen[p] {
		return
	}
	content, err := r.tree.ReadFile(p, maxFile)
	if err != nil {
		if f, missing := r.tree.Lstat(p); missing == nil && f.Type != waxseal.Directory {
			r.policy.Problems = append(r.policy.Problems, waxseal.Problem{Path: p, Message: "the rules in it are not known: " + err.Error(), Unreadable: true})
		}
		return
	}
	r.seen[p] = true
	r.policy.Files = append(r.policy.Files, p)
	for _, l := range logical(string(content)) {
		r.line(p, l, depth)
	}
}

// text is a logical line and where it begins.
type text struct {
	text string
	line int
}

// logical joins lines that end with a backslash.
func logical(content string) []text {
	var list []text
	var b strings.Builder
	n, start := 0, 1
	for line := range strings.SplitSeq(content, "\n") {
		n++
		line = strings.TrimSuffix(line, "\r")
		if b.Len() == 0 {
			start = n
		}
		if body, more := strings.CutSuffix(line, `\`); more && b.Len()+len(body) < maxLine {
			b.WriteString(body + " ")
			continue
		}
		b.WriteString(line)
		if t := strings.TrimSpace(b.String()); t != "" {
			list = append(list, text{t, start})
		}
		b.Reset()
	}
	if t := strings.TrimSpace(b.String()); t != "" {
		list = append(list, text{t, start})
	}
	return list
}

func (r *reader) line(p waxseal.Path, l text, depth int) {
	if rest, ok := directive(l.text, "includedir"); ok {
		r.directory(p, rest, depth)
		return
	}
	if rest, ok := directive(l.text, "include"); ok {
		r.file(beside(p, rest), depth+1)
		return
	}
	if len(l.text) > maxLine {
		r.problem(p, l.line, "the line is too long: the rules in it are not known")
		return
	}
	s := &scanner{text: uncomment(l.text)}
	word := s.peekWord()
	switch {
	case word == "":
	case strings.HasPrefix(word, "Defaults"):
		r.defaults(s.rest())
	case aliasKinds[word] != "":
		s.take(len(word))
		r.alias(aliasKinds[word], s, p, l.line)
	default:
		r.userSpec(s, waxseal.Source{Path: p, Line: l.line})
	}
}

var aliasKinds = map[string]string{"User_Alias": "user", "Runas_Alias": "runas", "Host_Alias": "host", "Cmnd_Alias": "command", "Cmd_Alias": "command"}

// directive reads "#include NAME" and "@include NAME"; NAME may be quoted, and
// blanks in it escaped.
func directive(line, name string) (string, bool) {
	for _, mark := range []string{"@", "#"} {
		rest, ok := strings.CutPrefix(line, mark+name)
		if !ok || rest == "" || !strings.ContainsAny(rest[:1], " \t") {
			continue
		}
		rest = strings.TrimSpace(rest)
		if q, ok := strings.CutPrefix(rest, `"`); ok {
			q, _, _ = strings.Cut(q, `"`)
			return q, q != ""
		}
		word := []byte{}
		for i := 0; i < len(rest) && rest[i] != ' ' && rest[i] != '\t'; i++ {
			if rest[i] == '\\' && i+1 < len(rest) {
				i++
			}
			word = append(word, rest[i])
		}
		return string(word), len(word) > 0
	}
	return "", false
}

func beside(p waxseal.Path, name string) waxseal.Path {
	if !path.IsAbs(name) {
		name = path.Join(path.Dir(string(p)), name)
	}
	return waxseal.Path(path.Clean(name))
}

// directory reads the files of a directory; names with a dot or a "~" at the end are
// left out.
func (r *reader) directory(from waxseal.Path, name string, depth int) {
	dir := beside(from, name)
	names, err := r.tree.ReadDir(dir)
	if err != nil {
		if _, there := r.tree.Lstat(dir); there == nil {
			r.policy.Problems = append(r.policy.Problems, waxseal.Problem{Path: dir, Message: "the rules in it are not known: " + err.Error(), Unreadable: true})
		}
		return
	}
	slices.Sort(names)
	for _, n := range names {
		if !strings.Contains(n, ".") && !strings.HasSuffix(n, "~") {
			r.file(dir+"/"+waxseal.Path(n), depth+1)
		}
	}
}

// uncomment cuts a comment off: "#" begins one unless it is escaped, quoted, or
// begins a number ("#1000").
func uncomment(s string) string {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case '#':
			number := i+1 < len(s) && (s[i+1] >= '0' && s[i+1] <= '9' || s[i+1] == '-' && i+2 < len(s)) && (i == 0 || strings.IndexByte(" \t,(:!%=", s[i-1]) >= 0)
			if !quoted && !number {
				return strings.TrimSpace(s[:i])
			}
		}
	}
	return s
}

// defaults looks for a line of Defaults that takes the password away: for all, or
// for users, accounts or commands that a mark behind "Defaults" names.
func (r *reader) defaults(rest string) {
	rest = strings.TrimPrefix(rest, "Defaults")
	o := opened{}
	if rest != "" && strings.IndexByte("@:!>", rest[0]) >= 0 {
		s := &scanner{text: rest[1:]}
		items := s.list()
		switch rest[0] {
		case ':':
			o.users = items
		case '>':
			o.runAs = items
		case '!':
			o.commands = items
		}
		rest = s.rest()
	}
	if noPassword.MatchString(rest) && len(r.open) < maxOpened {
		r.open = append(r.open, o)
	}
}

var noPassword = regexp.MustCompile(`(?:^|[\s,])!\s*authenticate\b`)

const maxOpened = 256
