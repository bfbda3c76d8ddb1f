package postfix

import (
	"bytes"
	"cmp"
	"hash/maphash"
	"iter"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mapdb"
	"waxseal/internal/mta"
)

// maxTable bounds the file of one table.
const maxTable = 256 << 20

// maxEntries bounds what is kept of the entries of one table, which is some dozen
// bytes of each: more than a line of text may have.
const maxEntries = 8 << 20

// logicalLines is about how many entries a text has.
func logicalLines(text string) (n int) {
	for at := 0; at < len(text); {
		if c := text[at]; c != '#' && !isBlank(c) {
			n++
		}
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			break
		}
		at += end + 1
	}
	return n
}

// compiledTable is what Postfix really reads of a hash:, btree:, lmdb: or cdb:
// table.
type compiledTable struct {
	ref     mapdb.Ref
	content []byte
}

func (c compiledTable) each(yield func(key, value []byte) bool) ([]mapdb.Problem, error) {
	return mapdb.EachCompiled(c.ref.Type, bytes.NewReader(c.content), int64(len(c.content)), yield)
}

// compiled opens the compiled file of a table. ok is false where there is none, or
// where it can't be read: then the source has to stand for it.
func (in *instance) compiled(ref mapdb.Ref) (c compiledTable, ok bool) {
	content, err := in.Tree.ReadFile(mta.Clean(ref.CompiledFile()), maxTable)
	if err != nil && !mta.IsMissing(err) {
		in.Unreadable(mta.Clean(ref.CompiledFile()), "a compiled table", err.Error())
	}
	return compiledTable{ref: ref, content: content}, err == nil
}

// damage tells what is wrong with a compiled table, so that it is never silence.
func (in *instance) damage(ref mapdb.Ref, problems []mapdb.Problem, err error) {
	p := mta.Clean(ref.CompiledFile())
	for _, b := range problems {
		in.Unreadable(p, "a compiled table", b.Message)
		in.Problem(p, 0, b.Message)
	}
	if err != nil {
		in.Unreadable(p, "a compiled table", err.Error())
	}
}

// entries are those of the compiled table alone.
func (c compiledTable) entries() iter.Seq[entry] {
	return func(yield func(entry) bool) {
		_, _ = c.each(func(key, value []byte) bool { // its problems were told before
			return yield(entry{Entry: mapdb.Entry{Key: string(key), Value: string(value)}, compiled: true})
		})
	}
}

// A comparison finds where a source and its compiled map disagree. Of either it
// keeps two numbers an entry, made with a key that nobody can foresee, and the
// text of what is different only.
type comparison struct {
	seed   maphash.Seed
	format mapdb.Format
	slots  slots
	extra  []entry          // only the compiled map has these
	other  map[int][]string // by line: what the compiled map says instead
	absent map[int]bool     // by line: not compiled in
	double map[int]bool     // by line: the key stands above already, with another value or the same
}

// compareMaps reads both sides and gives the entries as lookups meet them. Of a
// compiled map that can't be read to its end, what it lacks says nothing.
func compareMaps(format mapdb.Format, source iter.Seq[entry], lines int, c compiledTable) (iter.Seq[entry], []mapdb.Problem, error) {
	x := comparison{seed: maphash.MakeSeed(), format: format, slots: slots{list: make([]slot, 0, lines+1)}, other: map[int][]string{}, absent: map[int]bool{}, double: map[int]bool{}}
	for e := range source {
		x.slots.list = append(x.slots.list, slot{key: maphash.String(x.seed, mapdb.Fold(e.Key)), value: maphash.String(x.seed, e.Value), line: int32(e.Line)})
	}
	for _, s := range x.slots.sort() {
		x.double[int(s.line)] = s.other
	}
	problems, err := c.each(func(key, value []byte) bool {
		x.met(key, value)
		return true
	})
	for _, s := range x.slots.list {
		if !s.seen && err == nil && len(problems) == 0 {
			x.absent[int(s.line)] = true
		}
	}
	x.slots = slots{} // a million of them are not needed any more
	return x.merged(source, c.ref.CompiledFile()), problems, err
}

func (x *comparison) met(key, value []byte) {
	s := x.slots.find(maphash.Bytes(x.seed, key))
	switch {
	case s == nil:
		e := entry{Entry: mapdb.Entry{Key: string(key), Value: string(value)}, compiled: true}
		e.drift = "the compiled map says " + clip(e.Value) + ", its source has no such entry"
		x.extra = append(x.extra, e)
	case s.seen:
	default:
		s.seen = true
		if s.value != maphash.Bytes(x.seed, value) {
			x.other[int(s.line)] = append(x.other[int(s.line)], string(value))
		}
	}
}

// merged gives the entries of the source, each with what is compiled of it, and
// then those that only the compiled map has.
func (x *comparison) merged(source iter.Seq[entry], compiled string) iter.Seq[entry] {
	slices.SortFunc(x.extra, func(a, b entry) int { return cmp.Compare(a.Key, b.Key) })
	return func(yield func(entry) bool) {
		for e := range source {
			other, again := x.double[e.Line]
			switch says := x.other[e.Line]; {
			case again && !other:
				continue
			case again:
				e.unused = alreadyAbove
			case x.absent[e.Line]:
				e.unused = "it is not compiled into " + compiled + ", which is what Postfix reads"
			case len(says) > 0 && !x.same(says[0], e.Value):
				e.drift = "the compiled map says " + clip(says[0]) + ", its source " + clip(e.Value)
				e.Value, e.compiled = says[0], true
			}
			if !yield(e) {
				return
			}
		}
		for _, e := range x.extra {
			if !yield(e) {
				return
			}
		}
	}
}

// same reports whether two values mean the same: postalias(1) writes a value in
// its own way.
func (x *comparison) same(compiled, source string) bool {
	if mapdb.SameValue([]byte(compiled), source) {
		return true
	}
	if x.format != aliasFormat {
		return false
	}
	if list, _ := aliases.Parse("name: " + source); len(list) == 1 && mapdb.SameValue([]byte(compiled), list[0].Value) {
		return true
	}
	plain := func(d aliases.Destination) string { return string(d.Kind) + destinationText(d) }
	a, b := aliases.ParseLocal(compiled, 1), aliases.ParseLocal(source, 1)
	return slices.EqualFunc(a, b, func(a, b aliases.Destination) bool { return plain(a) == plain(b) })
}

// firstOnly marks the entries whose key stands above already: a table of fixed
// keys gives the first (postmap(1), dict_thash.c).
func firstOnly(source iter.Seq[entry], lines int) iter.Seq[entry] {
	seed := maphash.MakeSeed()
	var twice map[uint64]bool
	return func(yield func(entry) bool) {
		if twice == nil {
			twice = doubleKeys(source, seed, lines)
		}
		met := map[uint64]string{}
		for e := range source {
			if len(twice) > 0 {
				key := maphash.String(seed, mapdb.Fold(e.Key))
				first, again := met[key]
				switch {
				case again && first == e.Value:
					continue // the same entry once more
				case again:
					e.unused = alreadyAbove
				case twice[key]:
					met[key] = e.Value
				}
			}
			if !yield(e) {
				return
			}
		}
	}
}

// doubleKeys finds the keys that stand in a table more than once, in eight bytes
// an entry.
func doubleKeys(source iter.Seq[entry], seed maphash.Seed, lines int) map[uint64]bool {
	keys := make([]uint64, 0, lines+1)
	for e := range source {
		keys = append(keys, maphash.String(seed, mapdb.Fold(e.Key)))
	}
	slices.Sort(keys)
	twice := map[uint64]bool{}
	for i := 1; i < len(keys); i++ {
		if keys[i] == keys[i-1] {
			twice[keys[i]] = true
		}
	}
	return twice
}

const alreadyAbove = "the key stands above already, and the first entry counts"

// tableOf reads the entries of a readable table; each file once.
func (in *instance) tableOf(ref mapdb.Ref, format mapdb.Format) tableText {
	if ref.Class == mapdb.Written {
		return tableText{entries: plainEntries(ref.Entries)}
	}
	if ref.Source() == "" || ref.Class == mapdb.Database {
		return tableText{entries: plainEntries(nil)}
	}
	key := ref.Type + "\x00" + string(mta.Clean(ref.Source())) + "\x00" + string(format)
	if t, ok := in.tables[key]; ok {
		return t
	}
	t := in.readTable(ref, format)
	in.tables[key] = t
	return t
}

func (in *instance) readTable(ref mapdb.Ref, format mapdb.Format) tableText {
	p := mta.Clean(ref.Source())
	text, ok := in.ReadUpTo(p, "a lookup table", maxTable)
	lines := logicalLines(text)
	if lines > maxEntries {
		in.Unreadable(p, "a lookup table", "it has "+thousands(lines)+" entries, more than are read")
		text, ok, lines = "", false, 0
	}
	t := tableText{missing: !ok && !in.Exists(p), failed: !ok && in.Exists(p), lines: lines}
	t.entries = in.sourceEntries(p, format, text)
	c, ok := compiledTable{}, false
	if ref.CompiledFile() != "" {
		c, ok = in.compiled(ref)
	}
	switch {
	case !ok && (format == mapdb.KeyValue || format == aliasFormat):
		t.entries = firstOnly(t.entries, t.lines)
	case !ok:
	case t.missing || t.failed:
		problems, err := c.each(func(_, _ []byte) bool { return true })
		in.damage(ref, problems, err)
		t.entries, t.lines, t.onlyCompiled = c.entries(), len(c.content)/32, true
	default:
		both, problems, err := compareMaps(format, t.entries, t.lines, c)
		in.damage(ref, problems, err)
		t.entries = both
	}
	return t
}

// sourceEntries are those of a text; its problems are told once.
func (in *instance) sourceEntries(p waxseal.Path, format mapdb.Format, text string) iter.Seq[entry] {
	if format != mapdb.KeyValue && format != aliasFormat {
		list, bad := mapdb.ParseSource(format, text)
		for _, b := range bad {
			in.Problem(p, b.Line, b.Message)
		}
		return plainEntries(list)
	}
	told := false
	return func(yield func(entry) bool) {
		eachSource(format, text, func(e mapdb.Entry) bool {
			x := entry{Entry: e}
			if format == mapdb.KeyValue && strings.HasSuffix(e.Key, ":") {
				x.unused = "the colon belongs to the key, since this is no alias file"
			}
			return yield(x)
		}, func(line int, message string) {
			if !told {
				in.Problem(p, line, message)
			}
		})
		told = true
	}
}
