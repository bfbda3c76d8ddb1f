package fetch

import (
	"maps"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// What is read: files of one directory, sections of one file.
const (
	maxRules    = 200
	maxSections = 500
)

// getmail reads the files of an account; each of them may be named by "-r".
func getmail(r *reader, a mta.Account) {
	for _, dir := range []string{"/.getmail", "/.config/getmail"} {
		at := mta.Clean(a.Home + dir)
		names, err := r.Tree.ReadDir(at)
		if err != nil {
			continue // not there, or told with the home
		}
		read := 0
		for _, name := range names {
			p := at + "/" + waxseal.Path(name)
			f, err := r.Tree.Stat(p)
			if err != nil || f.Type != waxseal.Regular || strings.HasPrefix(name, "oldmail-") { // what it has fetched already
				continue
			}
			if read++; read > maxRules {
				r.Unreadable(at, "the rules of getmail", "there are more files than are read")
				break
			}
			r.getmailrc(p, a)
		}
	}
}

// getmailSection is a section with what it says, by name.
type getmailSection struct {
	name string
	set  map[string]rule
}

// getmailrc reads one file: sections with "name = value", which goes on in lines that
// begin with a blank (configparser of Python).
func (r *reader) getmailrc(p waxseal.Path, a mta.Account) {
	text, err := r.Tree.ReadFile(p, maxFile)
	if err == nil && !strings.Contains(string(text), "[destination]") && !strings.Contains(string(text), "[retriever]") {
		return // another file beside it
	}
	content, ok := r.open(p)
	if !ok {
		return
	}
	sections := r.getmailSections(p, content, a)
	server := ""
	for _, s := range sections {
		if s.name == "retriever" {
			server = s.set["server"].value
		}
	}
	for _, s := range sections {
		for _, name := range slices.Sorted(maps.Keys(s.set)) {
			u := s.set[name]
			if u.scope = "all mail that " + a.Name + " fetches"; server != "" {
				u.scope += " from " + mta.Clip(server)
			}
			r.gotten(s, u, a)
		}
	}
	r.endFile(p)
}

func (r *reader) getmailSections(p waxseal.Path, content string, a mta.Account) (list []getmailSection) {
	n, last := 0, ""
	for line := range strings.Lines(content) {
		n++
		body := strings.TrimSpace(line)
		switch {
		case body == "" || body[0] == '#' || body[0] == ';':
		case body[0] == '[':
			name, _, _ := strings.Cut(body[1:], "]")
			if len(list) == maxSections {
				r.Unreadable(p, "the rules of getmail", "it has more sections than are read")
				return list
			}
			list = append(list, getmailSection{name, map[string]rule{}})
			last = ""
		case len(list) == 0:
		case line[0] == ' ' || line[0] == '\t':
			if u, ok := list[len(list)-1].set[last]; ok && len(u.value) < 1<<14 {
				u.value = strings.TrimSpace(u.value + " " + body)
				list[len(list)-1].set[last] = u
			}
		default:
			i := strings.IndexAny(body, "=:")
			if i < 0 {
				continue
			}
			last = strings.ToLower(strings.TrimSpace(body[:i]))
			s := list[len(list)-1]
			s.set[last] = rule{name: last, value: strings.TrimSpace(body[i+1:]), at: waxseal.Source{Path: p, Line: n}, place: s.name, account: a.Name, home: a.Home}
		}
	}
	return list
}

// passCommand stands for password_command, whose value is none and would be masked under
// that name.
const passCommand = "pass_command"

// gotten makes the hook of a setting: a path is a program or a mailbox, by the type of
// its section.
func (r *reader) gotten(s getmailSection, u rule, a mta.Account) {
	kind := strings.ToLower(s.set["type"].value)
	switch {
	case u.name == "path" && (kind == "mda_external" || strings.HasPrefix(kind, "filter_")):
		u.value = strings.TrimSpace(inHome(a.Home, u.value) + " " + strings.Join(tuple(s.set["arguments"].value), " "))
		r.command(u, []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Execute}, "What "+u.account+" fetches is handed to")
	case u.name == "path" && (kind == "maildir" || strings.HasPrefix(kind, "mbox")):
		u.value = inHome(a.Home, u.value)
		r.file(u)
	case u.name == "password_command":
		u.name = passCommand
		u.value = strings.Join(tuple(u.value), " ")
		r.command(u, []waxseal.Effect{waxseal.Execute}, "Whenever "+u.account+" fetches mail, there runs")
	default:
		r.note(u)
	}
}

// tuple are the texts of a tuple of Python: ("-d", "%(recipient)").
func tuple(v string) (list []string) {
	for v != "" && len(list) < 100 {
		i := strings.IndexAny(v, `"'`)
		if i < 0 {
			break
		}
		end := strings.IndexByte(v[i+1:], v[i])
		if end < 0 {
			break
		}
		list = append(list, v[i+1:i+1+end])
		v = v[i+1+end+1:]
	}
	return list
}
