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
	Grade   Grade  `json:"grade"`
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
	Grade   Grade     `json:"grade"`
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
	OriginUnknown OriginKind = "unknown"
)

// Origin is how the session came in.
type Origin struct {
	Kind    OriginKind `json:"kind"`
	Address string     `json:"address,omitempty"` // source IP address
	Port    int        `json:"port,omitempty"`    // source TCP port
	Method  string     `json:"method,omitempty"`  // "publickey", "password"
	Key     string     `json:"key,omitempty"`     // fingerprint, "SHA256:…"
	Grade   Grade      `json:"grade"`
	// KeyGrade is for Method and Key, which come from another source than
	// Address.
	KeyGrade Grade `json:"key_grade,omitempty"`
}

// Sudo is the nearest sudo(8) or su(1) among the ancestors.
type Sudo struct {
	Argv  []string `json:"argv"`
	UID   uint32   `json:"uid"` // who called it
	Grade Grade    `json:"grade"`
}
