package surroundings

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/host/errand"
	"waxseal/internal/mta"
)

// steering are the options by which the programs of mail systems other than
// Postfix take another configuration than their own: a file, or a macro that
// changes what the file says (exim(8) -C -D, sendmail(8) -C -D -o -O, smtpd(8) -f
// -D, dovecot(1) -c, rspamd(8) -c --config, amavisd(8) -c). Of milters and policy
// services, those that say where they listen, and by which rules they work, count too
// (-p), and those that name what they run (mimedefang-multiplexor(8) -f -F).
var steering = map[string]string{
	"exim": "CD", "exim4": "CD", "exim4-daemon": "CD", "sendmail": "CDoO", "sendmail.sendmail": "CDoO", "sendmail-mta": "CDoO", "sendmail-msp": "CDoO", "sm-mta": "CDoO", "smtpd": "fD", "dovecot": "c",
	// SpamAssassin and what hands mail to it: each option counts (spamd(8p),
	// spamassassin-run(1), sa-update(1p), spamass-milter(1)).
	"spamd": anyOption, "spamassassin": anyOption, "sa-update": anyOption, "spamass-milter": anyOption,
	"opendkim": "xpbu", "opendmarc": "cpu", "clamav-milter": "c-", "clamd": "c-", "freshclam": "-", "milter-greylist": "fpu", "milter-regex": "cpu",
	"postfwd": "-firpusg", "postfwd1": "-firpusg", "postfwd2": "-firpusg", "postgrey": "-iu", "policyd-weight": "f", "policyd-rate-limit": "-f", "postsrsd": "frdsulX", "postlicyd": anyOption, "pfix-srsd": anyOption,
	"rspamd":  "c-",
	"amavisd": "c", "amavisd-new": "c", "mimedefang": "pU", "mimedefang-multiplexor": "fFU",
}

const anyOption = "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// commandLine notes what a command line says of the configuration of mail
// systems. variables are those that its unit or script sets.
func (r *reader) commandLine(argv []string, variables map[string]string, why string, source waxseal.Source, active bool) {
	r.commandDirectories(argv, why, source, active)
	r.starts(argv, variables, why, source, active)
}

const maxStarts = 256

// starts notes the command lines that steer a mail system; a shell's "-c" holds
// some in one word.
func (r *reader) starts(argv []string, variables map[string]string, why string, source waxseal.Source, active bool) {
	for _, command := range simpleCommands(argv) {
		at := slices.IndexFunc(command, func(w string) bool { return steering[path.Base(w)] != "" && !strings.HasPrefix(w, "-") })
		if at < 0 {
			continue
		}
		argv := withVariables(command[at:], variables)
		if steers(argv) && len(r.result.Starts) < maxStarts {
			r.result.Starts = append(r.result.Starts, mta.Start{Argv: argv, Why: why, Source: source, Active: active})
		}
	}
}

// steers reports whether a command line has one of the options that count.
func steers(argv []string) bool {
	letters := steering[path.Base(argv[0])]
	return slices.ContainsFunc(argv[1:], func(w string) bool { return len(w) > 1 && w[0] == '-' && strings.IndexByte(letters, w[1]) >= 0 })
}

// simpleCommands splits a command line where a shell ends one command and begins
// another; without a shell it is one.
func simpleCommands(argv []string) [][]string {
	script := slices.Index(argv, "-c")
	if len(argv) == 0 || script < 0 || script+1 >= len(argv) || !shells[path.Base(argv[0])] {
		return [][]string{argv}
	}
	var list [][]string
	for _, command := range separators.Split(argv[script+1], 64) {
		if w := words(command); len(w) > 0 {
			list = append(list, w)
		}
	}
	return list
}

var (
	shells     = set("sh bash dash ksh zsh")
	separators = regexp.MustCompile("[;&|()\n`]+")
	// variable is a word that is a variable as a whole: its value is split.
	variable = regexp.MustCompile(`^\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?$`)
)

// withVariables puts in the words of variables that are known.
func withVariables(argv []string, variables map[string]string) []string {
	var out []string
	for _, w := range argv {
		g := variable.FindStringSubmatch(w)
		if g == nil {
			out = append(out, w)
		} else if value, ok := variables[g[1]]; ok {
			out = append(out, words(value)...)
		}
	}
	return out
}

// variablesOf are the variables that a unit's own settings and files set: systemd
// puts them into its command lines.
func (m *manager) variablesOf(u unit) map[string]string {
	variables := map[string]string{}
	for _, a := range u.effective {
		switch a.key {
		case "Environment":
			for _, w := range words(expandSpecifiers(a.value, u.name)) {
				if name, value, ok := strings.Cut(w, "="); ok {
					variables[name] = value
				}
			}
		case "EnvironmentFile":
			p, ok := environmentFile(a.value, u.name)
			if text, readable := m.scriptText(p); ok && readable {
				for _, v := range parseEnvironment(p, text) {
					variables[v.key] = v.value
				}
			}
		}
	}
	return variables
}

// scriptStarts looks through the lines of a script that starts a mail system.
func (r *reader) scriptStarts(p waxseal.Path, text string, active bool) {
	if !strings.Contains(text, " -") {
		return
	}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		body := strings.TrimSpace(line)
		if body == "" || body[0] == '#' || !errand.MentionsMail(body) {
			continue
		}
		r.starts([]string{"sh", "-c", body}, nil, string(p), waxseal.Source{Path: p, Line: n}, active)
	}
}
