package postfix

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
)

// delivery is what a transport:nexthop leads to.
type delivery struct {
	kind    waxseal.HookKind
	target  waxseal.Target
	effects []waxseal.Effect
	closure []waxseal.Part
	runsAs  string
	// transport is the service of master.cf, undefined where there is none.
	transport string
	service   *service
	undefined bool
	words     string // "is handed to …", for Explain
}

// deliver resolves transport:nexthop (transport(5)) to what master.cf does with
// it. nexthop may be empty: then the address decides.
func (in *instance) deliver(value string, kind waxseal.HookKind) delivery {
	transport, nexthop, _ := strings.Cut(value, ":")
	d := delivery{kind: kind, transport: transport, effects: []waxseal.Effect{waxseal.Divert}}
	if transport == "" {
		d.target, d.closure = in.hostTarget(nexthop, notChrooted)
		d.words = "goes to " + named(nexthop) + " by the usual transport"
		d.target.Remote = d.target.Remote && nexthop != ""
		return d
	}
	d.service = in.byKey[transport+"/unix"]
	// A tree without master.cf says nothing about which services there are.
	d.undefined = d.service == nil && len(in.services) > 0
	program := transport
	if d.service != nil {
		program = d.service.Program()
	}
	switch program {
	case "pipe":
		in.deliverPipe(&d)
	case "discard":
		d.kind, d.effects = waxseal.KindDiscard, []waxseal.Effect{waxseal.Drop}
		d.target = waxseal.Target{Type: waxseal.TargetService, Value: transport + ":" + nexthop}
		d.words = "is thrown away, as if it had been delivered"
	case "error":
		d.effects = []waxseal.Effect{waxseal.Drop}
		d.target = waxseal.Target{Type: waxseal.TargetService, Value: transport + ":" + nexthop}
		d.words = "is sent back or put off (" + transport + ")"
	case "smtp", "lmtp", "relay":
		in.deliverHost(&d, nexthop)
	default:
		d.target = waxseal.Target{Type: waxseal.TargetService, Value: strings.TrimSuffix(transport+":"+nexthop, ":")}
		d.words = "is delivered by the service " + transport
	}
	return d
}

func named(nexthop string) string {
	if nexthop == "" {
		return "where its address leads"
	}
	return nexthop
}

func (in *instance) deliverHost(d *delivery, nexthop string) {
	if nexthop == "" {
		d.target = waxseal.Target{Type: waxseal.TargetService, Value: d.transport}
		d.words = "is sent by the service " + d.transport + " to where its address leads"
		return
	}
	d.target, d.closure = in.hostTarget(nexthop, in.chrootOf(d.service))
	d.words = "is sent to " + d.target.Value + where(d.target) + " by the service " + d.transport
}

func (in *instance) deliverPipe(d *delivery) {
	x := d.service.External()
	d.effects = []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Modify, waxseal.Drop, waxseal.Execute}
	d.target = waxseal.Target{Type: waxseal.TargetCommand, Value: commandLine(x.Argv)}
	d.closure = in.commandParts(x.Argv)
	d.runsAs = x.User
	d.words = "is handed to the command " + clip(d.target.Value) + ", run as " + orUnknown(x.User)
}

func orUnknown(user string) string {
	if user == "" {
		return "an unknown user"
	}
	return user
}

// fill writes the delivery into a hook.
func (d delivery) fill(h *waxseal.Hook) {
	h.Kind, h.Target, h.Effects = d.kind, d.target, d.effects
	h.Closure = append(h.Closure, d.closure...)
	if d.runsAs != "" {
		h.RunsAs = d.runsAs
	}
	modify(h, "transport", d.transport)
	if d.undefined {
		modify(h, "service", "not defined in master.cf")
	}
}

// searchPath is where a command without a slash is looked for (_PATH_DEFPATH).
var searchPath = []string{"/usr/bin", "/bin", "/usr/sbin", "/sbin"}

// commandParts are the program of a command, and every other word that names a
// file of the tree: scripts behind an interpreter, files a one-liner uses.
func (in *instance) commandParts(argv []string) []waxseal.Part {
	var parts []waxseal.Part
	if len(argv) == 0 {
		return nil
	}
	if p, ok := in.program(argv[0]); ok {
		parts = append(parts, waxseal.Part{Path: p, Role: waxseal.RoleBinary})
	}
	for i, word := range argv {
		for _, w := range pathWords(word) {
			if i == 0 && w == word {
				continue
			}
			if f, err := in.tree.Stat(clean(w)); err == nil && f.Type != waxseal.Directory && len(parts) < 64 {
				parts = append(parts, waxseal.Part{Path: clean(w), Role: roleOf(f)})
			}
		}
	}
	return parts
}

func roleOf(f waxseal.File) waxseal.Role {
	switch {
	case f.Type == waxseal.Socket:
		return waxseal.RoleSocket
	case f.Mode&0o111 != 0:
		return waxseal.RoleBinary
	}
	return waxseal.RoleInclude
}

func (in *instance) program(word string) (waxseal.Path, bool) {
	switch {
	case strings.Contains(word, "$"), word == "":
		return "", false
	case path.IsAbs(word):
		return clean(word), true
	case strings.Contains(word, "/"):
		return "", false
	}
	for _, dir := range searchPath {
		if p := clean(dir + "/" + word); in.exists(p) {
			return p, true
		}
	}
	return "", false
}

// pathWords finds absolute path names in a word, shell syntax around them
// ignored.
func pathWords(word string) []string {
	var out []string
	for _, w := range strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune(" \t\r\n'\"`;|&<>(){}=,", r) }) {
		if path.IsAbs(w) && len(w) > 1 && len(w) < 4096 && !strings.Contains(w, "$") && len(out) < 64 {
			out = append(out, w)
		}
	}
	return out
}

// shellWords splits a command line as far as its program and files are
// concerned; quotes group.
func shellWords(line string) []string {
	var words []string
	var b strings.Builder
	var quote byte
	inWord := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, inWord = c, true
		case quote != '\'' && c == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
			inWord = true
		case quote == 0 && strings.IndexByte(blanks, c) >= 0:
			if inWord {
				words = append(words, b.String())
			}
			b.Reset()
			inWord = false
		default:
			b.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, b.String())
	}
	return words
}

// addressList splits the result of a virtual, canonical or bcc table.
func addressList(value string) []string {
	var out []string
	for _, d := range destinations(aliases.ParseValue(value, 0)) {
		out = append(out, destinationText(d))
	}
	return out
}

// destinations takes words apart that have no comma between them: the parser of
// Postfix puts it there (tok822_parse.c), so that "a@x.example b@y.example" are
// two addresses.
func destinations(list []aliases.Destination) []aliases.Destination {
	split := func(d aliases.Destination) bool {
		return d.Kind == aliases.Address && strings.ContainsAny(d.Text, " \t") && !strings.ContainsAny(d.Text, `"<>`)
	}
	if !slices.ContainsFunc(list, split) {
		return list
	}
	var out []aliases.Destination
	for _, d := range list {
		if !split(d) {
			out = append(out, d)
			continue
		}
		for _, word := range strings.Fields(aroundSigns.Replace(strings.Join(strings.Fields(d.Text), " "))) {
			out = append(out, aliases.Destination{Kind: aliases.Address, Text: word, Line: d.Line})
		}
	}
	return out
}

// aroundSigns takes away the blanks around what joins the parts of an address.
var aroundSigns = strings.NewReplacer(" @ ", "@", " @", "@", "@ ", "@", " . ", ".", " .", ".", ". ", ".", " % ", "%", " %", "%", "% ", "%", " ! ", "!", " !", "!", "! ", "!")

// destinationText writes a destination as it would stand in a table.
func destinationText(d aliases.Destination) string {
	switch d.Kind {
	case aliases.Command:
		return "|" + d.Text
	case aliases.Include:
		return ":include:" + d.Text
	case aliases.User:
		return `\` + d.Text
	}
	return d.Text
}
