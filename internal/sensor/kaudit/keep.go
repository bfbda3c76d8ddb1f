package kaudit

import (
	"bufio"
	"fmt"
	"hash/maphash"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// overflow notes that the socket's queue was full. The kernel says so once and
// stays silent about further losses until the queue has been read empty
// (netlink_overrun), so the gap lasts until then.
func (r *reader) overflow() {
	r.probing.lossy = true
	if r.overrun.IsZero() {
		r.overrun = r.last
	}
}

// drained ends a gap: the queue is empty, what comes now is complete again.
func (r *reader) drained() {
	if r.overrun.IsZero() {
		return
	}
	drops := socketDrops(r.s.inode)
	r.gap(waxseal.Gap{
		Sensor: Name, From: r.overrun, Until: time.Now(), Lost: int64(drops - min(r.drops, drops)),
		Reason: "audit records came faster than they were read and some were lost: who made the changes of this time may stay unknown",
	})
	r.overrun, r.drops = time.Time{}, drops
}

// socketDrops reads how many messages a socket has lost from /proc/net/netlink:
// sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode.
func socketDrops(inode uint64) uint64 {
	f, err := os.Open("/proc/net/netlink")
	if err != nil {
		return 0
	}
	defer f.Close()
	want := strconv.FormatUint(inode, 10)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if col := strings.Fields(lines.Text()); len(col) >= 10 && col[9] == want {
			n, _ := strconv.ParseUint(col[8], 10, 64)
			return n
		}
	}
	return 0
}

// poll tells of records that the kernel lost before any socket: its backlog was
// full, its rate limit reached, or memory short.
func (r *reader) poll(now time.Time) {
	if r.polled.IsZero() {
		r.polled = now.Add(-poll)
	}
	state := r.s.state()
	r.waiting = state.Backlog
	r.alarm = r.alarm || state.Enabled == 0 || len(tightened(r.s.before, state)) > 0 || !r.overrun.IsZero()
	if lost := state.Lost; lost > r.lost {
		r.gap(waxseal.Gap{
			Sensor: Name, From: r.polled, Until: now, Lost: int64(lost - r.lost),
			Reason: "the kernel lost audit records (its lost counter grew): who made the changes of this time may stay unknown",
		})
		r.lost, r.probing.lossy = lost, true
	} else if lost < r.lost {
		r.lost = lost // someone reset it: auditctl --reset-lost
	}
	r.crowd(state, now)
	if r.broken > 0 {
		r.gap(waxseal.Gap{
			Sensor: Name, From: r.polled, Until: now, Lost: int64(r.broken),
			Reason: "audit records could not be understood",
		})
		r.broken = 0
	}
	r.polled = now
}

// fullAgain is how often a backlog that is full again and again is told.
const fullAgain = time.Minute

// crowd tells of a backlog that is full: whoever makes records waits then, and records
// are lost if it lasts.
func (r *reader) crowd(state Status, now time.Time) {
	if state.Limit == 0 || state.Backlog < state.Limit || now.Sub(r.full) < fullAgain {
		return
	}
	r.full = now
	r.gap(waxseal.Gap{Sensor: Name, From: r.polled, Until: now,
		Reason: fmt.Sprintf("the kernel's backlog of audit records is full (%d of %d wait): records may be lost, which its counter tells", state.Backlog, state.Limit)})
}

func (s *Sensor) lost() uint32 { return s.state().Lost }

// state is what the kernel says, nothing where it says nothing.
func (s *Sensor) state() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Status{}
	}
	state, err := s.control.status()
	if err != nil {
		return Status{}
	}
	return state
}

// Check returns what is missing for the watches to report, one sentence each;
// none when all is well. It changes nothing.
func (s *Sensor) Check() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return []string{errClosed.Error()}
	}
	found, err := s.inspect()
	if err != nil {
		return []string{fmt.Sprintf("audit can't be asked: %s", explain(err))}
	}
	return found.words()
}

// shortfall is what one inspection found.
type shortfall struct {
	off     bool
	limits  []string // settings under which records are lost
	blocked []string // rules of others that came since, in the way of ours
	locked  bool
	calls   []rule
	gone    []string // watches whose rule is not loaded any more
	moved   []string // watches whose path names another file than the rule
	waiting []string // watches that never could be added, with the reason
}

func (f shortfall) words() []string {
	var words []string
	if f.off {
		words = append(words, "audit is switched off")
	}
	words = append(append(words, f.limits...), f.blocked...)
	if f.locked {
		words = append(words, "audit rules are locked until the next boot: watches can't be added")
	}
	for _, r := range f.calls {
		words = append(words, fmt.Sprintf("the rule %s is not loaded", r))
	}
	for _, path := range f.gone {
		words = append(words, fmt.Sprintf("the watch on %q is not loaded", path))
	}
	for _, path := range f.moved {
		words = append(words, fmt.Sprintf("the watch on %q is dead: the path was renamed or replaced", path))
	}
	return append(words, f.waiting...)
}

// inspect compares what should be with what the kernel lists. The lock is held.
func (s *Sensor) inspect() (shortfall, error) {
	var f shortfall
	state, err := s.control.status()
	if err != nil {
		return f, err
	}
	f.off = state.Enabled == 0
	s.locked = state.Enabled == enabledLocked
	f.locked = s.locked
	if f.limits = tightened(s.before, state); s.asBefore() {
		s.inspectWatches(&f, nil)
		return f, nil
	}
	present, err := s.control.rules()
	if err != nil {
		return f, err
	}
	s.inspectRules(&f, present)
	return f, nil
}

// listing is a sum of the rules that the kernel lists. Its seed is of this process: no
// other list can be made that has the same one.
func (s *Sensor) listing() (sum uint64, err error) {
	var h maphash.Hash
	h.SetSeed(s.seed)
	err = s.control.list(func(body []byte) { _, _ = h.Write(body) })
	return h.Sum64(), err
}

// asBefore reports whether the kernel lists the very rules that the last inspection found
// complete, which is all that most inspections find. The lock is held.
func (s *Sensor) asBefore() bool {
	if s.complete == 0 {
		return false
	}
	sum, err := s.listing()
	return err == nil && sum == s.complete
}

// inspectRules looks for what should be among the rules that the kernel lists. The lock
// is held.
func (s *Sensor) inspectRules(f *shortfall, present []rule) {
	s.inTheWay = obstacles(present)
	for _, o := range s.inTheWay {
		if !slices.Contains(s.blocked, o) {
			f.blocked = append(f.blocked, o)
		}
	}
	var h maphash.Hash
	h.SetSeed(s.seed)
	listed := map[string]bool{}
	for _, r := range present {
		listed[string(r)] = true
		_, _ = h.Write(r)
	}
	missing := func(r rule) bool { return !listed[string(r)] }
	for _, r := range s.calls {
		if missing(r) {
			f.calls = append(f.calls, r)
		}
	}
	s.inspectWatches(f, missing)
	if s.complete = 0; len(f.blocked)+len(f.calls)+len(f.gone) == 0 {
		s.complete = h.Sum64()
	}
}

// inspectWatches looks at each watch; missing says of a rule that it is not loaded, nil
// that all are which were. The lock is held.
func (s *Sensor) inspectWatches(f *shortfall, missing func(rule) bool) {
	for path, w := range s.watches {
		switch {
		case !w.added:
			if w.err != nil {
				f.waiting = append(f.waiting, fmt.Sprintf("%q can't be watched: %s", path, explain(w.err)))
			}
		case missing != nil && slices.ContainsFunc(w.rules, missing):
			f.gone = append(f.gone, path)
		case !w.same(path):
			f.moved = append(f.moved, path)
		}
	}
	slices.Sort(f.gone)
	slices.Sort(f.moved)
	slices.Sort(f.waiting)
}

// tightened says which settings of audit are such now that records are lost which were
// not before.
func tightened(before, now Status) (words []string) {
	if now.Rate != 0 && (before.Rate == 0 || now.Rate < before.Rate) {
		words = append(words, fmt.Sprintf("audit records above %d a second are dropped (auditctl -r)", now.Rate))
	}
	if now.Limit != 0 && now.Limit < before.Limit && now.Limit < smallBacklog {
		words = append(words, fmt.Sprintf("only %d audit records may wait in the kernel (auditctl -b), %d before", now.Limit, before.Limit))
	}
	return words
}

// same reports whether a path still names what it named when its rule was added.
// The kernel ties a directory's rule to that very directory: after a rename the
// rule stays listed and reports nothing about the new one. A path= rule follows
// its name by itself.
func (w *watch) same(path string) bool {
	var st unix.Stat_t
	if w.rules[0].fields()[0].id != fieldDir {
		return true
	}
	return unix.Stat(path, &st) == nil && st.Dev == w.dev && st.Ino == w.ino
}

// repair puts back what is missing and tells of it once. A path that never was
// there is no gap; it is only tried again.
func (s *Sensor) repair(gap func(waxseal.Gap)) {
	s.mu.Lock()
	g := s.mend()
	s.mu.Unlock()
	if g != nil {
		gap(*g)
	}
}

// mend is repair; the lock is held.
func (s *Sensor) mend() *waxseal.Gap {
	if s.closed {
		return nil
	}
	now := time.Now()
	f, err := s.inspect()
	if err != nil {
		return s.tell(now, []string{fmt.Sprintf("audit can't be asked: %s", explain(err))}, false)
	}
	if s.locked {
		return s.tell(now, f.lostWords(), f.silenced())
	}
	if f.off {
		if err := s.control.setEnabled(1); err == nil {
			s.own.expect("audit_enabled") // Close leaves it as Open found it, and not as somebody made it
		}
	}
	for _, r := range f.calls {
		_ = s.add(r) // if it is refused, the next inspection says so again
	}
	for path, w := range s.watches {
		switch {
		case slices.Contains(f.moved, path):
			_ = s.removeAll(w.rules) // it is dead either way
			w.added = false
			s.place(path, w)
		case slices.Contains(f.gone, path) || !w.added:
			w.added = false
			s.place(path, w)
		}
	}
	return s.tell(now, f.lostWords(), f.silenced())
}

// silenced reports whether it was somebody's doing: a directory that was renamed takes
// its rule with it, and is a change of the files first of all.
func (f shortfall) silenced() bool {
	return f.off || len(f.limits)+len(f.blocked)+len(f.calls)+len(f.gone) > 0
}

// lostWords are the words about what was there and is not any more.
func (f shortfall) lostWords() []string {
	f.waiting = nil
	return f.words()
}

// tell makes a gap of problems, unless it has told the same before. The gap
// begins at the inspection before this one, when all was still well.
func (s *Sensor) tell(now time.Time, words []string, silenced bool) *waxseal.Gap {
	text := strings.Join(words, "; ")
	if text == s.reported {
		return nil
	}
	s.reported = text
	if text == "" {
		return nil
	}
	return &waxseal.Gap{
		Sensor: Name, From: now.Add(-poll), Until: now, Silenced: silenced,
		Reason: text + "; it was put back where the kernel allows it, and who made changes since may stay unknown",
	}
}
