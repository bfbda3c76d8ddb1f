package spamassassin

import (
	"maps"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// The files of sa-exim, which Exim loads as its local_scan function: its Debian package
// names the library in local_scan_path.
const (
	saEximFile    = waxseal.Path("/etc/exim4/sa-exim.conf")
	saEximLibrary = "/usr/lib/exim4/local_scan/sa-exim.so"
	saEximSpool   = "/var/spool/sa-exim/"
)

// saExim is the reading of sa-exim.conf: of one name the last value counts.
type saExim struct {
	*mta.Book
	values map[string]assignment
	off    bool // no mail is looked at
}

// saEximLine is how much sa-exim takes for one line: fgets(3) with a buffer of 32 KiB. What
// follows is a line of its own, behind a long comment too.
const saEximLine = 1<<15 - 1

// saSetting is a line that counts.
type saSetting struct {
	name string
	assignment
}

// saSettings are the lines that sa-exim reads: "Name: value", from the first character on,
// with one blank. The value is what follows, blanks and all, up to a null byte.
func saSettings(text string) (list []saSetting) {
	n := 1
	for text != "" {
		end := strings.IndexByte(text[:min(len(text), saEximLine)], '\n') + 1
		if end == 0 {
			end = min(len(text), saEximLine)
		}
		line, ended := strings.CutSuffix(text[:end], "\n")
		text = text[end:]
		line, _, _ = strings.Cut(line, "\x00")
		if name, value, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(name, "SA") && isName(name) {
			list = append(list, saSetting{name, assignment{value, n}})
		}
		if ended {
			n++
		}
	}
	return list
}

func readSAExim(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	b := mta.NewBook(SAExim, tree, m)
	text, ok := b.ReadUpTo(saEximFile, "the configuration of sa-exim", 1<<20)
	if !ok {
		if b.Exists(saEximFile) {
			return b.Result()
		}
		return mta.Result{}
	}
	r := &saExim{Book: b, values: map[string]assignment{}}
	for _, s := range saSettings(text) {
		r.values[s.name] = s.assignment
	}
	r.Part(saEximFile, waxseal.RoleConfig)
	for _, name := range slices.Sorted(maps.Keys(r.values)) {
		r.Setting("", name, r.values[name].value, r.at(name))
	}
	r.hooks()
	r.AddStack(waxseal.Stack{MTA: SAExim, Version: o.Version("sa-exim"), Config: []waxseal.Path{saEximFile}})
	result := r.Result()
	result.Services = []mta.Service{{
		Stack: SAExim, Title: "sa-exim", Programs: []string{saEximLibrary}, Uses: []waxseal.StackName{MTA}, User: "Debian-exim", Source: waxseal.Source{Path: saEximFile},
	}}
	return result
}

func (r *saExim) at(name string) waxseal.Source {
	return waxseal.Source{Path: saEximFile, Line: r.values[name].line}
}

func (r *saExim) begin(name string) waxseal.Hook {
	return waxseal.Hook{
		ID: id(SAExim, saEximFile, name), Stage: waxseal.StageData, Scope: "all mail that Exim takes by SMTP", RunsAs: "Debian-exim", Active: true, Source: r.at(name), Directive: name,
	}
}

// saves are the directories in which messages are kept, with the condition that decides
// and which messages they are.
var saves = []struct{ dir, condition, which string }{
	{"SAtimeoutsave", "SAtimeoutSavCond", "for which spamc took too long"}, {"SAerrorsave", "SAerrorSavCond", "for which spamc failed"},
	{"SAteergrubesave", "SAteergrubeSavCond", "that is held up"}, {"SAdevnullsave", "SAdevnullSavCond", "that is thrown away"},
	{"SApermrejectsave", "SApermrejectSavCond", "that is refused"}, {"SAtemprejectsave", "SAtemprejectSavCond", "that is put off"},
	{"SAspamacceptsave", "SAspamacceptSavCond", "that is spam and taken"}, {"SAnotspamsave", "SAnotspamSavCond", "that is no spam"},
}

func (r *saExim) hooks() {
	if r.never("SAEximRunCond", true) {
		h := r.begin("SAEximRunCond")
		h.Kind, h.Target = waxseal.KindRewrite, waxseal.Target{Type: waxseal.TargetText, Value: "0"}
		h.Modifiers = map[string]string{"lets_pass": partPasses} // as the package comes
		h.Explain = "sa-exim looks at no mail (SAEximRunCond: 0)."
		r.Emit(h)
		r.off = true
	}
	if a, ok := r.values["SAspamcpath"]; ok && a.value != "" {
		h := r.begin("SAspamcpath")
		h.Kind, h.Effects, h.Target = waxseal.KindPipe, []waxseal.Effect{waxseal.Observe, waxseal.Modify, waxseal.Execute}, waxseal.Target{Type: waxseal.TargetCommand, Value: a.value}
		h.Closure = r.CommandParts([]string{a.value})
		h.Explain = "Exim runs " + mta.Clip(a.value) + " with each message that comes by SMTP (SAspamcpath)."
		r.emit(h)
	}
	o := options{}
	for name, option := range map[string]string{"SAspamcHost": "dest", "SAspamcPort": "port", "SAspamcSockPath": "socket"} {
		if a, ok := r.values[name]; ok && a.value != "" {
			o[option] = []string{a.value}
		}
	}
	source := r.at("SAspamcHost")
	if source.Line == 0 {
		source = r.at("SAspamcSockPath")
	}
	for _, h := range handedTo(SAExim, o, source, "all mail that Exim takes by SMTP", "spamc") {
		r.emit(h)
	}
	for _, s := range saves {
		r.saved(s.dir, s.condition, s.which)
	}
	if a, ok := r.values["SAdevnull"]; ok && a.value != "" {
		h := r.begin("SAdevnull")
		h.Kind, h.Effects, h.Target = waxseal.KindDiscard, []waxseal.Effect{waxseal.Drop}, waxseal.Target{Type: waxseal.TargetText, Value: a.value}
		h.Scope = "mail with a score of " + mta.Clip(a.value) + " or more"
		if n, ok := numberOf(a.value); ok && n >= 1 {
			h.Modifiers = map[string]string{"when": `header "X-Spam-Flag" is "yes"`}
		}
		h.Explain = "Mail to which SpamAssassin gives " + mta.Clip(a.value) + " points or more is taken and thrown away (SAdevnull)."
		r.emit(h)
	}
}

// emit emits a hook, inert where no mail is looked at.
func (r *saExim) emit(h waxseal.Hook) {
	if r.off && h.Active {
		mta.Inactive(&h, "SAEximRunCond says never")
	}
	r.Emit(h)
}

// never reports whether a condition is false: nothing, or a single 0. Anything else, "false"
// included, is true, and what is expanded may be. Where nothing sets it, it is what is usual.
func (r *saExim) never(condition string, usual bool) bool {
	if c, ok := r.values[condition]; ok {
		return c.value == "" || c.value == "0"
	}
	return usual
}

// saved tells of copies that are written to the disk, other than where the package
// keeps those of refused mail.
func (r *saExim) saved(name, condition, which string) {
	a, ok := r.values[name]
	if !ok || a.value == "" {
		return
	}
	usual := strings.HasPrefix(string(mta.Clean(a.value)), saEximSpool)
	if usual && name != "SAnotspamsave" {
		return
	}
	h := r.begin(name)
	h.Kind, h.Effects, h.Target = waxseal.KindCopy, []waxseal.Effect{waxseal.Copy}, waxseal.Target{Type: waxseal.TargetFile, Value: path.Clean(a.value)}
	h.Scope = "mail " + which
	if name == "SAnotspamsave" {
		h.Scope = "all mail that is no spam"
	}
	h.Explain = "A copy of " + h.Scope + " is written below " + mta.Clip(a.value) + " (" + name + ")."
	if r.never(condition, name == "SAnotspamsave" || name == "SAspamacceptsave") {
		mta.Inactive(&h, condition+" says never")
	}
	r.emit(h)
}
