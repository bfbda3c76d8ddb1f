package delivery

import (
	"path"
	"reflect"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// Reached says who hands mail to the agents.
type Reached struct {
	// Known is false where no mail system was read that delivers to users.
	Known bool
	Ways  []Way
	// Domains are those that the mail systems call their own.
	Domains []string
}

// Way is one way by which mail comes to an agent.
type Way struct {
	Agent waxseal.StackName
	// Rules is the file that the command line names instead of the usual ones, ""
	// where it names none. "~/.mailfilters/x" is one of the user's.
	Rules string
	// Set are assignments on the command line.
	Set map[string]string
	// RunsAs is who starts the agent.
	RunsAs string
	// User is the one whose mail it is, "" for everyone's.
	User string
	By   string // "mailbox_command (/etc/postfix/main.cf)"
}

// Same reports whether the agents are reached in the same ways.
func (r Reached) Same(o Reached) bool { return reflect.DeepEqual(r, o) }

// deliverers are mail systems that deliver to users of the host, and would have to
// hand mail to an agent. Where none of them was read, the tree may be a part of a
// host.
var deliverers = []waxseal.StackName{"postfix", "exim", "sendmail", "opensmtpd", "qmail", "courier"}

// Lead finds the ways in what the mail systems do: the commands that they and the
// users' forward files run.
func Lead(stacks []waxseal.Stack, hooks []waxseal.Hook, tree waxseal.Tree) Reached {
	var r Reached
	for _, s := range stacks {
		r.Known = r.Known || slices.Contains(deliverers, s.MTA)
		r.Domains = append(r.Domains, s.Domains...)
	}
	for _, h := range hooks {
		if !h.Active || h.Target.Type != waxseal.TargetCommand || h.MTA == waxseal.HostStack {
			continue
		}
		if w, ok := wayOf(h.Target.Value, tree); ok {
			w.RunsAs, w.By = h.RunsAs, h.Directive+" ("+string(h.Source.Path)+")"
			if user, ok := strings.CutPrefix(h.Scope, "recipient "); ok {
				w.User, _, _ = strings.Cut(user, "+")
			}
			r.Ways = append(r.Ways, w)
		}
	}
	return r
}

// wayOf reads a command line that may start an agent, a shell and a guard around
// it.
func wayOf(command string, tree waxseal.Tree) (Way, bool) {
	words := mta.ShellWords(strings.TrimLeft(command, "| "))
	if len(words) <= 3 && len(words) > 0 && strings.Contains(words[len(words)-1], " ") { // sh -c "…"
		words = mta.ShellWords(words[len(words)-1])
	}
	for i, word := range words {
		switch agentOf(strings.Trim(word, `"`), tree) {
		case Procmail:
			return procmailLine(arguments(words[i+1:])), true
		case Maildrop:
			return maildropLine(arguments(words[i+1:])), true
		}
	}
	return Way{}, false
}

// agentOf tells the agent that a program is. Debian's sensible-mda is the first
// that is installed (sensible-mda(8)).
func agentOf(program string, tree waxseal.Tree) waxseal.StackName {
	switch path.Base(program) {
	case "procmail":
		return Procmail
	case "maildrop", "maildrop.maildrop":
		return Maildrop
	case "sensible-mda":
		for _, agent := range []waxseal.StackName{Procmail, Maildrop} {
			if _, err := tree.Stat(waxseal.Path("/usr/bin/" + string(agent))); err == nil {
				return agent
			}
		}
	}
	return ""
}

// arguments are the words up to where the shell begins another command.
func arguments(words []string) []string {
	for i, w := range words {
		if strings.HasPrefix(w, "#") || strings.Trim(w, "|&;") == "" && w != "" {
			return words[:i]
		}
		if end := strings.TrimRight(w, ";"); end != w {
			return append(words[:i:i], end)
		}
	}
	return words
}

// procmailLine reads the arguments of procmail(1): with a file it reads neither
// /etc/procmailrc nor that of the user, but for -d.
func procmailLine(args []string) Way {
	w := Way{Agent: Procmail, Set: map[string]string{}}
	delivers := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		if rest, ok := strings.CutPrefix(a, "-"); ok {
			for j := 0; j < len(rest); j++ {
				if strings.IndexByte("fra", rest[j]) >= 0 { // with a value, here or in the next word
					if j == len(rest)-1 {
						i++
					}
					break
				}
				delivers = delivers || rest[j] == 'd' || rest[j] == 'z'
			}
			continue
		}
		if name, value, ok := strings.Cut(a, "="); ok {
			w.Set[name] = value
		} else if !delivers && w.Rules == "" {
			w.Rules = homely(a)
		}
	}
	return w
}

// homely makes a name that procmail or maildrop looks for in the home.
func homely(name string) string {
	for _, home := range []string{"$HOME/", "${HOME}/", "$home/", "${home}/", "./"} {
		if rest, ok := strings.CutPrefix(name, home); ok {
			return "~/" + rest
		}
	}
	if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~/") {
		return name
	}
	return "~/" + name
}

// maildropLine reads the arguments of maildrop(1).
func maildropLine(args []string) Way {
	w := Way{Agent: Maildrop}
	delivers := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		if !strings.HasPrefix(a, "-") || len(a) < 2 {
			if !delivers && w.Rules == "" {
				w.Rules = homely(a)
			}
			break // what follows are $1, $2, …
		}
		value := a[2:]
		if strings.IndexByte("dVMAfwWtD", a[1]) >= 0 && value == "" && i+1 < len(args) {
			i++
			value = args[i]
		}
		switch a[1] {
		case 'd':
			delivers = true
		case 'M':
			w.Rules = "~/.mailfilters/" + value
		}
	}
	return w
}
