package postfix

import (
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mailbox/aliases"
	"waxseal/internal/mta"
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
	d.words = "is sent to " + d.target.Value + mta.Where(d.target) + " by the service " + d.transport
}

func (in *instance) deliverPipe(d *delivery) {
	x := d.service.External()
	d.effects = []waxseal.Effect{waxseal.Observe, waxseal.Divert, waxseal.Modify, waxseal.Drop, waxseal.Execute}
	d.target = waxseal.Target{Type: waxseal.TargetCommand, Value: commandLine(x.Argv)}
	d.closure = in.CommandParts(x.Argv)
	d.runsAs = x.User
	d.words = "is handed to the command " + clip(d.target.Value) + ", run as " + mta.OrUnknown(x.User)
}

// fill writes the delivery into a hook.
func (d delivery) fill(h *waxseal.Hook) {
	h.Kind, h.Target, h.Effects = d.kind, d.target, d.effects
	h.Closure = append(h.Closure, d.closure...)
	if d.runsAs != "" {
		h.RunsAs = d.runsAs
	}
	mta.Modify(h, "transport", d.transport)
	if d.undefined {
		mta.Modify(h, "service", "not defined in master.cf")
	}
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
