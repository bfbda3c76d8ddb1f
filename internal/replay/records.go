package replay

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/auditrec"
)

// entry is one line of an audit log with what it is sorted by.
type entry struct {
	time   int64
	serial uint64
	last   bool // the record that the kernel writes last
	line   string
}

// sorted brings lines into the order in which the kernel numbered the events, each
// with the record last that ends it. What is no audit record of this host is a gap.
func (p *player) sorted(lines []string) []entry {
	tape := make([]entry, 0, len(lines))
	node, known := "", false
	var foreign, bad int
	var firstBad error
	for _, line := range lines {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "----") { // ausearch(8) puts such a line between events
			continue
		}
		r, err := auditrec.ParseLine(line)
		if err != nil {
			if bad++; bad == 1 {
				firstBad = err
			}
			continue
		}
		of, _, _ := strings.Cut(strings.TrimPrefix(line, "node="), " ")
		if !strings.HasPrefix(line, "node=") {
			of = ""
		}
		if !known {
			node, known = of, true
		}
		if of != node {
			foreign++
			continue
		}
		p.names.learn(r)
		tape = append(tape, entry{r.Time.UnixNano(), r.Serial, r.Type == "PROCTITLE" || r.Type == "EOE", line})
	}
	if bad > 0 {
		p.gap(waxseal.Gap{Lost: int64(bad), Reason: fmt.Sprintf("%d lines are no audit records and were left out; the first: %v", bad, firstBad)})
	}
	if foreign > 0 {
		p.gap(waxseal.Gap{Lost: int64(foreign), Reason: fmt.Sprintf("%d records are of other hosts than %q and were left out", foreign, node)})
	}
	slices.SortStableFunc(tape, compare)
	return tape
}

func compare(a, b entry) int {
	if c := cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.serial, b.serial)); c != 0 || a.last == b.last {
		return c
	}
	if a.last {
		return 1
	}
	return -1
}

// events puts the records together, and says what is missing in them.
func (p *player) events(tape []entry) []waxseal.AuditEvent {
	var a auditrec.Assembler
	var events []waxseal.AuditEvent
	for _, e := range tape {
		r, err := auditrec.ParseLine(e.line)
		if err != nil {
			continue // it was read before, and counted there
		}
		events = append(events, a.Add(r)...)
	}
	events = append(events, a.Drain()...)
	// A login that waited for its SYSCALL record comes after it.
	slices.SortStableFunc(events, func(a, b waxseal.AuditEvent) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Serial, b.Serial))
	})
	for _, e := range events {
		p.incomplete(e)
	}
	return events
}

// incomplete tells of an event of which records are missing.
func (p *player) incomplete(e waxseal.AuditEvent) {
	records := make([]auditrec.Record, 0, len(e.Raw))
	for _, line := range e.Raw {
		if r, err := auditrec.ParseLine(line); err == nil {
			records = append(records, r)
		}
	}
	if words := auditrec.Missing(records); words != "" {
		about := ""
		for _, path := range e.Paths {
			if path.Name != "" {
				about = ", about " + path.Name
			}
		}
		p.gap(waxseal.Gap{From: e.Time, Until: e.Time, Lost: 1, Reason: fmt.Sprintf("audit record %d lacks %s%s", e.Serial, words, about)})
	}
}

// names are those of uids: as auditd resolved them on the host and at the time, or as
// the tree has them. A uid that was resolved to two names has none.
type names struct {
	byID map[uint32]string
	tree map[uint32]string
}

const conflicting = "\x00"

func (n names) learn(r auditrec.Record) {
	for field, name := range map[string]string{"auid": "AUID", "uid": "UID", "euid": "EUID"} {
		word, ok := r.Names[name]
		uid, known := number(r.Fields[field])
		if !ok || !known || word == "" || word == "unset" || strings.HasPrefix(word, "unknown(") {
			continue
		}
		if had, ok := n.byID[uid]; ok && had != word {
			word = conflicting
		}
		n.byID[uid] = word
	}
}

func (n names) of(uid uint32) string {
	if name := n.byID[uid]; name == conflicting {
		return ""
	} else if name != "" {
		return name
	}
	return n.tree[uid]
}

func (n names) word(uid uint32) string { return cmp.Or(n.of(uid), fmt.Sprintf("uid %d", uid)) }
