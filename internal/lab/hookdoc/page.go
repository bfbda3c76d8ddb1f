package main

import (
	"fmt"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/dovecot"
	"waxseal/internal/mta/exim"
	"waxseal/internal/mta/opensmtpd"
	"waxseal/internal/mta/postfix"
	"waxseal/internal/mta/sendmail"
)

// chapter is a part of the page.
type chapter struct {
	server       server
	title, intro string
	places       []waxseal.Place
}

// stages are the parts of a mail path, as chapters.
var stages = []struct {
	stage        waxseal.Stage
	title, intro string
}{
	{waxseal.StageConnect, "Before mail comes", "What runs as the mail system, with which environment, and where it writes its log."},
	{waxseal.StageSession, "While a client speaks SMTP", "Who may send what to whom, and who is asked about it."},
	{waxseal.StageData, "While a message is received", "What stands between the client and the queue."},
	{waxseal.StageQueue, "As a message is queued", "Filters, checks, copies, and addresses that are replaced."},
	{waxseal.StageRoute, "As its way is chosen", "Which host or service each message goes to."},
	{waxseal.StageDeliver, "As it is delivered", "What happens to a message as it leaves or gets to a mailbox."},
	{waxseal.StageDelivered, "When it lies in a mailbox", "What happens to mail that was delivered."},
}

// chapters sorts the places: those of each mail system by where mail is on its
// way, those of the host together.
func chapters(list []waxseal.Place) []chapter {
	var out []chapter
	for _, s := range servers() {
		for _, stage := range stages {
			c := chapter{server: s, title: s.title + ": " + lower(stage.title), intro: stage.intro}
			for _, p := range list {
				if p.MTA == s.mta && p.Stage == stage.stage {
					c.places = append(c.places, p)
				}
			}
			out = append(out, c)
		}
	}
	host := chapter{server: serverOf(waxseal.HostStack), title: "Around the mail system", intro: "What the host itself decides: what is started, with which libraries, and under which names. " +
		"Three sorts take a whole or a live host and have no example here: `library`, one that a program of the mail system loads and nothing vouches for, " +
		"`mount`, another file system over a file or directory that the mail system reads, and `submission`, which of several mail systems gets what programs on the host submit; " +
		"stories in `internal/detect` and tests in `internal/mailpath` show them."}
	for _, p := range list {
		if p.MTA == waxseal.HostStack {
			host.places = append(host.places, p)
		}
	}
	return slices.DeleteFunc(append(out, host), func(c chapter) bool { return len(c.places) == 0 })
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// page is the whole document.
func page(dir string) (string, error) {
	var b strings.Builder
	list := places()
	fmt.Fprintf(&b, head, len(list))
	b.WriteString(overview(list))
	told := waxseal.StackName("")
	for _, c := range chapters(list) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.title, c.intro)
		if c.server.mta != told {
			told = c.server.mta
			fmt.Fprintf(&b, "\n%s\n", c.server.about)
		}
		for _, g := range groups(c.places) {
			text, err := section(dir, g)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
	}
	return b.String(), nil
}

const head = `<!-- Made by go run ./internal/lab/hookdoc; edits are lost. -->
# Hooks

A hook is a place where mail can be read, copied, diverted, rewritten or dropped, where it runs a command, or where its handling is kept out of
the log. Waxseal knows %d sorts of them. This page has for each where it is found, what it can do, and two changes: one that administrators
make, and one that an intruder makes.

An example is what is added to the files of a small mail server for example.test, one for each mail system. The page is made from the readers'
own tables, and each example is really run by the tests: the severity beside it is what Waxseal says of the change, and the words are its weightiest
reasons. It says so of a change that nothing explains; [severity.md](severity.md) has the rules. Where a harmless change comes out as bad as an
intruder's, the page calls it a false alarm, and where an intruder's comes out no worse than medium, it says why.

`

// overview is two tables of all hooks: when mail meets them, by mail system; and
// those of each filter.
func overview(list []waxseal.Place) string {
	var b strings.Builder
	all := chapters(list)
	b.WriteString(byStage(all))
	b.WriteString("\n| filter or service | hooks |\n|---|---|\n")
	for _, s := range servers() {
		if isMailSystem(s) {
			continue
		}
		b.WriteString("| " + s.title + " |")
		for _, c := range all {
			if strings.HasPrefix(c.title, s.title+": ") {
				fmt.Fprintf(&b, " [%s](#%s): %s.", strings.TrimPrefix(c.title, s.title+": "), anchor(c.title), contents(c))
			}
		}
		b.WriteString(" |\n")
	}
	host := all[len(all)-1]
	fmt.Fprintf(&b, "\n[%s](#%s): %s\n", host.title, anchor(host.title), contents(host))
	return b.String()
}

// byStage is the table of the mail systems.
func byStage(all []chapter) string {
	var b, rule strings.Builder
	systems := slices.DeleteFunc(servers(), func(s server) bool { return !isMailSystem(s) })
	b.WriteString("| when |")
	rule.WriteString("|---|")
	for _, s := range systems {
		b.WriteString(" " + s.title + " |")
		rule.WriteString("---|")
	}
	b.WriteString("\n" + rule.String() + "\n")
	for _, stage := range stages {
		b.WriteString("| " + stage.title + " |")
		for _, s := range systems {
			i := slices.IndexFunc(all, func(c chapter) bool { return c.title == s.title+": "+lower(stage.title) })
			if i < 0 {
				b.WriteString(" |")
				continue
			}
			fmt.Fprintf(&b, " [%d](#%s): %s |", len(all[i].places), anchor(all[i].title), contents(all[i]))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// isMailSystem tells a mail system, which takes mail in and delivers it, from a filter.
func isMailSystem(s server) bool {
	return slices.Contains([]waxseal.StackName{postfix.MTA, exim.MTA, sendmail.MTA, opensmtpd.MTA, dovecot.MTA}, s.mta)
}

// contents links to the hooks of a chapter.
func contents(c chapter) string {
	var links []string
	for _, g := range groups(c.places) {
		for _, p := range g {
			links = append(links, fmt.Sprintf("[%s](#%s)", title(p), anchor(title(p))))
		}
	}
	return strings.Join(links, ", ")
}

// title names a sort of hook so that no other has the same name, whatever the
// case or the signs in it: links do not tell those apart.
func title(p waxseal.Place) string {
	if word, ok := signs[p.Directive]; ok {
		return string(p.MTA) + " " + p.Directive + " (" + word + ")"
	}
	for _, other := range places() {
		if anchor(other.Directive) == anchor(p.Directive) {
			if other.MTA == p.MTA && other.Directive == p.Directive {
				return p.Directive
			}
			return distinct(string(p.MTA) + " " + p.Directive)
		}
	}
	return p.Directive
}

// distinct makes a title another one where some directive has the same in a link.
func distinct(title string) string {
	for _, other := range places() {
		if anchor(other.Directive) == anchor(title) {
			return title + " (value)"
		}
	}
	return title
}

// anchor is what a heading is called in a link.
func anchor(heading string) string {
	keep := func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-', r == '_', r >= '0' && r <= '9', r >= 'a' && r <= 'z':
			return r
		}
		return -1
	}
	return strings.Map(keep, strings.ToLower(heading))
}

// groups puts those together of which there is the same to say.
func groups(list []waxseal.Place) [][]waxseal.Place {
	var out [][]waxseal.Place
	for _, p := range list {
		i := slices.IndexFunc(out, func(g []waxseal.Place) bool { return describe(g[0]) == describe(p) })
		if i < 0 {
			out = append(out, nil)
			i = len(out) - 1
		}
		out[i] = append(out[i], p)
	}
	return out
}

// describe says what a hook is in the sentences that stand below its name.
func describe(p waxseal.Place) string {
	return fmt.Sprintf("%s. In %s; see %s. Kind `%s`%s.\n", capital(p.Does), p.Where, p.Manual, p.Kind, can(p.Effects))
}

func can(effects []waxseal.Effect) string {
	if len(effects) == 0 {
		return ""
	}
	var words []string
	for _, e := range effects {
		words = append(words, string(e))
	}
	return "; can " + strings.Join(words, ", ")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// section describes one sort of hook, or several that are alike.
func section(dir string, group []waxseal.Place) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n%s", inline(heading(group)), describe(group[0]))
	for _, p := range group {
		if len(group) > 1 {
			fmt.Fprintf(&b, "\n#### %s\n", title(p))
		}
		e, err := readExample(dir, p)
		if err != nil {
			return "", err
		}
		b.WriteString(e.describe())
	}
	return b.String(), nil
}

// heading is a name, a few names, or what many have in common: smtpd_*_restrictions.
func heading(group []waxseal.Place) string {
	names := make([]string, len(group))
	for i, p := range group {
		names[i] = title(p)
	}
	if len(names) < 3 {
		return strings.Join(names, ", ")
	}
	prefix, suffix := names[0], names[0]
	for _, n := range names {
		for !strings.HasPrefix(n, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
		for !strings.HasSuffix(n, suffix) {
			suffix = suffix[1:]
		}
	}
	if len(prefix)+len(suffix) < 4 || slices.Contains(names, prefix+suffix) {
		return strings.Join(names, ", ")
	}
	return prefix + "*" + suffix
}

// describe shows both changes with what is said of them.
func (e example) describe() string {
	var b strings.Builder
	if e.note != "" {
		fmt.Fprintf(&b, "\n%s\n", e.note)
	}
	if e.before != "" {
		fmt.Fprintf(&b, "\nWhere there is already\n\n%s", e.block(e.before))
	}
	for _, kind := range []change{harmless, malicious} {
		changes, remark := e.judge(kind), ""
		switch {
		case kind == harmless && e.alarm != "":
			remark = "\n_False alarm: " + e.alarm + "_\n"
		case kind == malicious && e.ceiling != "":
			remark = "\n_No more than medium: " + e.ceiling + "_\n"
		}
		fmt.Fprintf(&b, "\n%s, **%s**: %s.\n%s\n%s", capital(string(kind)), verdict(changes), inline(reasons(changes)), remark, e.block(e.text(kind)))
	}
	return b.String()
}

// block shows lines of files, each file under its name where there are several.
func (e example) block(text string) string {
	if strings.Contains(text, "\n==> ") && !strings.HasPrefix(text, "==> ") {
		text = "==> " + string(e.server.main) + "\n" + text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(line, "==> "); ok {
			name, mode, _ := strings.Cut(strings.TrimSpace(name), " ")
			if mode != "" {
				mode = " (mode " + mode + ")"
			}
			if b.Len() > 0 {
				b.WriteString("\n")
			}
			line = "==> " + name + mode + " <==\n"
		}
		b.WriteString(line)
	}
	return "```\n" + b.String() + "```\n"
}

// inline keeps a text from being taken for markup.
func inline(text string) string {
	return strings.NewReplacer("\\", "\\\\", "*", "\\*", "<", "&lt;", "`", "\\`", "[", "\\[").Replace(text)
}

// reasons are the weightiest reasons of the worst change, two at most.
func reasons(changes []waxseal.Change) string {
	for _, c := range changes {
		if c.Severity == verdict(changes) {
			return strings.Join(c.Reasons[:min(2, len(c.Reasons))], "; ")
		}
	}
	return ""
}
