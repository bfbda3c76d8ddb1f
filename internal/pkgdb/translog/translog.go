// Package translog reads what package managers wrote down of their work: dpkg.log
// (dpkg(1), --log), apt's history.log and dnf.rpm.log, as text.
//
// Whoever is root can write these files, and dpkg can be told to log elsewhere. So a
// line here is where to look, never proof: a transaction that is not written down is
// not explained, and one that is still needs the hand and the content.
package translog

import (
	"slices"
	"strings"
	"time"
)

// Transaction is one package's way from one version to another.
type Transaction struct {
	Manager string // "dpkg", "rpm"
	Action  string // "install", "upgrade", "remove", "purge", "configure"
	Package string // without architecture
	// Old and New are versions, "" where there is none. A reinstallation has the same
	// twice.
	Old, New string
	// From and Until bound it, as the log has it: to the second. Until is zero while it
	// has not come to an end.
	From, Until time.Time
	// Command and By are what the front end wrote of the run: its command line, and who
	// asked for it; "" where it wrote nothing.
	Command, By string
	// Line is where it begins in the log, as it stands there.
	Line string
}

// slack is what is added to a log's seconds, and to the moment at which its line is
// written: beside the operation, not with it.
const slack = 2 * time.Second

// Covers reports whether a moment lies in the transaction.
func (t Transaction) Covers(at time.Time) bool {
	return !at.Before(t.From.Add(-slack)) && (t.Until.IsZero() || !at.After(t.Until.Add(slack)))
}

// Within reports whether some of the transaction lies between two moments.
func (t Transaction) Within(from, until time.Time) bool {
	return (t.Until.IsZero() || !t.Until.Before(from.Add(-slack))) && !t.From.After(until.Add(slack))
}

// maxTransactions bounds what is kept of a log: the latest.
const maxTransactions = 20_000

// ParseDpkg reads dpkg.log, oldest first. Its times are local, without a zone:
//
//	2026-11-30 04:06:04 upgrade postfix:amd64 3.7.10-1 3.7.11-1
//	2026-11-30 04:06:05 status unpacked postfix:amd64 3.7.11-1
//	2026-11-30 04:06:07 status installed postfix:amd64 3.7.11-1
//
// Lines that are none of dpkg's are passed over: they explain nothing.
func ParseDpkg(text string, zone *time.Location) []Transaction {
	var list []Transaction
	open := map[string]int{} // by package, the place of the one under way
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		at, rest, ok := stamped(line, zone)
		f := strings.Fields(rest)
		if !ok || len(f) < 3 {
			continue
		}
		switch f[0] {
		case "install", "upgrade", "remove", "purge", "configure":
			list = begin(list, open, f, at, line)
		case "status":
			follow(list, open, f, at)
		}
		if len(list) > maxTransactions {
			list, open = slices.Clone(list[len(list)/2:]), map[string]int{}
		}
	}
	return list
}

// stamped cuts the time off a line.
func stamped(line string, zone *time.Location) (at time.Time, rest string, ok bool) {
	const layout = "2006-01-02 15:04:05"
	if len(line) <= len(layout) {
		return at, "", false
	}
	at, err := time.ParseInLocation(layout, line[:len(layout)], zone)
	return at, line[len(layout):], err == nil
}

// begin takes "upgrade postfix:amd64 OLD NEW" or "configure postfix:amd64 VERSION <none>".
func begin(list []Transaction, open map[string]int, f []string, at time.Time, line string) []Transaction {
	name := bare(f[1])
	if f[0] == "configure" {
		if _, under := open[name]; under {
			return list // the second half of an unpacking
		}
	}
	t := Transaction{Manager: "dpkg", Action: f[0], Package: name, Old: version(f, 2), New: version(f, 3), From: at, Line: line}
	if f[0] == "configure" {
		t.New = t.Old
	}
	open[name] = len(list)
	return append(list, t)
}

// follow takes "status STATE postfix:amd64 VERSION".
func follow(list []Transaction, open map[string]int, f []string, at time.Time) {
	if len(f) < 4 {
		return
	}
	i, ok := open[bare(f[2])]
	if !ok {
		return
	}
	switch f[1] {
	case "installed", "config-files", "not-installed":
		list[i].Until = at
		delete(open, bare(f[2]))
	}
}

func version(f []string, i int) string {
	if i >= len(f) || f[i] == "<none>" {
		return ""
	}
	return f[i]
}

// bare cuts the architecture off: "postfix:amd64".
func bare(s string) string {
	name, _, _ := strings.Cut(s, ":")
	return name
}

// Run is one run of apt, as history.log has it.
type Run struct {
	From, Until time.Time
	Command, By string
}

// ParseHistory reads apt's history.log: stanzas with Start-Date, Commandline,
// Requested-By and End-Date, their times local.
func ParseHistory(text string, zone *time.Location) []Run {
	var list []Run
	var r Run
	for line := range strings.Lines(text + "\n\n") {
		line = strings.TrimRight(line, "\n")
		key, value, _ := strings.Cut(line, ": ")
		switch key {
		case "":
			if !r.From.IsZero() {
				list = append(list, r)
			}
			r = Run{}
		case "Start-Date":
			r.From = historyTime(value, zone)
		case "End-Date":
			r.Until = historyTime(value, zone)
		case "Commandline":
			r.Command = value
		case "Requested-By":
			r.By = value
		}
		if len(list) > maxTransactions {
			list = slices.Clone(list[len(list)/2:])
		}
	}
	return list
}

// historyTime reads "2026-11-30  04:06:04", with two spaces.
func historyTime(s string, zone *time.Location) time.Time {
	at, err := time.ParseInLocation("2006-01-02  15:04:05", s, zone)
	if err != nil {
		return time.Time{}
	}
	return at
}

// Name adds to transactions what the runs of the front end say of them: of each, the run
// that began last before it.
func Name(list []Transaction, runs []Run) {
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b Run) int { return a.From.Compare(b.From) })
	for i := range list {
		t := &list[i]
		after, _ := slices.BinarySearchFunc(runs, t.From.Add(slack), func(r Run, at time.Time) int { return r.From.Compare(at) })
		if after == 0 {
			continue
		}
		r := runs[after-1]
		if whole := (Transaction{From: r.From, Until: r.Until}); whole.Covers(t.From) {
			t.Command, t.By = r.Command, r.By
		}
	}
}

// ParseDNF reads dnf.rpm.log, which names what each step of a transaction did:
//
//	2026-11-30T04:06:04+0000 SUBDEBUG Upgrade: postfix-2:3.5.25-1.el9.x86_64
//	2026-11-30T04:06:05+0000 SUBDEBUG Upgraded: postfix-2:3.5.9-24.el9.x86_64
func ParseDNF(text string) []Transaction {
	var list []Transaction
	came := map[string]int{} // by package, the step that brought its new version
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasSuffix(f[2], ":") {
			continue
		}
		at, err := time.Parse("2006-01-02T15:04:05-0700", f[0])
		if err != nil {
			continue
		}
		name, v := nevra(f[3])
		switch action := strings.ToLower(strings.TrimSuffix(f[2], ":")); action {
		case "installed", "install", "upgrade", "reinstall", "downgrade":
			came[name] = len(list)
			list = append(list, Transaction{Manager: "rpm", Action: action, Package: name, New: v, From: at, Until: at, Line: strings.TrimSpace(line)})
		case "upgraded", "reinstalled", "downgraded":
			if i, ok := came[name]; ok {
				list[i].Old, list[i].Until = v, at
				delete(came, name)
			}
		case "erase", "removed", "remove", "erased":
			list = append(list, Transaction{Manager: "rpm", Action: "remove", Package: name, Old: v, From: at, Until: at, Line: strings.TrimSpace(line)})
		}
		if len(list) > maxTransactions {
			list = slices.Clone(list[len(list)/2:])
			clear(came)
		}
	}
	return list
}

// nevra cuts "postfix-2:3.5.25-1.el9.x86_64" into name and version without
// architecture, the latter as rpm's database has it: "2:3.5.25-1.el9".
func nevra(s string) (name, version string) {
	if i := strings.LastIndexByte(s, '.'); i > 0 {
		s = s[:i]
	}
	release := strings.LastIndexByte(s, '-')
	if release <= 0 {
		return s, ""
	}
	v := strings.LastIndexByte(s[:release], '-')
	if v <= 0 {
		return s[:release], s[release+1:]
	}
	return s[:v], s[v+1:]
}
