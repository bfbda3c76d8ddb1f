package dpkg

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"waxseal"
)

// Alternative is one link group of update-alternatives(1): a name in the file
// system, such as /usr/sbin/sendmail, that several packages can provide.
type Alternative struct {
	Name   string       // "mta-sendmail"
	Link   waxseal.Path // "/usr/sbin/sendmail", which leads to /etc/alternatives/NAME
	Auto   bool         // the best choice is taken; an administrator took another one else
	Slaves []Slave      // links that follow the choice
	// Choices are what packages or administrators have offered.
	Choices []Choice
	// Current is where /etc/alternatives/NAME leads, "" where it is no link. It
	// need not be one of the choices.
	Current waxseal.Path
}

// Slave is a link that follows the choice of its group.
type Slave struct {
	Name string
	Link waxseal.Path
}

// Choice is one provider of a group.
type Choice struct {
	Path     waxseal.Path
	Priority int
	Slaves   []waxseal.Path // in the order of the group's; "" is none
}

// Best is the choice of the highest priority, the first of equals.
func (a Alternative) Best() (best Choice, ok bool) {
	for i, c := range a.Choices {
		if i == 0 || c.Priority > best.Priority {
			best = c
		}
	}
	return best, len(a.Choices) > 0
}

// maxAlternatives bounds one file of a group.
const maxAlternatives = 1 << 20

// Alternatives reads the link groups of a tree. A tree without any gives none.
func Alternatives(tree waxseal.Tree) ([]Alternative, []waxseal.Problem) {
	names, err := tree.ReadDir(dir + "/alternatives")
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, []waxseal.Problem{{Path: dir + "/alternatives", Message: err.Error(), Unreadable: true}}
	}
	var groups []Alternative
	var problems []waxseal.Problem
	for _, name := range names {
		p := waxseal.Path(path.Join(dir, "alternatives", name))
		content, err := tree.ReadFile(p, maxAlternatives)
		if err != nil {
			problems = append(problems, waxseal.Problem{Path: p, Message: err.Error(), Unreadable: true})
			continue
		}
		a, err := ParseAlternative(name, string(content))
		if err != nil {
			problems = append(problems, waxseal.Problem{Path: p, Message: err.Error()})
		}
		if l, err := tree.Lstat(waxseal.Path("/etc/alternatives/" + name)); err == nil && l.Type == waxseal.Symlink {
			a.Current = waxseal.Path(l.Link)
		}
		groups = append(groups, a)
	}
	return groups, problems
}

var errAlternative = errors.New("not a link group of update-alternatives: what can be read of it is taken")

// ParseAlternative reads a file of /var/lib/dpkg/alternatives: status and link, a
// name and a link for each slave up to an empty line; then for each choice its
// path, priority and one line for each slave, up to an empty line
// (update-alternatives.c, alternative_load). What comes before an error stands.
func ParseAlternative(name, text string) (Alternative, error) {
	a := Alternative{Name: name}
	next := func() (string, bool) {
		line, rest, ok := strings.Cut(text, "\n")
		text = rest
		return line, ok
	}
	status, _ := next()
	link, ok := next()
	if a.Auto = status == "auto"; !ok || !a.Auto && status != "manual" {
		return a, errAlternative
	}
	a.Link = waxseal.Path(link)
	for {
		slave, ok := next()
		if slave == "" && ok {
			break
		}
		link, more := next()
		if !ok || !more {
			return a, errAlternative
		}
		a.Slaves = append(a.Slaves, Slave{slave, waxseal.Path(link)})
	}
	for {
		file, ok := next()
		if file == "" || !ok {
			return a, nil
		}
		c := Choice{Path: waxseal.Path(file)}
		priority, ok := next()
		var err error
		if c.Priority, err = strconv.Atoi(priority); err != nil || !ok {
			return a, errAlternative
		}
		for range a.Slaves {
			slave, ok := next()
			if !ok {
				return a, errAlternative
			}
			c.Slaves = append(c.Slaves, waxseal.Path(slave))
		}
		a.Choices = append(a.Choices, c)
	}
}
