// Package others recognises mail systems that are not read as a whole: qmail,
// Courier and Cyrus IMAP. Their hook files are listed, so that a seal holds them and
// a change is seen, and the few hooks that can be told plainly are: lines of a
// .qmail or .courier file, a filter that Courier starts, a command of cyrus.conf.
//
// Where they lie is told by dot-qmail(5), qmail-control(5), courier(8),
// dot-courier(5), courierfilter(8), cyrus.conf(5) and imapd.conf(5). What the rest of
// their configuration means is not understood, and a problem says so.
package others

import (
	"path"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// The names under which the mail systems appear in stacks and hooks.
const (
	Qmail   waxseal.StackName = "qmail"
	Courier waxseal.StackName = "courier"
	Cyrus   waxseal.StackName = "cyrus"
)

// Read looks for each of them. Stacks are the mail systems that were read.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options, stacks []waxseal.Stack) mta.Result {
	var found mta.Result
	for _, one := range []struct {
		name     waxseal.StackName
		title    string
		packages []string
		read     func(*other)
	}{
		{Qmail, "qmail", []string{"qmail", "netqmail", "notqmail"}, qmail},
		{Courier, "Courier", []string{"courier-mta", "courier-base"}, courier},
		{Cyrus, "Cyrus IMAP", []string{"cyrus-imapd", "cyrus-common"}, cyrus},
	} {
		x := &other{Book: mta.NewBook(one.name, tree, m), title: one.title, alone: len(stacks) == 0, domains: mta.NewDomains()}
		for _, s := range stacks {
			for _, d := range s.Domains {
				x.domains.Add(d)
			}
		}
		one.read(x)
		found.Join(x.finish(o, one.packages))
	}
	return found
}

// other is the reading of one of them.
type other struct {
	*mta.Book
	title   string
	alone   bool // no mail system was read
	domains mta.Domains
	own     mta.Domains // those that its own files name
	config  []waxseal.Path
	listed  int
}

// finish closes the reading, and says what was not understood.
func (x *other) finish(o mta.Options, packages []string) mta.Result {
	if len(x.config) > 0 {
		x.AddStack(waxseal.Stack{MTA: x.Stack, Version: o.Version(packages...), Config: x.config[:min(len(x.config), 20)], Domains: x.own.List()})
		x.Problem(x.config[0], 0, x.title+" is recognised and not understood as a whole: its files are sealed, so that a change of one is seen, but what most of them do to mail is not told")
	}
	return x.Result()
}

const (
	// maxListed bounds the files that are listed of one mail system.
	maxListed = 20_000
	maxFile   = 1 << 20
)

// part lists a file, where it is there.
func (x *other) part(p waxseal.Path, role waxseal.Role) bool {
	if !x.Exists(p) {
		return false
	}
	if x.listed++; x.listed > maxListed {
		if x.listed == maxListed+1 {
			x.AddProblems([]waxseal.Problem{{Path: p, Message: "more files of " + x.title + " than are listed", Unreadable: true}})
		}
		return false
	}
	x.Part(p, role)
	if role == waxseal.RoleConfig || role == waxseal.RoleScript {
		x.config = append(x.config, p)
	}
	return true
}

// names lists a directory; a missing one is silence.
func (x *other) names(dir waxseal.Path) []string {
	names, err := x.Tree.ReadDir(dir)
	if err != nil && !mta.IsMissing(err) {
		x.AddProblems([]waxseal.Problem{{Path: dir, Message: "the directory can't be listed: " + err.Error(), Unreadable: true}})
	}
	return names[:min(len(names), maxListed)]
}

// directory lists the files of a directory and of those in it, as deep as said.
func (x *other) directory(dir waxseal.Path, depth int, role func(name string) waxseal.Role) {
	for _, name := range x.names(dir) {
		p := mta.Clean(string(dir) + "/" + name)
		f, err := x.Tree.Lstat(p)
		switch {
		case err != nil || f.Type == waxseal.FIFO || f.Type == waxseal.Socket || f.Type == waxseal.Device:
		case f.Type == waxseal.Directory:
			if depth > 0 && x.listed <= maxListed {
				x.directory(p, depth-1, role)
			}
		default:
			x.part(p, role(name))
		}
	}
}

// secretive tells files of passwords and keys by their names.
func secretive(name string) waxseal.Role {
	l := strings.ToLower(name)
	for _, word := range []string{"passw", "secret", ".pem", ".key", "authmysqlrc", "authpgsqlrc", "authldaprc", "esmtpauthclient", "servercert", "clientcert", "dh2048", "dhparam"} {
		if strings.Contains(l, word) {
			return waxseal.RoleSecret
		}
	}
	if strings.HasSuffix(l, ".cdb") || strings.HasSuffix(l, ".dat") || strings.HasSuffix(l, ".db") {
		return waxseal.RoleCompiledMap
	}
	return waxseal.RoleConfig
}

// hook begins a hook for a line.
func (x *other) hook(p waxseal.Path, line int, directive, place string) waxseal.Hook {
	return waxseal.Hook{ID: waxseal.HookID(string(x.Stack) + ":" + string(p) + ":" + directive + ":" + place), Stage: waxseal.StageDeliver, Active: true,
		Directive: directive, Source: waxseal.Source{Path: p, Line: line}, Scope: "all"}
}

// command completes a hook that runs a command.
func (x *other) command(h waxseal.Hook, kind waxseal.HookKind, command, sentence string) {
	h.Kind, h.Effects = kind, []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Execute}
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = append(x.CommandParts(mta.ShellWords(command)), h.Closure...)
	h.Explain = sentence
	x.Emit(h)
}

// delivery is a file of delivery instructions, one a line: .qmail and .courier.
type delivery struct {
	path          waxseal.Path
	whose, scope  string
	runsAs, home  string
	inactive      string
	manual        string
	addressSignal string // what may stand before an address
}

// deliveries makes a hook of each line (dot-qmail(5), dot-courier(5)).
func (x *other) deliveries(d delivery) {
	text, ok := x.ReadUpTo(d.path, "delivery instructions", maxFile)
	if !ok {
		return
	}
	list := strings.Split(strings.TrimRight(text, "\n"), "\n")
	several := len(list) > 1
	for n, line := range list[:min(len(list), 1000)] {
		line = strings.TrimRight(line, " \t\r")
		if line == "" || line[0] == '#' {
			continue
		}
		h := x.hook(d.path, n+1, "line", strconv.Itoa(n+1))
		h.Scope, h.RunsAs = d.scope, d.runsAs
		if d.inactive != "" {
			mta.Inactive(&h, d.inactive)
		}
		x.instruction(h, d, line, several)
	}
}

func (x *other) instruction(h waxseal.Hook, d delivery, line string, several bool) {
	by := " (" + d.manual + ", " + string(d.path) + ")."
	h.Kind, h.Effects = waxseal.KindRedirect, []waxseal.Effect{waxseal.Divert}
	if several {
		h.Kind, h.Effects = waxseal.KindCopy, []waxseal.Effect{waxseal.Copy}
	}
	switch {
	case line[0] == '|':
		command := strings.TrimSpace(strings.TrimLeft(line, "|"))
		x.command(h, waxseal.KindPipe, command, d.whose+" is handed to the command "+mta.Clip(command)+", run as "+mta.OrUnknown(d.runsAs)+by)
	case line[0] == '/' || line[0] == '.':
		file := line
		if line[0] == '.' && d.home != "" {
			file = path.Join(d.home, line)
		}
		if rest, ok := strings.CutPrefix(file, d.home+"/"); ok && d.home != "" {
			file = "~/" + rest
		}
		h.Kind, h.Effects = waxseal.KindRedirect, []waxseal.Effect{waxseal.Divert}
		h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: file}
		h.Explain = d.whose + " is written to " + mta.Clip(file) + by
		x.Emit(h)
	default:
		for n, address := range strings.FieldsFunc(strings.TrimLeft(line, d.addressSignal), func(r rune) bool { return r == ',' || r == ' ' }) {
			g := h
			if n > 0 {
				g.ID += waxseal.HookID(":" + strconv.Itoa(n+1))
			}
			g.Target = x.domains.Address(address)
			g.Explain = d.whose + " goes to " + mta.Clip(address) + mta.Where(g.Target) + by
			x.Emit(g)
		}
	}
}

// homes reads the delivery files of users: "name" and "name-extension".
func (x *other) homes(name string, here bool, d delivery) {
	for _, u := range x.Accounts() {
		if u.Home == "/" || u.Home == "/nonexistent" || !x.Reads(u.Home) {
			continue
		}
		var files []string
		if here {
			for _, n := range x.names(waxseal.Path(u.Home)) {
				if n == name || strings.HasPrefix(n, name+"-") {
					files = append(files, n)
				}
			}
		} else if x.Exists(mta.Clean(u.Home + "/" + name)) {
			files = []string{name}
		}
		for _, f := range files {
			one := d
			one.path, one.home, one.runsAs = mta.Clean(u.Home+"/"+f), u.Home, u.Name
			address := u.Name + strings.TrimPrefix(f, name)
			one.whose, one.scope = "Mail for "+mta.Clip(address), "recipient "+mta.Clip(u.Name)
			x.Part(one.path, waxseal.RoleInclude)
			x.deliveries(one)
		}
	}
}
