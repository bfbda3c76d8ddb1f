package mta

import "waxseal"

// Service is a program that stands beside the mail systems and that they hand mail
// to: a milter, a policy service, a scanner. Its reader says where its
// configuration lets it be met; the join of all readers finds who leads mail there.
type Service struct {
	// Stack is the name under which its hooks appear: "opendkim".
	Stack waxseal.StackName
	// Title is its name in a sentence: "OpenDKIM".
	Title string
	// Sockets are where its configuration lets it listen, written as the value of a
	// target: "inet:127.0.0.1:8891", "unix:/run/opendkim/opendkim.sock".
	Sockets []string
	// Programs are files that hand mail to it when a mail system runs them:
	// "/usr/bin/spamc". A name without a slash stands for that name in any directory.
	Programs []string
	// Uses are other services that it hands mail to inside itself, by stack: what
	// leads to it leads to them.
	Uses []waxseal.StackName
	// Daemon is its program, "" where that is not known.
	Daemon waxseal.Path
	// User is the account that it runs as, "" where that is not known.
	User string
	// Source is the configuration that says so.
	Source waxseal.Source
}
