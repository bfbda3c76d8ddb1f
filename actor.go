package waxseal

import "time"

// Grade says how one hop of an actor is known.
type Grade string

// The grades. Proven needs kernel records, or journald's trusted fields of a
// sealed daemon; text that anyone could have written with logger(1), and
// /proc read after the event, are inferred.
const (
	Proven   Grade = "proven"
	Inferred Grade = "inferred"
	Unknown  Grade = "unknown"
)

// Unset is the kernel's value for a login uid or session that was never set
// (-1 as unsigned; loginuid in proc(5)).
const Unset = ^uint32(0)

// Actor is who did something: each hop with how it is known.
type Actor struct {
	Login   Login   `json:"login"`
	Process Process `json:"process"`
	// Ancestors are the parents of Process, nearest first.
	Ancestors []Process `json:"ancestors"`
	Origin    Origin    `json:"origin"`
	Sudo      *Sudo     `json:"sudo,omitempty"`
	// Tool is the configuration management that seems to be at work, nil where none does.
	Tool *Tool `json:"tool,omitempty"`
	// Steps are who became whom between the login and Process, outermost first.
	Steps []Step      `json:"steps,omitempty"`
	Place Whereabouts `json:"place,omitzero"`
}

// Tool is a program for managing configuration that seems to be among a process and its
// parents. Names and command lines tell that, so it is inferred, and approves nothing.
type Tool struct {
	Name  string `json:"name"`  // "Ansible"
	Words string `json:"words"` // "python3 …/AnsiballZ_lineinfile.py, below sshd"
	Grade Grade  `json:"grade"`
}

// Login is the audit login: who came in, whatever uid they took later
// (pam_loginuid(8)).
type Login struct {
	UID     uint32 `json:"uid"`
	Name    string `json:"name"`
	Session uint32 `json:"session"`
	TTY     string `json:"tty,omitempty"`
	// Interactive: the process had a controlling terminal, at which somebody may sit.
	Interactive bool   `json:"interactive,omitempty"`
	Grade       Grade  `json:"grade"`
	Basis       string `json:"basis,omitempty"` // which records prove it, from what it is inferred, or why it is unknown
	// Before is the login that this one replaced: who set a login uid that was set
	// already, or took it off first, came in as somebody else.
	Before *Login `json:"before,omitempty"`
}

// Process is one process at the time of an event.
type Process struct {
	PID  int    `json:"pid"`
	PPID int    `json:"ppid,omitempty"`
	Exe  string `json:"exe"`
	// Comm is the 15-byte name that the process may choose for itself.
	Comm string `json:"comm"`
	// User is the name of EUID, "" where it has none.
	User string   `json:"user,omitempty"`
	Argv []string `json:"argv"`
	CWD  string   `json:"cwd,omitempty"`
	UID  uint32   `json:"uid"`
	EUID uint32   `json:"euid"`
	GID  uint32   `json:"gid"`
	// Started is the start time that, with PID, names a process for ever.
	Started time.Time `json:"started,omitzero"`
	// Tracer is the process that had this one under ptrace(2), and could make it do
	// anything; 0 where none was seen.
	Tracer int    `json:"tracer,omitempty"`
	Grade  Grade  `json:"grade"`
	Basis  string `json:"basis,omitempty"` // which records prove it, from what it is inferred, or why it is unknown
}

// OriginKind is how a session came onto the host.
type OriginKind string

// The kinds of origin.
const (
	OriginSSH     OriginKind = "ssh"
	OriginConsole OriginKind = "console"
	OriginCron    OriginKind = "cron"
	OriginUnit    OriginKind = "unit"
	OriginSu      OriginKind = "su"
	OriginSudo    OriginKind = "sudo"
	OriginPackage OriginKind = "package"
	// OriginManagement is an agent of configuration management: Puppet, Chef, Salt.
	// Ansible comes in by ssh.
	OriginManagement OriginKind = "management"
	OriginUnknown    OriginKind = "unknown"
)

// Origin is how the session came in.
type Origin struct {
	Kind    OriginKind `json:"kind"`
	Address string     `json:"address,omitempty"` // source IP address
	Port    int        `json:"port,omitempty"`    // source TCP port
	// Method is how: "publickey" or "password" by ssh, "job of alice" by cron, the unit of
	// a unit, the terminal of a console.
	Method string `json:"method,omitempty"`
	// Command is what cron(8) ran.
	Command string `json:"command,omitempty"`
	Key     string `json:"key,omitempty"` // fingerprint, "SHA256:…"
	// Certificate is what a certificate was issued as: "alice@laptop (serial 7) CA
	// ED25519 SHA256:…".
	Certificate string `json:"certificate,omitempty"`
	Grade       Grade  `json:"grade"`
	Basis       string `json:"basis,omitempty"`
	// KeyGrade is for Method, Command and Key, which come from another source than
	// Address.
	KeyGrade Grade  `json:"key_grade,omitempty"`
	KeyBasis string `json:"key_basis,omitempty"`
}

// Step is one change of identity: by sudo(8), su(1), a setuid program, or a daemon
// that starts something for an account.
type Step struct {
	From     uint32   `json:"from"`
	FromName string   `json:"from_name,omitempty"`
	To       uint32   `json:"to"`
	ToName   string   `json:"to_name,omitempty"`
	PID      int      `json:"pid"`
	Exe      string   `json:"exe"`
	Argv     []string `json:"argv"`
	Grade    Grade    `json:"grade"`
}

// Whereabouts are where on the host a process lives, as /proc showed it.
type Whereabouts struct {
	// Unit is the unit of systemd, by control group: "cron.service".
	Unit string `json:"unit,omitempty"`
	// Container is what the control group calls it: "docker 3f5a9c…".
	Container string `json:"container,omitempty"`
	// Namespaces are those that are not the tree's own: "mount", "pid", "user".
	Namespaces []string `json:"namespaces,omitempty"`
	Grade      Grade    `json:"grade,omitempty"`
}

// Sudo is the nearest sudo(8) or su(1) among the ancestors.
type Sudo struct {
	Argv  []string `json:"argv"`
	UID   uint32   `json:"uid"` // who called it
	Grade Grade    `json:"grade"`
}
