package waxseal

// HookKind is what sort of hook it is.
type HookKind string

// The kinds of hook.
const (
	KindMilter        HookKind = "milter"
	KindContentFilter HookKind = "content_filter"
	KindPolicy        HookKind = "policy"
	KindTransport     HookKind = "transport"
	KindPipe          HookKind = "pipe"
	KindRedirect      HookKind = "redirect"
	KindCopy          HookKind = "copy"
	KindRewrite       HookKind = "rewrite"
	KindDiscard       HookKind = "discard"
	KindRelay         HookKind = "relay"
	KindScript        HookKind = "script"
	KindExpansionExec HookKind = "expansion_exec"
	KindMap           HookKind = "map"
	KindModule        HookKind = "module"
	KindPlugin        HookKind = "plugin"
	KindBinary        HookKind = "binary"
	KindUnit          HookKind = "unit"
	KindEnvironment   HookKind = "environment"
	KindHosts         HookKind = "hosts"
	KindLog           HookKind = "log"
	// KindUnreadable stands for what could not be read or parsed, so that it is
	// never silence.
	KindUnreadable HookKind = "unreadable"
)

// Stage is where on its way mail meets a hook.
type Stage string

// The stages in the order of the mail path.
const (
	StageConnect   Stage = "connect"
	StageSession   Stage = "session"
	StageData      Stage = "data"
	StageQueue     Stage = "queue"
	StageRoute     Stage = "route"
	StageDeliver   Stage = "deliver"
	StageDelivered Stage = "delivered"
)

// Stages lists all stages in the order in which mail meets them.
func Stages() []Stage {
	return []Stage{StageConnect, StageSession, StageData, StageQueue, StageRoute, StageDeliver, StageDelivered}
}

// Effect is what a hook can do to mail.
type Effect string

// The effects.
const (
	Observe Effect = "observe"
	Copy    Effect = "copy"
	Divert  Effect = "divert"
	Modify  Effect = "modify"
	Drop    Effect = "drop"
	Execute Effect = "execute"
	// Silence hides mail's handling from the log.
	Silence Effect = "silence"
)

// TargetType is what a hook hands mail to.
type TargetType string

// The types of target.
const (
	TargetSocket  TargetType = "socket"  // "inet:127.0.0.1:8891", "unix:/run/opendkim.sock"
	TargetAddress TargetType = "address" // a mail address
	TargetHost    TargetType = "host"    // a next hop: "[smtp.example.net]:587"
	TargetCommand TargetType = "command" // a command line
	TargetFile    TargetType = "file"    // a path mail or log is written to, or read from
	TargetTable   TargetType = "table"   // "hash:/etc/postfix/virtual"
	TargetService TargetType = "service" // a master.cf service
	TargetText    TargetType = "text"    // a value that is no destination
)

// Target is where mail, or the decision about it, goes.
type Target struct {
	Type  TargetType `json:"type"`
	Value string     `json:"value"`
	// Remote says that the target lies outside this host (a socket, a next hop)
	// or outside this host's own mail domains (an address).
	Remote bool `json:"remote"`
}

// Source is where a hook is written.
type Source struct {
	Path Path `json:"path"`
	Line int  `json:"line"` // from 1; 0 where a file has no lines
}

// Hook is one place where mail can be filtered, rewritten, copied, diverted,
// executed on, dropped, or its handling hidden.
type Hook struct {
	ID      HookID    `json:"id"`
	MTA     StackName `json:"mta"`
	Kind    HookKind  `json:"kind"`
	Stage   Stage     `json:"stage"`
	Effects []Effect  `json:"effects"`
	Target  Target    `json:"target"`
	// Scope says which mail meets the hook: "all", "port submission",
	// "recipient alice@example.test".
	Scope  string `json:"scope"`
	RunsAs string `json:"runs_as"`
	// Active is false where nothing leads mail to the hook: a service that
	// nobody names, an alias file that is not read.
	Active bool   `json:"active"`
	Source Source `json:"source"`
	// Directive is the parameter, action or field that makes the hook:
	// "smtpd_milters", "REDIRECT", "pipe".
	Directive string `json:"directive"`
	// Modifiers are settings that change what the hook does, by name:
	// "milter_default_action": "accept".
	Modifiers map[string]string `json:"modifiers,omitempty"`
	// LoadedBy are the daemons that act on the hook once they have started anew;
	// empty where any of the stack's may.
	LoadedBy []string `json:"loaded_by,omitempty"`
	// External marks what is not a file (SQL, LDAP, a remote server): listed,
	// counted as blind, never as clean.
	External bool   `json:"external,omitempty"`
	Closure  []Part `json:"closure"`
	// Listener is the process that listens on the hook's socket; nil where the tree
	// is not a live host, or nothing listens. Who answers may change at any time
	// without a change of a file, so it is no part of what a seal holds.
	Listener *Listener `json:"listener,omitempty"`
	// Service is what should answer the hook by what is configured on this host; nil
	// where nothing says so.
	Service *Service `json:"service,omitempty"`
	// Explain is one sentence that a mail administrator reads.
	Explain string `json:"explain"`
}

// Service is a program beside the mail systems that its configuration lets answer a
// hook: OpenDKIM on the socket that opendkim.conf names.
type Service struct {
	Stack        StackName    `json:"stack"`
	Title        string       `json:"title"` // "OpenDKIM"
	Program      Path         `json:"program,omitempty"`
	User         string       `json:"user,omitempty"` // that it runs as, where that is known
	Package      string       `json:"package,omitempty"`
	PackageState PackageState `json:"package_state"` // of its program
	Source       Source       `json:"source"`        // the configuration that says so
}

// Listener is a process that listens on a socket of this host.
type Listener struct {
	Network string `json:"network"` // "tcp", "unix"
	// Address is "127.0.0.1:8891", "[::]:25", "/run/opendkim/opendkim.sock", or
	// "@name" in the abstract namespace.
	Address string `json:"address"`
	PID     int    `json:"pid"` // 0 where only root could tell
	Exe     Path   `json:"exe,omitempty"`
	// Deleted says that the file that runs is no longer at Exe: it was removed or
	// another was put in its place.
	Deleted      bool         `json:"deleted,omitempty"`
	Comm         string       `json:"comm,omitempty"` // the name it gives itself
	UID          uint32       `json:"uid"`            // effective; Unset where it is not known
	User         string       `json:"user,omitempty"`
	Package      string       `json:"package,omitempty"`
	PackageState PackageState `json:"package_state"`
}

// Has reports whether the hook has the effect.
func (h Hook) Has(e Effect) bool {
	for _, have := range h.Effects {
		if have == e {
			return true
		}
	}
	return false
}

// Role says what a part is to the hook that depends on it.
type Role string

// The roles of a part. Content is kept for the text roles only, and with
// secrets masked; see [Role.Text].
const (
	RoleConfig      Role = "config"
	RoleMap         Role = "map"
	RoleCompiledMap Role = "compiled_map"
	RoleAliases     Role = "aliases"
	RoleInclude     Role = "include"
	RoleList        Role = "list"
	RoleScript      Role = "script"
	RoleInterpreter Role = "interpreter"
	RoleBinary      Role = "binary"
	RoleLibrary     Role = "library"
	RoleSocket      Role = "socket"
	RoleDirectory   Role = "directory"
	RoleMailbox     Role = "mailbox"
	// RoleSecret is a file of passwords or private keys: kept by keyed digest
	// only.
	RoleSecret Role = "secret"
	// RoleModule is code or data that a package of the mail path brought and that
	// its programs load by name: Perl and Lua modules, plug-ins, rules. Kept by
	// digest only: whoever wants the text has the package.
	RoleModule Role = "module"
	// RoleFilterConfig is configuration of a filter or delivery program that is
	// kept as text, and not read by meaning.
	RoleFilterConfig Role = "filter_config"
	// RoleUnused is a file beside the configuration that nothing refers to.
	RoleUnused Role = "unused"
)

// Text reports whether content in this role may be kept and shown, with
// secrets masked. Every other role is kept by digest only.
func (r Role) Text() bool {
	switch r {
	case RoleConfig, RoleMap, RoleAliases, RoleInclude, RoleList, RoleScript, RoleFilterConfig:
		return true
	default:
		return false
	}
}

// PackageState says what the package database knows about a file.
type PackageState string

// The states of a packaged file. PackageUnmodified means only that the local
// database says so: root can edit that database too.
const (
	PackageUnmodified PackageState = "unmodified"
	PackageModified   PackageState = "modified"
	PackageUnowned    PackageState = "unowned"
	PackageUnknown    PackageState = "unknown"
)

// Part is one file, socket or map of a hook's closure.
type Part struct {
	Path   Path   `json:"path"`
	Role   Role   `json:"role"`
	Digest Digest `json:"sha256,omitempty"`
	// Keyed marks a digest made with this host's key because the content holds a
	// secret: it can be compared, not looked up.
	Keyed        bool         `json:"keyed,omitempty"`
	Owner        string       `json:"owner,omitempty"` // "root:root"; numbers where the tree has no names
	Mode         string       `json:"mode,omitempty"`  // octal: "0644"
	Package      string       `json:"package,omitempty"`
	PackageState PackageState `json:"package_state"`
	// Missing marks a path that the configuration names and the tree lacks.
	Missing bool `json:"missing,omitempty"`
}
