// Package detect weighs what changed in the mail path: how much an unexplained
// change matters to mail, for which reasons, and what to check next.
//
// Severity comes from what a hook does and where it hands mail, never from the
// name of a file or the look of a line; docs/severity.md has the table. Every
// severity carries reasons that a mail administrator can check. What a change
// does not establish (who is behind it, whether mail was really read) is said
// too.
//
// It looks nothing up: what it is not told by the two states it does not know,
// and a file, owner or package that is unknown never makes a change worse.
package detect

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"waxseal"
)

// weight is a severity with its reasons.
type weight struct {
	severity waxseal.Severity
	reasons  []reason
	known    map[string]int // place of each text in reasons, where there are many
}

// reason is one reason with the severity that it alone would give.
type reason struct {
	sign     sign
	severity waxseal.Severity
	worse    bool // makes what is high critical
	text     string
}

func weighing(s sign, facts ...any) (w weight) {
	w.add(s, facts...)
	return w
}

// add notes a sign.
func (w *weight) add(s sign, facts ...any) { w.because(reasonFor(s, facts...)) }

// because keeps each reason once, at its highest severity.
func (w *weight) because(r reason) {
	w.severity = max(w.severity, r.severity)
	if i := w.placeOf(r.text); i >= 0 {
		w.reasons[i].severity = max(w.reasons[i].severity, r.severity)
		w.reasons[i].worse = w.reasons[i].worse || r.worse
		return
	}
	if w.known != nil {
		w.known[r.text] = len(w.reasons)
	}
	w.reasons = append(w.reasons, r)
}

// fewReasons are looked through; of more there is a map.
const fewReasons = 8

// placeOf is the place of a text in reasons, -1 where there is none.
func (w *weight) placeOf(text string) int {
	if len(w.reasons) <= fewReasons {
		return slices.IndexFunc(w.reasons, func(r reason) bool { return r.text == text })
	}
	if w.known == nil {
		w.known = make(map[string]int, 2*len(w.reasons))
		for i, r := range w.reasons {
			w.known[r.text] = i
		}
	}
	if i, ok := w.known[text]; ok {
		return i
	}
	return -1
}

// settle makes what is high critical where a sign says that it is worse. Each
// hook is settled by itself, so that one hook's aggravation is not another's.
func (w *weight) settle() {
	for i := range w.reasons {
		r := &w.reasons[i]
		if r.worse && w.severity >= waxseal.High {
			r.severity, w.severity = waxseal.Critical, waxseal.Critical
		}
		r.worse = false
	}
}

func (w *weight) join(o weight) {
	for _, r := range o.reasons {
		w.because(r)
	}
}

// maxReasons bounds the reasons of one change: a map with ten thousand new
// entries is explained by the worst of them.
const maxReasons = 24

// words are the reasons, weightiest first.
func (w *weight) words() []string {
	slices.SortStableFunc(w.reasons, func(a, b reason) int { return cmp.Compare(b.severity, a.severity) })
	list := []string{}
	for i, r := range w.reasons {
		if i == maxReasons {
			return append(list, fmt.Sprintf("and %d more reasons, none of them weightier", len(w.reasons)-i))
		}
		list = append(list, r.text)
	}
	return list
}

// Context is what a change is weighed against.
type Context struct {
	Before, After waxseal.State
	domains       []string
	supposed      []string        // those of domains that no mail system says are own
	was, is       map[place]bool  // what hooks do, before and after, wherever they stand
	vital         map[string]bool // whether conditions pick mail about money, access or an intrusion
}

// place is what a hook does, without its position.
type place struct {
	mta              waxseal.StackName
	kind             waxseal.HookKind
	directive, scope string
	path             waxseal.Path
	target           waxseal.Target
	active           bool
	runsAs           string
}

func placeOf(h waxseal.Hook) place {
	return place{h.MTA, h.Kind, h.Directive, h.Scope, h.Source.Path, h.Target, h.Active, h.RunsAs}
}

func places(hooks []waxseal.Hook) map[place]bool {
	m := make(map[place]bool, len(hooks))
	for _, h := range hooks {
		m[placeOf(h)] = true
	}
	return m
}

// NewContext prepares two states for weighing the changes between them.
func NewContext(before, after waxseal.State) *Context {
	c := newContext(before, after)
	c.was, c.is = places(before.Hooks), places(after.Hooks)
	return c
}

// newContext prepares for weighing what is there, not what changed.
func newContext(before, after waxseal.State) *Context {
	c := &Context{Before: before, After: after, vital: map[string]bool{}}
	for _, s := range append(slices.Clone(before.Stacks), after.Stacks...) {
		c.domains = append(c.domains, s.Domains...)
	}
	if !tells(c.domains) {
		c.supposed = supposed(before, after)
		c.domains = append(c.domains, c.supposed...)
	}
	return c
}

// Judge sets severity, reasons, explanation and ATT&CK references of a change.
// A configuration that names a new destination among the domains it calls its
// own is judged by the domains it called its own before.
func (c *Context) Judge(ch *waxseal.Change) {
	w := c.weigh(ch)
	ch.Severity, ch.Reasons = w.severity, w.words()
	ch.Explain = c.explain(ch)
	ch.Attack = techniques(ch)
	ch.Personal = c.personal(ch, w)
}

func (c *Context) weigh(ch *waxseal.Change) (w weight) {
	for _, h := range ch.Hooks.Added {
		w.join(c.appeared(h))
	}
	for _, hc := range ch.Hooks.Changed {
		w.join(c.changed(hc))
	}
	for _, h := range ch.Hooks.Removed {
		w.join(c.removed(h))
	}
	c.settings(ch, &w)
	c.packages(ch, &w)
	c.file(ch, &w)
	w.settle()
	if len(w.reasons) == 0 {
		w.add(noEffect, quiet(ch))
	}
	return w
}

// quiet says why a change has no effect.
func quiet(ch *waxseal.Change) string {
	switch {
	case ch.After != nil && ch.After.Role == waxseal.RoleUnused:
		return "nothing in the configuration refers to this file"
	case ch.Kind == waxseal.Added:
		return "the file is new beside the mail path"
	default:
		return "comments, white space, order or spelling only"
	}
}

// appeared weighs a hook that was not there before.
func (c *Context) appeared(h waxseal.Hook) weight {
	if c.knownBefore(h) {
		return weighing(samePlace, h.Target.Value)
	}
	return c.hook(h)
}

// knownBefore reports whether the same directive already had this very target.
func (c *Context) knownBefore(h waxseal.Hook) bool { return c.was[placeOf(h)] }

// changed weighs a hook whose place stayed.
func (c *Context) changed(hc waxseal.HookChange) weight {
	before, after := hc.Before, hc.After
	if before.Target == after.Target && before.RunsAs == after.RunsAs && before.Active == after.Active && slices.Equal(before.Effects, after.Effects) {
		return c.adjusted(before, after)
	}
	if c.knownBefore(after) {
		return weighing(samePlace, after.Target.Value)
	}
	w := c.hook(after)
	if isNextHop(after.Kind) && before.Active && before.Target.Value != "" && before.Target != after.Target && after.Target.Remote && !c.ownHost(host(after.Target.Value)) {
		w.add(replacedHop, after.Target.Value, before.Target.Value)
	} else if before.Target != after.Target {
		w.add(wasBefore, orNothing(before.Target.Value))
	}
	w.join(modifiers(before, after))
	return w
}

func isNextHop(k waxseal.HookKind) bool {
	return k == waxseal.KindRelay || k == waxseal.KindTransport || k == waxseal.KindContentFilter
}

func orNothing(s string) string {
	if s == "" {
		return "empty"
	}
	return s
}

// adjusted weighs a hook that hands mail where it did, in another manner.
func (c *Context) adjusted(before, after waxseal.Hook) (w weight) {
	w.join(modifiers(before, after))
	if before.Modifiers["drift"] != after.Modifiers["drift"] {
		c.drift(after, &w)
		w.settle()
	}
	c.passedAnew(before, after, &w)
	if before.Scope != after.Scope {
		w.add(modifierChanged, "scope", after.Scope, before.Scope)
	}
	c.answered(before, after, &w)
	if len(w.reasons) == 0 && after.Active {
		w.add(dependsOnOther, after.Directive)
	}
	return w
}

// answered weighs that another filter than before should answer a hook, or none that is
// known. One that still runs and listens elsewhere has left its place to somebody.
func (c *Context) answered(before, after waxseal.Hook, w *weight) {
	if before.Service == nil || !after.Active {
		return
	}
	was := before.Service
	there := slices.ContainsFunc(c.After.Stacks, func(s waxseal.Stack) bool { return s.MTA == was.Stack })
	switch {
	case after.Service != nil && after.Service.Stack != was.Stack:
		w.add(answeredByOther, after.Service.Title, after.Target.Value, was.Title)
	case after.Service == nil && there:
		w.add(movedAway, was.Title, after.Target.Value)
	case after.Service == nil:
		w.add(answererGone, was.Title, after.Target.Value)
	}
}

// modifiers weighs settings that change how a hook works.
func modifiers(before, after waxseal.Hook) (w weight) {
	for _, name := range slices.Sorted(maps.Keys(after.Modifiers)) {
		was, now := before.Modifiers[name], after.Modifiers[name]
		switch {
		case was == now || name == "drift" || name == "whom": // weighed by itself
			continue
		case name == "entries" || name == "digest":
			w.add(entriesChanged)
			continue
		case name == "code":
			w.add(codeChanged, after.Source.Path)
			continue
		}
		w.add(modifierChanged, name, orNothing(now), orNothing(was))
		if name == "milter_default_action" && now == "accept" {
			w.add(nowFailsOpen)
		}
	}
	return w
}

// removed weighs a hook that is gone.
func (c *Context) removed(h waxseal.Hook) weight {
	if c.is[placeOf(h)] {
		return weight{}
	}
	switch h.Kind {
	case waxseal.KindMilter, waxseal.KindContentFilter, waxseal.KindPolicy:
		if h.Active && h.Target.Type != waxseal.TargetText && h.MTA != waxseal.HostStack {
			return weighing(checkGone, h.Target.Value, h.Directive)
		}
	case waxseal.KindCopy:
		return weighing(copyGone, h.Target.Value, h.Directive)
	case waxseal.KindRelay:
		return weighing(relayGone, h.Target.Value)
	}
	return weighing(hookGone, h.Directive, orNothing(h.Target.Value))
}

func (c *Context) settings(ch *waxseal.Change, w *weight) {
	for i, s := range ch.Settings {
		if i == 5 {
			w.add(more, len(ch.Settings)-i)
			break
		}
		w.add(settingChanged, s.Name, orDefault(s.After), orDefault(s.Before))
		if skipped := bypass(s); skipped != "" {
			w.add(portBypassed, service(s.Name), skipped)
		}
	}
}

// bypass says which check a setting takes mail past, "" if none: an override to
// nothing, or receive_override_options (postconf(5)). On the port where a content
// filter gives mail back that is how it should be, so it is medium at most.
func bypass(s waxseal.SettingChange) string {
	entry, parameter := splitSetting(s.Name)
	switch {
	case entry == "" && parameter != "receive_override_options": // main.cf: what is gone is a hook
	case parameter == "smtpd_milters" || parameter == "non_smtpd_milters" || parameter == "content_filter" || parameter == "smtpd_proxy_filter":
		if s.After == waxseal.EmptyValue {
			return parameter
		}
	case parameter == "receive_override_options":
		if strings.Contains(s.After, "no_milters") || strings.Contains(s.After, "no_header_body_checks") {
			return "milters or header checks (" + s.After + ")"
		}
	}
	return ""
}

// splitSetting cuts "127.0.0.1:10025/inet:content_filter" at its last colon; the
// entry is "" for main.cf.
func splitSetting(name string) (entry, parameter string) {
	cut := strings.LastIndexByte(name, ':')
	return name[:max(cut, 0)], name[cut+1:]
}

// service names the entry of master.cf that a setting belongs to.
func service(name string) string {
	entry, _ := splitSetting(name)
	return cmp.Or(entry, "every service")
}

// orDefault: a setting that is not listed has its default.
func orDefault(s string) string {
	if s == "" {
		return "the default"
	}
	return clip(s)
}

// clip shortens a value for a reason.
func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// explain is the sentence for the whole change: that of its weightiest hook.
func (c *Context) explain(ch *waxseal.Change) string {
	best, signs, sentence := waxseal.None-1, 0, ""
	consider := func(w weight, text string) {
		if text != "" && (w.severity > best || w.severity == best && w.heavy() > signs) {
			best, signs, sentence = w.severity, w.heavy(), text
		}
	}
	for _, h := range ch.Hooks.Added {
		consider(c.appeared(h), h.Explain)
	}
	for _, hc := range ch.Hooks.Changed {
		consider(c.changed(hc), hc.After.Explain)
	}
	for _, h := range ch.Hooks.Removed {
		consider(c.removed(h), "No longer: "+h.Explain)
	}
	switch {
	case sentence != "":
		return sentence
	case len(ch.Settings) > 0:
		names := make([]string, len(ch.Settings))
		for i, s := range ch.Settings {
			names[i] = s.Name
		}
		return "A setting that is no hook changed: " + clip(strings.Join(names, ", ")) + "."
	case len(ch.Attributes) > 0:
		return "Only the metadata changed: " + clip(strings.Join(ch.Attributes, ", ")) + "."
	case ch.Severity == waxseal.None:
		return "The change has no effect on mail."
	default:
		return "A file that the mail path depends on changed."
	}
}
