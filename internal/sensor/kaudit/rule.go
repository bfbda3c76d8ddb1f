package kaudit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// The numbers of linux/audit.h that rules are made of.
const (
	filterTask  = 1
	filterExit  = 4
	filterRing  = 7    // AUDIT_FILTER_URING_EXIT, Linux 5.16
	filterMask  = 0x7f // bit 7 is AUDIT_FILTER_PREPEND
	actionNever = 0
	alwaysAct   = 2

	fieldArch  = 11
	fieldWatch = 105
	fieldPerm  = 106
	fieldDir   = 107
	fieldArg1  = 201
	fieldKey   = 210
	// Fields whose value is the length of a string in the buffer, besides the
	// four above: subject and object labels and exe.
	fieldExe = 112

	opEqual = 0x40000000

	permWrite, permAttr = 2, 8

	maskWords = 64
	maxFields = 64
	maxKey    = 256 // AUDIT_MAX_KEY_LEN

	// ruleHead is sizeof(struct audit_rule_data): flags, action and the number of
	// fields, then mask, fields, values and operators, then the buffer's length.
	ruleHead = 4 * (3 + maskWords + 3*maxFields + 1)
)

// rule is one struct audit_rule_data as the kernel takes and lists it. The same
// bytes that added a rule delete it.
type rule []byte

// field is one condition of a rule. Text is for fields whose value is a string.
type field struct {
	id    uint32
	value uint32
	text  string
}

// newRule encodes a rule of the list "exit", action "always". A nil list of
// calls means every system call, as for a watch.
func newRule(calls []uint32, fields ...field) rule { return listRule(filterExit, calls, fields...) }

func listRule(list uint32, calls []uint32, fields ...field) rule {
	r := make(rule, ruleHead)
	put := func(word int, v uint32) { binary.NativeEndian.PutUint32(r[4*word:], v) }
	put(0, list)
	put(1, alwaysAct)
	put(2, uint32(len(fields)))
	var mask [maskWords]uint32
	if calls == nil {
		for i := range mask {
			mask[i] = ^uint32(0)
		}
		// The sixteen highest bits stand for classes of calls. The kernel replaces
		// them by their calls, all of which are in the mask already, and lists the rule
		// without them; auditctl sets them and means the same rule.
		mask[maskWords-1] = 0xffff
	}
	for _, c := range calls {
		mask[c/32] |= 1 << (c % 32)
	}
	for i, m := range mask {
		put(3+i, m)
	}
	for i, f := range fields {
		put(3+maskWords+i, f.id)
		if f.text != "" {
			f.value = uint32(len(f.text))
			r = append(r, f.text...)
		}
		put(3+maskWords+maxFields+i, f.value)
		put(3+maskWords+2*maxFields+i, opEqual)
	}
	put(3+maskWords+3*maxFields, uint32(len(r)-ruleHead))
	return r
}

// watchRule is "-w PATH -p wa -k KEY": for a directory everything below it, as
// -F dir=, for a file -F path= (audit.rules(7)).
func watchRule(path, key string, directory bool) rule {
	return newRule(nil, place(path, directory), field{id: fieldPerm, value: permWrite | permAttr}, field{id: fieldKey, text: key})
}

func place(path string, directory bool) field {
	if directory {
		return field{id: fieldDir, text: path}
	}
	return field{id: fieldWatch, text: path}
}

// ringEnter is io_uring_enter(2), the same number in every table.
const ringEnter = 426

// ringRule reports what io_uring(7) does below a directory: the kernel asks this list of
// each operation, within io_uring_enter(2) and by the kernel's own threads, and no other
// system call pays for it (Linux 5.16). It does not know "perm", so opens for reading are
// among it.
func ringRule(dir, key string) rule {
	return listRule(filterRing, nil, place(dir, true), field{id: fieldKey, text: key})
}

// enterRule reports what is done within io_uring_enter(2): on a single file, since the
// kernel keeps a rule with -F path= by the file's inode, whatever its list, and would report
// every system call on the file; and on a directory where there is no list for io_uring.
func enterRule(path, key string, directory bool) rule {
	return newRule([]uint32{ringEnter}, place(path, directory), field{id: fieldKey, text: key})
}

// word reads one of the 32-bit words of the head; 0 where the rule is short.
func (r rule) word(i int) uint32 {
	if len(r) < 4*i+4 {
		return 0
	}
	return binary.NativeEndian.Uint32(r[4*i:])
}

func (r rule) list() uint32   { return r.word(0) & filterMask }
func (r rule) action() uint32 { return r.word(1) }

// fields decodes the conditions, with their texts where they have one.
func (r rule) fields() []field {
	if len(r) < ruleHead {
		return nil
	}
	rest := r[ruleHead:]
	var fields []field
	for i := range min(r.word(2), maxFields) {
		f := field{id: r.word(3 + maskWords + int(i)), value: r.word(3 + maskWords + maxFields + int(i))}
		if textual(f.id) {
			n := min(int64(f.value), int64(len(rest)))
			f.text, rest = string(rest[:n]), rest[n:]
		}
		fields = append(fields, f)
	}
	return fields
}

// textual reports whether a field's value is the length of a text: SUBJ_USER to
// SUBJ_CLR, OBJ_USER to OBJ_LEV_HIGH, WATCH, DIR, EXE and FILTERKEY.
func textual(id uint32) bool {
	return id >= 13 && id <= 17 || id >= 19 && id <= 23 ||
		id == fieldWatch || id == fieldDir || id == fieldExe || id == fieldKey
}

// key is the rule's key, "" where it has none.
func (r rule) key() string {
	for _, f := range r.fields() {
		if f.id == fieldKey {
			return f.text
		}
	}
	return ""
}

func (r rule) equal(other rule) bool { return bytes.Equal(r, other) }

// String shows a rule much as auditctl -l does.
func (r rule) String() string {
	var b strings.Builder
	for i, f := range r.fields() {
		if i > 0 {
			b.WriteByte(' ')
		}
		switch {
		case f.id == fieldDir:
			fmt.Fprintf(&b, "dir=%q", f.text)
		case f.id == fieldWatch:
			fmt.Fprintf(&b, "path=%q", f.text)
		case f.id == fieldKey:
			fmt.Fprintf(&b, "key=%q", f.text)
		case f.id == fieldArch:
			fmt.Fprintf(&b, "arch=%x", f.value)
		case f.id == fieldPerm:
			b.WriteString("perm=" + permissions(f.value))
		case f.text != "":
			fmt.Fprintf(&b, "field%d=%q", f.id, f.text)
		default:
			fmt.Fprintf(&b, "field%d=%d", f.id, f.value)
		}
	}
	return b.String()
}

func permissions(v uint32) string {
	s := ""
	for i, letter := range [...]string{"x", "w", "r", "a"} {
		if v&(1<<i) != 0 {
			s += letter
		}
	}
	return s
}
