package cli

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"waxseal"
	"waxseal/internal/agent"
	"waxseal/internal/sandbox"
	"waxseal/internal/sensor/bpf"
	"waxseal/internal/sensor/fanotify"
	"waxseal/internal/sensor/kaudit"
	"waxseal/internal/sensor/proc"
	"waxseal/internal/store"
)

// Doctor is the document of waxseal doctor.
type Doctor struct {
	Schema    string            `json:"schema"`
	Kernel    string            `json:"kernel"`
	Root      bool              `json:"root"`
	Stacks    []string          `json:"stacks"`
	Watched   Watched           `json:"watched"`
	Fanotify  SensorHealth      `json:"fanotify"`
	Audit     SensorHealth      `json:"audit"`
	BPF       SensorHealth      `json:"bpf"`
	Reader    SensorHealth      `json:"reader"` // the process that reads the tree
	Logs      []waxseal.Path    `json:"logs"`
	WouldDo   []string          `json:"would_change"`
	Costs     []string          `json:"costs"`
	Leftovers []string          `json:"leftovers"`
	Problems  []waxseal.Problem `json:"problems"`
	// Seal is the seal in force; nil where nothing is sealed or the state can't be read.
	Seal *SealHealth `json:"seal,omitempty"`
}

// SealHealth is what is known of the seal in force.
type SealHealth struct {
	SealedAt time.Time `json:"sealed_at"`
	Attested bool      `json:"attested"`
}

// sealHealth asks the state, if there is one.
func (d *door) sealHealth() *SealHealth {
	books, err := agent.ReadBooks(d.config.State)
	if err != nil {
		return nil
	}
	defer books.Close()
	seal, _, err := books.LatestSeal()
	if err != nil {
		return nil
	}
	return &SealHealth{seal.Time, seal.Attested}
}

// Watched counts what would be watched.
type Watched struct {
	Directories []waxseal.Path `json:"directories"`
	Files       int            `json:"files"`
	Hooks       int            `json:"hooks"`
	Rules       int            `json:"audit_rules"` // those for files and directories
}

// SensorHealth is what a sensor can do here.
type SensorHealth struct {
	Usable   bool     `json:"usable"`
	Detail   string   `json:"detail"`
	Problems []string `json:"problems,omitempty"`
	Notes    []string `json:"notes,omitempty"`
}

func (d *door) doctor() *cobra.Command {
	var clean bool
	c := &cobra.Command{
		Use: "doctor", Short: "Before anything starts: rights, what would be watched, what would be changed",
		Long: `Says what would be watched, which rights are there or missing, what watching
would change on this host, and what it costs. It changes nothing itself; with
--clean it takes away the audit rules that a killed agent left.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if clean {
				return d.cleanUp()
			}
			return d.runDoctor()
		},
	}
	c.Flags().BoolVar(&clean, "clean", false, "remove audit rules left by an agent that was killed")
	return c
}

func (d *door) runDoctor() error {
	tree, err := openTree(d.config.Root)
	if err != nil {
		return err
	}
	defer tree.Close()
	done := d.progress("reading the mail path")
	state := d.reader(agent.ThrowAwayMasker()).Read(tree)
	done()
	dirs, files := agent.MailSet(state)
	doc := Doctor{
		Schema: "waxseal.doctor/1", Kernel: kernel(), Root: os.Geteuid() == 0,
		Watched:  Watched{Directories: dirs, Files: len(files), Hooks: len(state.Hooks), Rules: len(agent.AuditPaths(tree.Dir(), state))},
		Fanotify: fanotifyHealth(tree.Dir()), Audit: auditHealth(), BPF: bpfHealth(), Reader: readerHealth(),
		Logs: followed(tree, state, d.config.Watch.Logs), Leftovers: kaudit.Leftovers(agent.AuditKey), Problems: state.Problems,
		Stacks: []string{}, Seal: d.sealHealth(),
	}
	for _, s := range state.Stacks {
		doc.Stacks = append(doc.Stacks, strings.TrimSpace(string(s.MTA)+" "+s.Version))
	}
	doc.WouldDo, doc.Costs = d.plan(doc)
	if d.json() {
		err = d.printJSON(doc)
	} else {
		d.printDoctor(doc)
	}
	if err != nil {
		return err
	}
	if !doc.Fanotify.Usable || !doc.Audit.Usable {
		return &exit{code: exitUnreadable}
	}
	return d.verdict(waxseal.None, false, state.Problems)
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

func fanotifyHealth(dir string) SensorHealth {
	s := fanotify.Probe(dir)
	detail := s.Level
	if detail != "" {
		detail += " (Linux " + s.Since + ")"
	}
	return SensorHealth{Usable: s.Usable, Detail: detail, Problems: s.Problems, Notes: s.Notes}
}

func auditHealth() SensorHealth {
	s := kaudit.Probe()
	words := []string{[]string{"off", "on", "on and locked until reboot"}[min(s.Enabled, 2)]}
	if s.Daemon != 0 {
		words = append(words, fmt.Sprintf("auditd runs as process %d and keeps its records", s.Daemon))
	} else {
		words = append(words, "no auditd")
	}
	words = append(words, fmt.Sprintf("%d records lost since boot", s.Lost))
	return SensorHealth{Usable: s.Usable, Detail: strings.Join(words, ", "), Problems: s.Problems, Notes: s.Notes}
}

func bpfHealth() SensorHealth {
	s := bpf.Probe()
	h := SensorHealth{Usable: s.Usable, Detail: "programs on the tracepoints of fork, exec and exit", Problems: s.Problems}
	if !s.Usable {
		h.Detail, h.Notes = "", []string{"without it audit reports program starts, and a process that only forks and is gone stays unknown"}
	}
	return h
}

// readerHealth says how far the process that reads the tree can be shut in.
func readerHealth() SensorHealth {
	s := sandbox.Probe()
	return SensorHealth{Usable: len(s.Missing) == 0, Detail: s.Detail, Problems: s.Missing}
}

// plan says what a watch would change on this host, and what it costs.
func (d *door) plan(doc Doctor) (changes, costs []string) {
	if d.config.Watch.Fanotify && doc.Fanotify.Usable {
		changes = append(changes, "a fanotify group with marks on the watched files and the directories above them, and one for the own files; they end with the agent")
		costs = append(costs, "every change in those directories is looked at; what happens elsewhere, in queues and Maildirs, costs nothing")
	}
	byBPF := d.config.Watch.BPF && doc.BPF.Usable
	if byBPF {
		changes = append(changes, "three BPF programs that tell of processes; they end with the agent")
		costs = append(costs, "every process of this host writes a record as it is forked, starts a program and ends")
	}
	if d.config.Watch.Audit && doc.Audit.Usable {
		rules := fmt.Sprintf("%d audit watches with the key %q for writes and attribute changes, by system calls and by io_uring, rules for mounts (%q) and for chattr(1) (%q), removed at the end",
			doc.Watched.Rules, agent.AuditKey, agent.AuditKey+kaudit.MountKey, agent.AuditKey+kaudit.FlagsKey)
		if !byBPF {
			rules = fmt.Sprintf("%d audit watches with the key %q for writes and attribute changes, by system calls and by io_uring, and rules for execve and execveat (key %q), for mounts (%q) and for chattr(1) (%q), removed at the end",
				doc.Watched.Rules, agent.AuditKey, agent.AuditKey+kaudit.ExecKey, agent.AuditKey+kaudit.MountKey, agent.AuditKey+kaudit.FlagsKey)
			costs = append(costs, "every program start on this host makes audit records that the agent reads (docs/install.md has what was measured)")
		}
		changes = append(changes, rules)
		if strings.HasPrefix(doc.Audit.Detail, "off") {
			changes = append(changes, "audit is switched on, and off again at the end; while no auditd runs the kernel prints some records to its own log")
		}
	}
	if d.config.Watch.Isolate {
		changes = append(changes, fmt.Sprintf("a second process, as user %d, reads the files; it ends with the agent", sandbox.UID))
	}
	changes = append(changes, "files in "+d.config.State+" (mode 0700); nothing else is written")
	return changes, costs
}

func (d *door) printDoctor(doc Doctor) {
	yes := map[bool]string{true: "ok", false: "MISSING"}
	stacks := strings.Join(doc.Stacks, ", ")
	if stacks == "" {
		stacks = "none found"
	}
	d.block("tree", safe(d.config.Root), "mail systems: "+safe(stacks),
		fmt.Sprintf("%s; %s and %s would be watched", count(doc.Watched.Hooks, "hook", "hooks"),
			count(len(doc.Watched.Directories), "directory", "directories"), count(doc.Watched.Files, "more file", "more files")))
	if s := doc.Seal; s != nil {
		d.block("seal", "of "+when(s.SealedAt))
		if !s.Attested {
			d.block("", wrap(notAttested)...)
		}
	}
	d.block("kernel", safe(doc.Kernel))
	d.block("rights", map[bool]string{true: "root", false: "not root: the sensors need it (CAP_SYS_ADMIN, CAP_AUDIT_CONTROL, CAP_AUDIT_READ, CAP_NET_ADMIN, CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE; CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL to shut the reader in)"}[doc.Root])
	d.sensor("fanotify", yes[doc.Fanotify.Usable], doc.Fanotify)
	d.sensor("audit", yes[doc.Audit.Usable], doc.Audit)
	d.sensor("bpf", yes[doc.BPF.Usable], doc.BPF)
	d.sensor("reader", yes[doc.Reader.Usable], doc.Reader)
	if len(doc.Logs) == 0 {
		d.block("logs", "no mail log found: whether a change was loaded and used will not be seen")
	}
	for i, l := range doc.Logs {
		d.block(label(i, "logs"), safe(string(l)))
	}
	for i, c := range doc.WouldDo {
		d.block(label(i, "changes"), wrap(c)...)
	}
	for i, c := range doc.Costs {
		d.block(label(i, "costs"), wrap(c)...)
	}
	for i, l := range doc.Leftovers {
		d.block(label(i, "left over"), wrap(l)...)
	}
	if len(doc.Leftovers) > 0 {
		d.block("", "these rules belong to a running agent; if none runs, 'waxseal doctor --clean' removes them")
	}
	d.printProblems(doc.Problems)
}

func (d *door) sensor(name, verdict string, h SensorHealth) {
	d.block(name, strings.TrimSpace(verdict+"  "+safe(h.Detail)))
	for _, p := range h.Problems {
		d.block("", wrap(p)...)
	}
	for _, n := range h.Notes {
		d.block("", wrap(n)...)
	}
}

// otherAgent finds a running "waxseal watch", whatever state directory it uses;
// 0 if there is none.
func otherAgent() int {
	people := proc.New(proc.Options{})
	for _, pid := range proc.Running("/", "waxseal") {
		if a := people.Snapshot(pid); a != nil && slices.Contains(a.Process.Argv, "watch") {
			return pid
		}
	}
	return 0
}

// cleanUp removes what an agent that was killed left in the kernel. While an
// agent runs on the same state directory it refuses.
func (d *door) cleanUp() error {
	restore := false
	if _, err := os.Stat(path.Join(d.config.State, "lock")); err == nil {
		books, err := agent.OpenBooks(d.config.State, "")
		if errors.Is(err, store.ErrLocked) {
			return &exit{code: exitUsage, err: fmt.Errorf("an agent is running: %w", err)}
		}
		if err == nil {
			restore = books.AuditWasOff()
			err = books.Close()
		}
		if err != nil {
			d.warn("state: " + err.Error())
		}
	}
	if pid := otherAgent(); pid != 0 {
		return &exit{code: exitUsage, err: fmt.Errorf("an agent is running with another state directory, as process %d: its audit rules are not left over", pid)}
	}
	removed, err := kaudit.RemoveLeftovers(agent.AuditKey, restore)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "removed %d audit rules\n", removed)
	return nil
}
