// Package kaudit hears from the kernel who changes which mail file: it asks the
// kernel's audit system to report changes in the watched directories, and
// receives the reports beside auditd or without one.
//
// Records come by the netlink multicast group AUDIT_NLGRP_READLOG, which any
// number of readers may join and which takes nothing away from a running auditd.
// Rules are those of audit.rules(7), "-w PATH -p wa -k KEY", with only such system
// calls in their list as can write, and carry a key of our own; only rules with
// that key are ever added or removed. Where audit was switched off, it is switched
// on and, at Close, off again, unless an auditd has been started meanwhile.
//
// A rule appended behind another product's rule for the same path doesn't get
// its key on the event: the first rule of the list names it. Events are
// therefore recognised by their paths, too.
//
// What it does not do: it never becomes the audit daemon, writes no log,
// changes no limit, and sees neither writes through a descriptor that was opened
// before, nor through memory maps or hard links made before the watch, nor what
// lies over a path after a mount. While no auditd runs, the kernel also prints
// some of the records to its own log, rate limited; that can't be turned off
// from here.
package kaudit

import (
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"waxseal"
)

// Name is the sensor's name in observations.
const Name waxseal.SensorName = "kaudit"

var errClosed = errors.New("audit sensor is closed")

const (
	defaultKey    = "waxseal"
	defaultBuffer = 64 << 20
)

// Options say what to watch.
type Options struct {
	// Key marks our rules; "waxseal" where it is empty. Exec rules carry it with
	// "-exec" behind it.
	Key string
	// Watches are real host paths of directories (with all below them) and files.
	// A path that doesn't exist is noted, and watched as soon as it is there.
	Watches []string
	// Exec also reports every execve(2) and execveat(2) on this host.
	Exec bool
	// Calls also reports every mount, and every change of the flags of chattr(1).
	Calls bool
	// Session also delivers LOGIN, USER_LOGIN, USER_START, USER_END, USER_AUTH and
	// USER_CMD, which need no rule.
	Session bool
	// ReceiveBuffer is the size of the socket's queue in bytes, 64 MiB where it is
	// 0. It is memory that is used only while the reader is behind.
	ReceiveBuffer int
	// WasOff says that an earlier run switched audit on and was killed before it
	// could switch it off again: Close then does.
	WasOff bool
	// Probe is a directory of the caller's own, in which a file is written now and then:
	// where no record of that comes, rules do not report. None if it is empty.
	Probe string
	// Snapshot describes a process that may still live; nil means no actors.
	Snapshot func(pid int) *waxseal.Actor
}

// Sensor is one subscription with its rules. Its methods may be called from
// several goroutines; Run only once.
type Sensor struct {
	options Options
	listen  *os.File // non-blocking, member of the multicast group
	inode   uint64   // of that socket, to find it in /proc/net/netlink

	mu       sync.Mutex // guards everything below, and the control socket's turns
	control  *control
	watches  map[string]*watch
	files    map[File]bool        // known by inode
	inodes   map[File]*inodeWatch // that have rules of their own
	dropping bool                 // of some of them is under way
	before   Status               // as it was at Open
	calls    []rule               // on system calls, wherever they are made
	writes   list                 // the calls that watches are asked about
	older    bool                 // this kernel has no list of rules for io_uring
	ringless bool                 // … nor takes any other rule on it
	notes    []string
	blocked  []string // foreign rules that were in the way at Open
	inTheWay []string // … and are now
	locked   bool     // enabled is 2: rules can't be changed until the next boot
	switched bool     // we set enabled to 1
	own      ownChanges
	seed     maphash.Seed
	complete uint64 // the sum of the listed rules when none was missing; 0 where one was
	reported string // problems that a gap has already told of
	closed   bool
}

// Open joins the multicast group and adds the rules. What the kernel refuses
// for good is an error; what it refuses for one path, or for rules as a whole
// where the configuration is locked, is told by Notes, and the sensor still
// hears what is reported anyway.
//
// The caller must Close the sensor; after a crash, RemoveLeftovers takes away
// what Close could not.
func Open(o Options) (*Sensor, error) {
	if o.Key == "" {
		o.Key = defaultKey
	}
	if o.ReceiveBuffer <= 0 {
		o.ReceiveBuffer = defaultBuffer
	}
	if len(o.Key)+len(MountKey) > maxKey {
		return nil, fmt.Errorf("audit key %q is longer than %d bytes", o.Key, maxKey-len(MountKey))
	}
	c, err := dialControl()
	if err != nil {
		return nil, fmt.Errorf("open the kernel's audit system: %s", explain(err))
	}
	s := &Sensor{options: o, control: c, watches: map[string]*watch{}, seed: maphash.MakeSeed()}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Sensor) open() error {
	state, err := s.control.status()
	if err != nil {
		return fmt.Errorf("ask for the state of audit: %s", explain(err))
	}
	if walledOff() {
		return errors.New(walled)
	}
	s.before = state
	var short int
	if s.listen, s.inode, short, err = dialReadLog(s.options.ReceiveBuffer); err != nil {
		return fmt.Errorf("join the audit multicast group: %s", explainRead(err))
	}
	if short > 0 {
		s.notes = append(s.notes, fmt.Sprintf("receive buffer is %d bytes, not %d: net.core.rmem_max limits it and CAP_NET_ADMIN is missing", short, s.options.ReceiveBuffer))
	}
	if s.locked = state.Enabled == enabledLocked; s.locked {
		return s.openLocked()
	}
	if state.Enabled == 0 {
		if err := s.control.setEnabled(1); err != nil {
			return fmt.Errorf("switch audit on: %s", explain(err))
		}
		s.switched = true
		s.own.expect("audit_enabled")
		s.notes = append(s.notes, "audit was off: if it never was on since the boot, processes that were running before make no records, and what they do themselves is proven by nothing; their children do")
	}
	s.switched = s.switched || s.options.WasOff
	return s.openRules()
}

func (s *Sensor) openRules() error {
	present, err := s.control.rules()
	if err != nil {
		return fmt.Errorf("list audit rules: %s", explain(err))
	}
	s.blocked = obstacles(present)
	s.inTheWay = s.blocked
	s.notes = append(s.notes, s.blocked...)
	if s.options.Exec {
		s.calls = execRules(s.options.Key)
	}
	if s.options.Calls {
		s.calls = slices.Concat(s.calls, mountRules(s.options.Key), flagsRules(s.options.Key))
	}
	if _, ok := tables[runtime.GOARCH]; !ok {
		s.notes = append(s.notes, unknownTable)
	}
	for _, r := range s.calls {
		if err := s.add(r); err != nil {
			s.notes = append(s.notes, fmt.Sprintf("rule %s was refused: %s", r, explain(err)))
		}
	}
	s.writes = s.writing()
	err = s.setWatches(s.wanted(s.options.Watches))
	return errors.Join(err, s.sweep(present))
}

// sweep removes those of the rules loaded at Open that carry our key, left by a
// run that was killed, and are not wanted any more.
func (s *Sensor) sweep(present []rule) error {
	wanted := slices.Clone(s.calls)
	for _, w := range s.watches {
		wanted = append(wanted, w.rules...)
	}
	for _, r := range present {
		if !s.ours(r) || slices.ContainsFunc(wanted, r.equal) {
			continue
		}
		if err := s.remove(r); err != nil {
			return fmt.Errorf("remove audit rule %s of an earlier run: %s", r, explain(err))
		}
	}
	return nil
}

func (s *Sensor) ours(r rule) bool {
	return isOurs(r, s.options.Key)
}

// isOurs reports whether a rule carries a key, by itself or with one of our ends.
func isOurs(r rule, key string) bool {
	end, ok := strings.CutPrefix(r.key(), key)
	return ok && (end == "" || end == ExecKey || end == MountKey || end == FlagsKey)
}

// obstacles are foreign rules that keep ours from reporting.
func obstacles(present []rule) []string {
	var notes []string
	for _, r := range present {
		if r.action() != actionNever {
			continue
		}
		switch r.list() {
		case filterTask:
			notes = append(notes, "a rule \"-a never,task\" is loaded: the kernel audits no process that started since, and our watches stay silent for them")
		case filterExit:
			notes = append(notes, fmt.Sprintf("a rule that suppresses events stands before ours: %s", r))
		}
	}
	return notes
}

// add adds one rule; one that is already there, left by a run that was killed,
// is taken over.
func (s *Sensor) add(r rule) error {
	err := s.control.addRule(r)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err == nil {
		s.own.expect("add_rule")
	}
	return err
}

func (s *Sensor) remove(r rule) error {
	err := s.control.deleteRule(r)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err == nil {
		s.own.expect("remove_rule")
	}
	return err
}

// Notes are what an operator should know about how the sensor was opened, in
// plain words.
func (s *Sensor) Notes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notes)
}

// SwitchedOn reports whether this sensor switched audit on and will switch it
// off at Close. Whoever keeps state writes it down, for RemoveLeftovers.
func (s *Sensor) SwitchedOn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switched
}

// Close removes exactly the rules that the sensor added, restores the enabled
// flag and leaves the group. It may be called twice.
func (s *Sensor) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	err := s.takeBack()
	if s.listen != nil {
		err = errors.Join(err, s.listen.Close())
	}
	return errors.Join(err, s.control.close())
}

func (s *Sensor) takeBack() error {
	var errs []error
	rules := slices.Clone(s.calls)
	for _, w := range s.watches {
		if w.added {
			rules = append(rules, w.rules...)
		}
	}
	for _, w := range s.inodes {
		rules = append(rules, w.rule)
	}
	for _, r := range rules {
		if err := s.remove(r); err != nil {
			errs = append(errs, fmt.Errorf("remove audit rule %s: %s", r, explain(err)))
		}
	}
	if s.switched {
		errs = append(errs, s.control.switchOff())
	}
	return errors.Join(errs...)
}

// switchOff undoes that we switched audit on. Where an auditd has come since, it
// counts on audit being on, and nothing is changed.
func (c *control) switchOff() error {
	state, err := c.status()
	if err == nil && state.Daemon == 0 && state.Enabled == 1 {
		err = c.setEnabled(0)
	}
	if err != nil {
		return fmt.Errorf("switch audit off again: %s", explain(err))
	}
	return nil
}

// RemoveLeftovers removes every rule with the key, or the key and one of our ends, that
// a run left which could not Close. With restoreEnabled it also switches audit
// off: the caller knows that the killed run had switched it on. An auditd that
// runs by then keeps audit on. An empty key stands for "waxseal".
func RemoveLeftovers(key string, restoreEnabled bool) (removed int, err error) {
	if key == "" {
		key = defaultKey
	}
	c, err := dialControl()
	if err != nil {
		return 0, fmt.Errorf("open the kernel's audit system: %s", explain(err))
	}
	defer func() { err = errors.Join(err, c.close()) }()
	present, err := c.rules()
	if err != nil {
		return 0, fmt.Errorf("list audit rules: %s", explain(err))
	}
	for _, r := range present {
		if !isOurs(r, key) {
			continue
		}
		if err := c.deleteRule(r); err != nil {
			return removed, fmt.Errorf("remove audit rule %s: %s", r, explain(err))
		}
		removed++
	}
	if restoreEnabled {
		return removed, c.switchOff()
	}
	return removed, nil
}

// ownChanges counts the CONFIG_CHANGE events that our own calls will cause, so
// that they are not taken for someone else's.
type ownChanges struct {
	due   map[string]int
	until time.Time
}

func (o *ownChanges) expect(op string) {
	if o.due == nil {
		o.due = map[string]int{}
	}
	o.due[op]++
	o.until = time.Now().Add(5 * time.Second)
}
