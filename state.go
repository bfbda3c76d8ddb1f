package waxseal

// Stack is one mail system found in a tree.
type Stack struct {
	MTA      StackName `json:"mta"`
	Version  string    `json:"version"`
	Instance string    `json:"instance"`
	Config   []Path    `json:"config"`
	// Running is nil where the tree is not a live host.
	Running *bool `json:"running"`
	// Domains are the mail domains that this stack calls its own, lower case.
	// An address outside them is foreign.
	Domains []string `json:"domains,omitempty"`
	// Logs are the files to which the stack says it logs.
	Logs []Path `json:"logs,omitempty"`
	// Container names the root of its own in which the stack was found on this host:
	// "docker 3f5a9c0e1b2d"; its paths begin with it. Empty for the host's own.
	Container string `json:"container,omitempty"`
}

// Setting is one effective parameter. Settings that make no hook still show that
// an edit had an effect.
type Setting struct {
	MTA      StackName `json:"mta"`
	Instance string    `json:"instance"`
	// Name is unique in the instance: "smtpd_milters" for main.cf,
	// "smtp/inet:smtpd_milters" for an override in master.cf.
	Name string `json:"name"`
	// Value is what the daemon would use, with white space folded and secrets
	// masked.
	Value  string `json:"value"`
	Source Source `json:"source"`
}

// Problem is something in the tree that could not be read or understood.
type Problem struct {
	Path    Path   `json:"path"`
	Line    int    `json:"line"`
	Message string `json:"message"`
	// Unreadable marks something that exists and could not be read, beside what was
	// read and is odd.
	Unreadable bool `json:"unreadable,omitempty"`
}

// FileState is one file of the mail set: every configuration file and every
// part of every closure.
type FileState struct {
	File
	Role    Role   `json:"role"`
	Digest  Digest `json:"sha256,omitempty"`
	Keyed   bool   `json:"keyed,omitempty"`
	Missing bool   `json:"missing,omitempty"`
	// Package is the package that brought the file, "" where none did or nobody
	// knows; PackageState is what its database says of the content.
	Package      string       `json:"package,omitempty"`
	PackageState PackageState `json:"package_state,omitempty"`
	// Text is the content with secrets masked, for text roles of moderate size.
	Text string `json:"text,omitempty"`
	// TextDigest names the text where it is kept apart, by its own SHA-256.
	TextDigest Digest `json:"text_sha256,omitempty"`
}

// State is the mail path of one tree at one moment.
type State struct {
	Host     HostID      `json:"host"`
	Stacks   []Stack     `json:"stacks"`
	Hooks    []Hook      `json:"hooks"`    // in the order in which mail meets them
	Settings []Setting   `json:"settings"` // sorted by MTA, instance, name
	Problems []Problem   `json:"problems"`
	Files    []FileState `json:"files"` // sorted by path
	// Packages are those that brought a file of the mail set, sorted by name; none
	// where the tree has no package database.
	Packages []Package `json:"packages,omitempty"`
	// Containers are those of the host in which mail daemons run, each with its own state,
	// sorted by name; a reader of a tree knows of none.
	Containers []Contained `json:"containers,omitempty"`
}

// Contained is the mail path in a container of the host.
type Contained struct {
	// Name stays when the container is made anew: "docker mail", "root /srv/mail".
	Name  string `json:"name"`
	ID    string `json:"id,omitempty"`    // "docker 3f5a9c0e1b2d", where that is another
	Image string `json:"image,omitempty"` // "debian:bookworm", where that is known
	State State  `json:"state"`           // with the paths inside
	// Unread says why it could not be read; the state is empty then.
	Unread string `json:"unread,omitempty"`
}
