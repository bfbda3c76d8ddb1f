package waxseal

import "time"

// Observation is one raw fact from a sensor. It is recorded before anyone
// judges it and never edited afterwards; exactly one of the pointers is set.
type Observation struct {
	Time   time.Time  `json:"time"`
	Sensor SensorName `json:"sensor"`

	File    *FileEvent    `json:"file,omitempty"`
	Audit   *AuditEvent   `json:"audit,omitempty"`
	Process *ProcessEvent `json:"process,omitempty"`
	Tree    *TreeEvent    `json:"tree,omitempty"`
	Log     *LogLine      `json:"log,omitempty"`
	Parcel  *Parcel       `json:"parcel,omitempty"`
	Gap     *Gap          `json:"gap,omitempty"`
	Triage  *Triage       `json:"triage,omitempty"`
	Agent   *AgentEvent   `json:"agent,omitempty"`
}

// Operation is what was done to a file.
type Operation string

// The operations, named as in the replay contract.
const (
	OpWrite    Operation = "write"
	OpRename   Operation = "rename"
	OpCreate   Operation = "create"
	OpDelete   Operation = "delete"
	OpLink     Operation = "link"
	OpChmod    Operation = "chmod"
	OpChown    Operation = "chown"
	OpXattr    Operation = "xattr"
	OpTruncate Operation = "truncate"
	OpMount    Operation = "mount"
	// OpMetadata is a chmod, chown, xattr or link count change that the sensor
	// can't tell apart (FAN_ATTRIB).
	OpMetadata Operation = "metadata"
)

// FileEvent is one change to a file as the kernel told it (fanotify(7)).
type FileEvent struct {
	Operations []Operation `json:"operations"`
	Path       Path        `json:"path"`               // inside the tree; the new name after a rename
	OldPath    Path        `json:"old_path,omitempty"` // the name before a rename
	Device     uint64      `json:"device,omitempty"`
	Inode      uint64      `json:"inode,omitempty"`
	PID        int         `json:"pid"`
	// Closed: the process only closed a file that was open for writing. Who closes a
	// shared descriptor last need not have written.
	Closed bool `json:"closed,omitempty"`
	// Actor is the process as /proc showed it when the event was read; nil where
	// it had already gone.
	Actor *Actor `json:"actor,omitempty"`
	// TextDigest names the masked content that was copied with the event, where
	// it may be kept.
	TextDigest Digest `json:"text_sha256,omitempty"`
	// Note says what the sensor could not do, or noticed beside the event.
	Note string `json:"note,omitempty"`
}

// AuditEvent is one event of the kernel's audit system, put together from its
// records (audit.rules(7), records as in auditd.conf(5)).
type AuditEvent struct {
	Serial  uint64      `json:"serial"`
	Time    time.Time   `json:"time"`
	Type    string      `json:"type"` // type of the first record: "SYSCALL", "USER_LOGIN"
	Arch    string      `json:"arch,omitempty"`
	Syscall int         `json:"syscall"` // number for Arch; -1 where the event has none
	Success bool        `json:"success"`
	Exit    int64       `json:"exit,omitempty"`
	PID     int         `json:"pid"`
	PPID    int         `json:"ppid,omitempty"`
	AUID    uint32      `json:"auid"`
	Session uint32      `json:"session"`
	UID     uint32      `json:"uid"`
	EUID    uint32      `json:"euid"`
	GID     uint32      `json:"gid"`
	TTY     string      `json:"tty,omitempty"`
	Comm    string      `json:"comm,omitempty"`
	Exe     string      `json:"exe,omitempty"`
	Key     string      `json:"key,omitempty"`
	CWD     string      `json:"cwd,omitempty"`
	Argv    []string    `json:"argv,omitempty"`
	Paths   []AuditPath `json:"paths,omitempty"`
	// Fields are those of a user-space message (USER_LOGIN, USER_CMD): claims of
	// the process that the kernel stamped with PID, UID, AUID and Session.
	Fields map[string]string `json:"fields,omitempty"`
	// Raw are the records as the kernel wrote them, in order.
	Raw []string `json:"raw,omitempty"`
	// Actor is the process as /proc showed it when the event was read; nil where
	// it had gone or was not asked for. Where only its parent was still there,
	// Actor.Process is unknown and Ancestors begin with the parent.
	Actor *Actor `json:"actor,omitempty"`
	// OfTree says of a program start that its parent is a master process whose
	// root directory is that of the watched tree.
	OfTree bool `json:"of_tree,omitempty"`
}

// AuditPath is one PATH record.
type AuditPath struct {
	Item     int    `json:"item"`
	Name     string `json:"name"` // as the process named it, inside its own root
	Inode    uint64 `json:"inode,omitempty"`
	Device   uint64 `json:"device,omitempty"`
	Mode     uint32 `json:"mode,omitempty"`
	UID      uint32 `json:"uid"`
	GID      uint32 `json:"gid"`
	NameType string `json:"nametype"` // NORMAL, PARENT, CREATE, DELETE
}

// ProcessStep is what happened to a process.
type ProcessStep string

// The steps in the life of a process.
const (
	ProcessFork ProcessStep = "fork" // it is there, and runs what its maker runs
	ProcessExec ProcessStep = "exec" // it runs another program
	ProcessExit ProcessStep = "exit"
)

// ProcessEvent is a step in the life of a process as the kernel told it, at the
// moment of the step (the sched_process tracepoints).
type ProcessEvent struct {
	Step ProcessStep `json:"step"`
	Time time.Time   `json:"time"`
	PID  int         `json:"pid"`
	PPID int         `json:"ppid,omitempty"`
	// From is the process whose program a fork goes on with: its parent, unless
	// that gave its child away (CLONE_PARENT in clone(2)).
	From int `json:"from,omitempty"`
	// Started is when the process was forked; with PID it names it for ever.
	Started time.Time `json:"started,omitzero"`
	UID     uint32    `json:"uid"`
	EUID    uint32    `json:"euid"`
	GID     uint32    `json:"gid"`
	AUID    uint32    `json:"auid"`
	Session uint32    `json:"session"`
	TTY     string    `json:"tty,omitempty"`
	Comm    string    `json:"comm,omitempty"`
	// Exe is the file that runs, and CWD the directory, inside the root of the
	// process; File is what was given to execve(2).
	Exe  string `json:"exe,omitempty"`
	CWD  string `json:"cwd,omitempty"`
	File string `json:"file,omitempty"`
	// Device and Inode are of the file that was executed, and its owner and mode: of the program that
	// runs, as BPF tells it, or of File, a script even, as audit does.
	Device uint64   `json:"device,omitempty"`
	Inode  uint64   `json:"inode,omitempty"`
	Owner  uint32   `json:"owner,omitempty"`
	Mode   uint32   `json:"mode,omitempty"`
	Argv   []string `json:"argv,omitempty"`
	Cut    bool     `json:"cut,omitempty"` // Argv is not all of it
	// CGroup is the id of its control group: the inode below /sys/fs/cgroup (cgroups(7)).
	CGroup uint64 `json:"cgroup,omitempty"`
	Exit   int    `json:"exit,omitempty"` // as wait(2) gives it
	// OfTree is as in AuditEvent.
	OfTree bool `json:"of_tree,omitempty"`
	// Actor has the ancestors that only /proc showed, as in AuditEvent.
	Actor *Actor `json:"actor,omitempty"`
}

// TreeEvent is what the agent read of the tree after something happened: the
// files that differ from the state before.
type TreeEvent struct {
	Reason string      `json:"reason"` // "start", "file event", "gap", "timer"
	Files  []FileState `json:"files,omitempty"`
	Gone   []Path      `json:"gone,omitempty"`
}

// LogLine is one line of a mail or authentication log, as text.
type LogLine struct {
	Path Path   `json:"path"`
	Text string `json:"text"`
	// By is who wrote it by journald's word; nil for a line of a text file.
	By *LogSource `json:"by,omitempty"`
}

// LogSource is which process wrote an entry of the journal, as journald had it from the
// kernel (the trusted fields of systemd.journal-fields(7)). What a process that is not
// root's runs may have changed before journald looked.
type LogSource struct {
	PID     int    `json:"pid"`
	UID     uint32 `json:"uid"`
	Exe     string `json:"exe,omitempty"`
	Comm    string `json:"comm,omitempty"`
	Login   uint32 `json:"login"`
	Session uint32 `json:"session"`
	Unit    string `json:"unit,omitempty"`
}

// Parcel is a package archive that was at hand while packages were changed, and who
// vouches for it.
type Parcel struct {
	Package string `json:"package"`
	Version string `json:"version"`
	Path    Path   `json:"path"`
	Digest  Digest `json:"sha256,omitempty"`
	Signed  bool   `json:"signed"`
	// Voucher says who signed for it, or why that does not count.
	Voucher string `json:"voucher"`
}

// Gap is time or events that were not seen. It is always an entry, never only a
// line in a log.
type Gap struct {
	Sensor SensorName `json:"sensor"`
	// From and Until bound the gap; Until is zero while it lasts.
	From  time.Time `json:"from"`
	Until time.Time `json:"until,omitzero"`
	// Lost is the number of events lost, where it is known.
	Lost int64 `json:"lost,omitempty"`
	// Reason says in plain words what was missed and what that costs.
	Reason string `json:"reason"`
	// Silenced says that somebody, or another program's settings, keeps the sensor from
	// reporting.
	Silenced bool `json:"silenced,omitempty"`
}

// Triage is a decision about a finding: of a person, or of the agent where time alone
// asks for it.
type Triage struct {
	Finding  FindingID    `json:"finding"`
	Action   TriageAction `json:"action"`
	Note     string       `json:"note,omitempty"`
	Verdict  Verdict      `json:"verdict,omitempty"`  // of close
	Assignee string       `json:"assignee,omitempty"` // of assign, "" for nobody
	Ticket   string       `json:"ticket,omitempty"`
	// Suppression is the one that hides the finding, or hid it.
	Suppression SuppressionID `json:"suppression,omitempty"`
	// Automatic says that nobody decided: a deadline has passed.
	Automatic bool  `json:"automatic,omitempty"`
	By        Actor `json:"by"`
}

// TriageAction is what is done with a finding.
type TriageAction string

// The actions of triage.
const (
	TriageAcknowledge TriageAction = "acknowledge"
	TriageAssign      TriageAction = "assign"
	TriageClose       TriageAction = "close"
	TriageReopen      TriageAction = "reopen"
	TriagePromote     TriageAction = "promote"
	TriageSuppress    TriageAction = "suppress"
)

// AgentEvent is a step in the life of the agent itself.
type AgentEvent struct {
	Step    string `json:"step"` // "start", "alive", "stop"
	Version string `json:"version,omitempty"`
	Detail  string `json:"detail,omitempty"`
}
