package procmail

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal/internal/mailbox/possible"
)

// action follows the action of a recipe.
func (w *walk) action(r Recipe) (goesOn bool) {
	a := r.Action
	if a.Kind == Block {
		return w.block(r)
	}
	e := Effect{Line: a.Line, Copy: r.Has('c'), Part: part(r)}
	w.commands(a.Text, a.Line)
	switch {
	case a.Capture != "":
		w.capture(e, a)
		return true
	case a.Kind == Forward:
		w.forward(e, a.Text)
	case a.Kind == Pipe && a.Command == "":
		e.Kind, e.Value = Files, Value{Text: "|", Known: true} // standard output
		w.emit(e)
	case a.Kind == Pipe && r.Has('f'):
		e.Kind, e.Copy = Filters, true
		w.run(e, a.Command)
	case a.Kind == Pipe:
		e.Kind = Runs
		w.run(e, a.Command)
	default:
		w.folders(e, a.Text)
	}
	return true
}

func part(r Recipe) string {
	switch {
	case r.Has('h') && !r.Has('b'):
		return "header"
	case r.Has('b') && !r.Has('h'):
		return "body"
	}
	return ""
}

// block follows the items between braces. With c a copy of the process does, which
// goes on behind them too where nothing in them delivers.
func (w *walk) block(r Recipe) (goesOn bool) {
	copied, ended := w.copied, w.ended
	w.vars.Enter()
	w.copied = w.copied || r.Has('c')
	goesOn = w.items(r.Action.Items)
	w.vars.Leave()
	w.copied = copied
	if r.Has('c') {
		w.ended = ended
		return true
	}
	return goesOn
}

func (w *walk) capture(e Effect, a Action) {
	e.Kind, e.Name, e.Copy = Captures, a.Capture, true
	command := a.Command
	if a.Kind == Forward {
		command = w.one("SENDMAIL") + " " + a.Text.Written()
	}
	w.run(e, command)
	values := []Value{{Text: "$" + a.Capture}}
	if len(w.when) > 0 { // or what it held before
		values = possible.Union(w.vars.get(a.Capture), values)
	}
	w.vars.Set(a.Capture, values...)
}

// forward emits an effect for each address that $SENDMAIL is given.
func (w *walk) forward(e Effect, t Text) {
	e.Kind = Sends
	e.Path = w.one("PATH")
	e.Name = w.one("SENDMAIL")
	for _, v := range w.vars.expand(t) {
		for _, address := range addresses(v) {
			e.Value = Value{Text: address, Known: v.Known}
			w.emit(e)
		}
	}
}

// addresses are the words for sendmail(1) that are no options.
func addresses(v Value) []string {
	var out []string
	parts := " \t\n," + between
	if !v.Known { // what is not known is no blank between two addresses
		parts = between
	}
	list := strings.FieldsFunc(v.Text, func(r rune) bool { return strings.ContainsRune(parts, r) })
	for i := 0; i < len(list); i++ {
		switch {
		case list[i] == "-f" || list[i] == "-F" || list[i] == "-r":
			i++ // who it is from
		case strings.HasPrefix(list[i], "-"):
		case !slices.Contains(out, list[i]):
			out = append(out, list[i])
		}
	}
	if len(out) == 0 { // sendmail reads them from the message, or there are none
		out = append(out, strings.TrimSpace(strings.ReplaceAll(v.Text, between, " ")))
	}
	return out
}

// folders emits an effect for each folder that the message is written to.
func (w *walk) folders(e Effect, t Text) {
	e.Kind = Files
	certain := !e.Copy && !w.copied && e.Part == ""
	for _, v := range w.vars.expand(t) {
		names := strings.FieldsFunc(v.Text, func(r rune) bool { return r == 0 })
		for _, name := range names {
			e.Value = Value{Text: w.below(name), Known: v.Known}
			w.emit(e)
			certain = certain && v.Known && surelyWritten(e.Value.Text, w)
		}
		if len(names) == 0 {
			e.Value = Value{Text: "", Known: v.Known}
			w.emit(e)
			certain = false
		}
	}
	if certain && w.ended == "" {
		w.ended = "line " + strconv.Itoa(e.Line) + " delivers every message before"
	}
}

// surelyWritten reports whether a delivery to a folder can't fail: what fails, and
// be it on purpose, lets the message go on.
func surelyWritten(folder string, w *walk) bool {
	return folder == "/dev/null" || folder == w.one("ORGMAIL") && strings.HasPrefix(folder, "/var/")
}

// below makes a relative name one below MAILDIR.
func (w *walk) below(name string) string {
	dir := w.one("MAILDIR")
	if strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~/") || dir == "" || name == "|" {
		return name
	}
	clean := path.Join(dir, name)
	for _, suffix := range []string{"/.", "/"} {
		if strings.HasSuffix(name, suffix) {
			return strings.TrimSuffix(clean, "/") + suffix
		}
	}
	return clean
}

// assign follows an assignment, whose variable may be one that acts.
func (w *walk) assign(a Assignment, line int) (goesOn bool) {
	w.commands(a.Value, line)
	values := w.vars.expand(a.Value)
	w.vars.Set(a.Name, values...)
	switch a.Name {
	case "INCLUDERC", "SWITCHRC":
		return w.include(a.Name, values, line)
	case "DROPPRIVS":
		w.emit(Effect{Kind: Sets, Name: a.Name, Value: values[0], Line: line, Copy: true})
		if len(w.when) == 0 && isTrue(values) {
			w.dropped = true
		}
		return true
	case "HOST":
		return w.host(values, line)
	}
	for _, v := range values {
		e := Effect{Kind: Sets, Name: a.Name, Value: v, Line: line, Copy: true}
		if a.Name == "DEFAULT" || a.Name == "ORGMAIL" {
			e.Value.Text, e.Copy = w.below(v.Text), false
		}
		if a.Name == "TRAP" {
			w.trap(e, v)
			continue
		}
		w.emit(e)
	}
	return true
}

// trap: the command runs when procmail ends, so it sees what variables hold then.
func (w *walk) trap(e Effect, v Value) {
	if strings.TrimSpace(v.Text) == "" {
		return
	}
	e.Path = w.one("PATH")
	if NeedsShell(v.Text) {
		e.Shell = w.one("SHELL")
	}
	w.emit(e)
}

// isTrue: a number other than 0, or a word that begins with a, e, o, t or y: on,
// true, yes, enabled (procmailrc(5)), but not off.
func isTrue(values []Value) bool {
	return !slices.ContainsFunc(values, func(v Value) bool {
		s := strings.ToLower(strings.TrimSpace(v.Text))
		if n, err := strconv.Atoi(s); err == nil {
			return n == 0
		}
		return !v.Known || s == "" || strings.HasPrefix(s, "of") || strings.IndexByte("aeoty", s[0]) < 0
	})
}

// host: a HOST that is not this one ends the rc file, and where no other follows
// the message with it (procmailrc(5) HOST).
func (w *walk) host(values []Value, line int) bool {
	here, told := w.start.Variables["HOST"]
	for _, v := range values {
		if v.Known && told && v.Text == here {
			continue
		}
		e := Effect{Kind: Stops, Name: "HOST", Value: v, Line: line}
		if !told && v.Text != "" {
			w.when = append(w.when, "this host is not called "+clip(v.Text))
			w.emit(e)
			w.when = w.when[:len(w.when)-1]
			continue
		}
		w.emit(e)
		if v.Known && len(values) == 1 && w.ended == "" && !w.copied {
			w.ended = "line " + strconv.Itoa(line) + " ends the reading before"
		}
	}
	w.vars.Set("HOST", Value{Text: "$HOST"})
	return true
}

// include follows INCLUDERC and SWITCHRC; after the latter the rest of the file is
// read only where it fails.
func (w *walk) include(kind string, values []Value, line int) (goesOn bool) {
	for _, v := range values {
		name := strings.TrimSpace(v.Text)
		if name == "" || name == "/dev/null" {
			if kind == "SWITCHRC" {
				return false
			}
			continue
		}
		name = w.below(name)
		w.emit(Effect{Kind: EffectKind(kind), Line: line, Value: Value{Text: name, Known: v.Known}, Name: kind, Copy: true})
		if !v.Known || w.start.Open == nil || w.over {
			continue
		}
		w.open(name, line)
	}
	return true
}

func (w *walk) open(name string, line int) {
	text, at, ok := w.start.Open(name)
	switch {
	case !ok:
	case slices.Contains(w.stack, at):
		w.problem(line, "includes itself by "+clip(name)+"; not followed again")
	case w.files >= maxFiles:
		w.problem(line, "more included rc files than are followed: "+clip(name))
	default:
		w.file(at, text)
	}
}
