package kaudit

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"slices"
)

// The kernel asks every rule on a directory about every system call of every process that
// is in the rule's list of calls. "-p wa" picks calls of some classes and what opens files
// (audit_match_perm in kernel/auditsc.c): where the list has no others, a mail server's reads,
// writes and waits cost next to nothing.

// Classes of calls, each named by one of the highest bits of a rule's list, which the
// kernel replaces by the calls (audit_data_to_entry; AUDIT_CLASS_ of linux/audit.h):
// DIR_WRITE, CHATTR and WRITE, with those of 32-bit programs.
const writingClasses = 1<<31 | 1<<30 | 1<<29 | 1<<28 | 1<<25 | 1<<24

const fieldPID = 0

// list is the system calls that a rule is asked about, as it stands in the rule.
type list []byte

// limited is a rule with this list of calls, as it was where there is none.
func (r rule) limited(calls list) rule {
	if len(calls) == 0 {
		return r
	}
	r = bytes.Clone(r)
	copy(r[4*3:], calls)
	return r
}

func (r rule) calls() list { return list(r[4*3 : 4*(3+maskWords)]) }

// writing asks the kernel which calls it takes for writing: it lists a rule with the calls
// in the place of their classes. The rule that is there for that moment is about this
// process only. Nothing comes back where this can't be had: a rule on all calls is right
// too.
func (s *Sensor) writing() list {
	t, known := tables[runtime.GOARCH]
	if !known {
		return nil
	}
	var opens []uint32
	for _, table := range t {
		opens = append(opens, table.opens...)
	}
	question := newRule(opens,
		field{id: fieldPID, value: uint32(os.Getpid())},
		field{id: fieldPerm, value: permWrite | permAttr},
		field{id: fieldKey, text: s.options.Key})
	last := question[4*(3+maskWords-1):]
	binary.NativeEndian.PutUint32(last, binary.NativeEndian.Uint32(last)|writingClasses)
	if s.add(question) != nil {
		return nil
	}
	present, err := s.control.rules()
	if s.remove(question) != nil || err != nil {
		return nil
	}
	for _, r := range present {
		if r.limited(question.calls()).equal(question) && r.calls().covers(opens) {
			return r.calls()
		}
	}
	return nil
}

// covers reports whether a list has these calls and others: classes that the kernel does
// not know leave none.
func (l list) covers(these []uint32) bool {
	n := 0
	for i := range uint32(32 * maskWords) {
		if l.has(i) {
			n++
		}
	}
	return n > len(these) && !slices.ContainsFunc(these, func(c uint32) bool { return !l.has(c) })
}

func (l list) has(call uint32) bool {
	return binary.NativeEndian.Uint32(l[call/32*4:])&(1<<(call%32)) != 0
}
