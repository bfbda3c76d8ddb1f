package postfix

import (
	"cmp"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// maxOrdinary is how many entries of one table that do nothing but name an own
// user are hooks, or settings, of their own. The rest of them is one hook: nobody
// reads a million.
const maxOrdinary = 1000

// folding keeps the ordinary entries of a large table with the smallest keys,
// whatever their order in the file, and a digest of each of the others.
type folding struct {
	kept entryHeap
	rest []half
	line int // of the first of the rest
	// lines is about how many entries there are.
	lines int
}

// half is the first half of a SHA-256.
type half struct{ high, low uint64 }

// entryHeap has the entry with the largest key on top.
type entryHeap []entry

func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(i, j int) bool { return entryBefore(h[j], h[i]) < 0 }
func (h entryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *entryHeap) Push(e any)        { *h = append(*h, e.(entry)) }
func (h *entryHeap) Pop() any          { return nil } // never asked for
func entryBefore(a, b entry) int {
	return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Value, b.Value))
}

func (f *folding) add(e entry) {
	switch {
	case len(f.kept) < maxOrdinary:
		heap.Push(&f.kept, e)
		return
	case entryBefore(e, f.kept[0]) < 0:
		e, f.kept[0] = f.kept[0], e
		heap.Fix(&f.kept, 0)
	}
	sum := sha256.New()
	var room [512]byte
	if f.rest == nil {
		f.rest = make([]half, 0, f.lines)
	}
	text := append(append(append(room[:0], e.Key...), 0), e.Value...)
	sum.Write(text)
	digest := sum.Sum(room[:0])
	f.rest = append(f.rest, half{binary.BigEndian.Uint64(digest), binary.BigEndian.Uint64(digest[8:])})
	if f.line == 0 || e.Line > 0 && e.Line < f.line {
		f.line = e.Line
	}
}

// inOrder gives the kept entries in the order of the file.
func (f *folding) inOrder() []entry {
	slices.SortFunc(f.kept, func(a, b entry) int { return cmp.Or(cmp.Compare(a.Line, b.Line), entryBefore(a, b)) })
	return f.kept
}

// digest is one for all the rest, whatever their order.
func (f *folding) digest() string {
	slices.SortFunc(f.rest, func(a, b half) int { return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low)) })
	sum := sha256.New()
	var both [16]byte
	for _, h := range f.rest {
		binary.BigEndian.PutUint64(both[:8], h.high)
		binary.BigEndian.PutUint64(both[8:], h.low)
		sum.Write(both[:])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// foldEntries is each for a parameter whose ordinary entries may be folded:
// everything else always is a hook of its own.
func (s site) foldEntries(t table, ordinary func(entry) bool, do func(table, entry)) {
	if t.lines <= maxOrdinary {
		s.each(t, do)
		return
	}
	if !s.once(t) {
		return
	}
	f := folding{lines: t.lines}
	spare := spares{site: s, table: t}
	for e := range t.entries {
		e.Key = t.key(e.Key)
		switch {
		case e.drift == "" && e.unused == "" && len(e.Within) == 0 && ordinary(e):
			f.add(e)
		case !s.in.Full():
			spare.take(e, do)
		}
	}
	spare.finish(do)
	for _, e := range f.inOrder() {
		do(t, e)
	}
	if len(f.rest) > 0 {
		s.foldedHook(t, &f)
	}
}

func (s site) foldedHook(t table, f *folding) {
	h := s.hook("")
	h.ID = waxseal.HookID(string(MTA) + ":" + string(t.path) + ":" + s.name + ":and more")
	h.Source = waxseal.Source{Path: t.path, Line: f.line}
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: clip(t.ref.Text)}
	h.Scope = "recipient of the own domains"
	mta.Modify(&h, "entries", strconv.Itoa(len(f.rest)))
	mta.Modify(&h, "digest", f.digest())
	h.Explain = "And " + thousands(len(f.rest)) + " more entries of " + clip(t.ref.Text) + " (" + s.name + "), each from an own name to an own user."
	s.in.emit(h)
}

// spares folds the entries of a large table that no lookup gives.
type spares struct {
	site
	table table
	fold  folding
}

func (p *spares) take(e entry, do func(table, entry)) {
	if f := p.table.ref.Format(); trusting[p.name] && f != mapdb.KeyValue && f != mapdb.Networks && strings.Contains(e.Value, "$") && e.unused == "" {
		e.unused = "the table may take no text from the address here, so that the rule is skipped"
	}
	if e.unused == "" || p.table.lines <= maxOrdinary {
		do(p.table, e)
		return
	}
	p.fold.add(e)
}

func (p *spares) finish(do func(table, entry)) {
	for _, e := range p.fold.inOrder() {
		do(p.table, e)
	}
	n := len(p.fold.rest)
	if n == 0 {
		return
	}
	h := p.hook("")
	h.ID = waxseal.HookID(string(MTA) + ":" + string(p.table.path) + ":" + p.name + ":and more unused")
	h.Source = waxseal.Source{Path: p.table.path, Line: p.fold.line}
	h.Target = waxseal.Target{Type: waxseal.TargetTable, Value: clip(p.table.ref.Text)}
	mta.Modify(&h, "entries", strconv.Itoa(n))
	mta.Modify(&h, "digest", p.fold.digest())
	mta.Inactive(&h, "no lookup gives them")
	h.Explain = "And " + thousands(n) + " more entries of " + clip(p.table.ref.Text) + " (" + p.name + ") that no lookup gives."
	p.in.emit(h)
}

// thousands writes 998877 as 998,877.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ownToOwn reports whether an entry only says that mail for a name of this host
// goes to a user of this host. A catch-all is more than that.
func (s site) ownToOwn(e entry) bool {
	return s.plainName(e.Key) && s.plainName(e.Value) && !strings.HasPrefix(e.Key, "@") && !strings.EqualFold(e.Key, e.Value)
}

// plainName reports whether a text is nothing but one own address.
func (s site) plainName(text string) bool {
	at := -1
	for i := range len(text) {
		switch c := text[i]; {
		case c == '@' && at >= 0:
			return false
		case c == '@':
			at = i
		case !plainByte(c):
			return false
		}
	}
	if at < 0 {
		return text != "" && s.in.domains.ownAddress(text)
	}
	return at > 0 && s.in.domains.own(text[at+1:])
}

// settingEntries notes the entries of a table that make no hook.
func (s site) settingEntries(t table) {
	if t.lines <= maxOrdinary {
		s.each(t, s.entrySetting)
		return
	}
	if !s.once(t) {
		return
	}
	f := folding{lines: t.lines}
	for e := range t.entries {
		e.Key = t.key(e.Key)
		s.settingOrFold(&f, t, e)
	}
	s.foldedSettings(t, &f)
}

func (s site) settingOrFold(f *folding, t table, e entry) {
	if e.drift != "" || e.unused != "" || len(e.Within) > 0 {
		s.entrySetting(t, e)
		return
	}
	f.add(e)
}

func (s site) foldedSettings(t table, f *folding) {
	for _, e := range f.inOrder() {
		s.entrySetting(t, e)
	}
	if len(f.rest) > 0 {
		s.in.note("map:"+string(t.path)+":and more", thousands(len(f.rest))+" more entries, digest "+f.digest(), waxseal.Source{Path: t.path, Line: f.line})
	}
}
