package waxseal

import (
	"slices"
	"time"
)

// ChangeKind is what happened to a file between two states.
type ChangeKind string

// The kinds of change.
const (
	Added    ChangeKind = "added"
	Removed  ChangeKind = "removed"
	Modified ChangeKind = "modified"
	// Metadata: owner, mode, ACL, xattrs or flags, with the same content.
	Metadata ChangeKind = "metadata"
)

// Change is the difference between two states, for one file.
type Change struct {
	Path Path `json:"path"`
	// Container is the name of the one in which the file lies, which stands before the path
	// too; "" for the host's own.
	Container string      `json:"container,omitempty"`
	MTA       StackName   `json:"mta"`
	Kind      ChangeKind  `json:"kind"`
	Severity  Severity    `json:"severity"`
	Reasons   []string    `json:"reasons"`
	Explain   string      `json:"explain"`
	Hooks     HookChanges `json:"hooks"`
	// Settings are effective parameters that changed without making, changing or
	// removing a hook.
	Settings []SettingChange `json:"settings,omitempty"`
	// Packages are changes of what the package database says of packages that
	// brought files of the mail set.
	Packages []PackageChange `json:"packages,omitempty"`
	// Attributes are the changes of metadata, in words: "mode 0644 to 0666".
	Attributes []string      `json:"attributes,omitempty"`
	Attack     []TechniqueID `json:"attack"`
	// Diff is unified text with secrets masked; empty where content is kept by
	// digest only.
	Diff string `json:"diff"`
	// BeforeDigest and AfterDigest are empty where the file was, or is, missing.
	BeforeDigest Digest `json:"before_sha256,omitempty"`
	AfterDigest  Digest `json:"after_sha256,omitempty"`
	// Before and After are the file as the two states hold it; nil where only a
	// hook's meaning changed.
	Before *FileState `json:"-"`
	After  *FileState `json:"-"`
	// Personal is set where the change is about the rules of one mailbox, and about
	// nothing else.
	Personal *Personal `json:"-"`
}

// Dangerous reports whether the change brings an effect for which one person's word is
// not enough: who asks for it, who approves it and who makes it must be three.
func (c Change) Dangerous() bool {
	dangerous := func(h Hook) bool { return h.Has(Execute) || h.Has(Copy) || h.Has(Divert) || h.Has(Silence) }
	return slices.ContainsFunc(c.Hooks.Added, dangerous) ||
		slices.ContainsFunc(c.Hooks.Changed, func(h HookChange) bool { return dangerous(h.After) })
}

// Personal is what a change of the rules of one mailbox weighs if the owner of the
// mailbox made it: people may forward and sort their own mail. Who made it is known
// only where somebody watched.
type Personal struct {
	Mailbox  string // "alice", "info@example.test"
	Severity Severity
	Reasons  []string
	Foreign  []string // addresses outside the own domains to which its mail goes now
}

// HookChanges are the hooks that differ.
type HookChanges struct {
	Added   []Hook       `json:"added"`
	Removed []Hook       `json:"removed"`
	Changed []HookChange `json:"changed"`
}

// Empty reports whether no hook differs.
func (h HookChanges) Empty() bool {
	return len(h.Added) == 0 && len(h.Removed) == 0 && len(h.Changed) == 0
}

// HookChange is one hook whose place stayed and whose meaning changed.
type HookChange struct {
	Before Hook `json:"before"`
	After  Hook `json:"after"`
}

// PackageChange is what the package database said of a package, and says now; a
// package that is not there has no name.
type PackageChange struct {
	Before Package `json:"before"`
	After  Package `json:"after"`
	// Files counts the files that are other with it, just as the new version brought
	// them: they are told here, and not one by one.
	Files int `json:"files,omitempty"`
}

// EmptyValue stands in a SettingChange for a parameter that is set to nothing.
const EmptyValue = "(empty)"

// SettingChange is one effective parameter that changed. A value is "" where the
// parameter is not set, and so has its default.
type SettingChange struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Stand is how far a change has come.
type Stand string

// The stands of a change, in order.
const (
	Written   Stand = "written"   // on disk
	Loaded    Stand = "loaded"    // the daemon runs with it
	Exercised Stand = "exercised" // mail has gone through it
)

// Activation is one step of a change on its way into the running daemon.
type Activation struct {
	Stand    Stand     `json:"stand"`
	Time     time.Time `json:"time"`
	Evidence string    `json:"evidence"`
	Grade    Grade     `json:"grade"`
}

// Rung is how strong the evidence is that a change was expected.
type Rung string

// The rungs, strongest first.
const (
	RungContentAnnounced Rung = "content announced"
	RungPackageVerified  Rung = "package content verified"
	RungPermit           Rung = "permit with scope and actor"
	RungWindow           Rung = "window only"
	RungPromoted         Rung = "promoted after the fact"
	RungNone             Rung = "none"
)
