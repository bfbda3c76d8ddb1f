// Package delivery reads what the delivery agents procmail and maildrop do with
// mail: the rules of the administrator and of every user, and the files that they
// include.
//
// The files are those of procmail(1) and maildrop(1): /etc/procmailrc,
// /etc/procmailrcs and ~/.procmailrc; /etc/maildroprc, ~/.mailfilter and
// ~/.mailfilters. What stands in them is read by the packages procmail and
// maildrop; this one finds them, says whether the agent would read them, as whom,
// and makes hooks of what they do. Rules act only where something hands mail to
// the agent: see [Reached].
//
// It matches no message, and gives no judgement.
package delivery

import (
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// The names under which the agents appear in stacks and hooks.
const (
	Procmail waxseal.StackName = "procmail"
	Maildrop waxseal.StackName = "maildrop"
)

// Read reads the rules of both agents.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options, reached Reached) mta.Result {
	found := readProcmail(newReading(Procmail, tree, m, o, reached))
	found.Join(readMaildrop(newReading(Maildrop, tree, m, o, reached)))
	return found
}

// reading is the reading of one agent's files.
type reading struct {
	*mta.Book
	options mta.Options
	ways    []Way
	// alone says that no mail system was read: the tree may be a part of a host, and
	// the rules count.
	alone   bool
	domains mta.Domains
	host    string // the name of this host, "" where the tree has none
	users   []mta.Account
	read    map[waxseal.Path]bool // files that were read, under whatever rules
	config  []waxseal.Path        // the administrator's
}

func newReading(agent waxseal.StackName, tree waxseal.Tree, m *mask.Masker, o mta.Options, reached Reached) *reading {
	r := &reading{Book: mta.NewBook(agent, tree, m), options: o, alone: !reached.Known, domains: mta.NewDomains(reached.Domains...), read: map[waxseal.Path]bool{}}
	for _, w := range reached.Ways {
		if w.Agent == agent {
			r.ways = append(r.ways, w)
		}
	}
	if name, err := tree.ReadFile("/etc/hostname", 4096); err == nil {
		r.host = strings.TrimSpace(string(name))
	}
	return r
}

// everyone lists the accounts once, and only where somebody asks.
func (r *reading) everyone() []mta.Account {
	if r.users == nil {
		r.users = r.Accounts()
	}
	return r.users
}

// finish closes the reading: the stack is there where its files or the ways to it
// are.
func (r *reading) finish(packages ...string) mta.Result {
	if len(r.read) == 0 && len(r.ways) == 0 {
		return r.Result()
	}
	r.AddStack(waxseal.Stack{MTA: r.Stack, Version: r.options.Version(packages...), Config: slices.Clip(r.config)})
	return r.Result()
}

// leads says why no mail comes to the rules of a user, "" if it does; for "" to
// those of the administrator, which any mail to the agent meets.
func (r *reading) leads(user string) string {
	if r.alone {
		return ""
	}
	for _, w := range r.ways {
		if w.Rules == "" && (user == "" || w.User == "" || w.User == user) {
			return ""
		}
	}
	return "nothing hands mail to " + string(r.Stack)
}

// runsAs says as whom the agent works when it begins: "" where that is not known.
func (r *reading) runsAs() string {
	for _, w := range r.ways {
		if w.Rules == "" {
			return w.RunsAs
		}
	}
	return ""
}

// Places lists every sort of hook that this package finds, in the order in which
// mail meets them.
func Places() []waxseal.Place { return append(places(Procmail), places(Maildrop)...) }
