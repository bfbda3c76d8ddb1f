package rspamd

import (
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/filter/rspamd/ucl"
	"waxseal/internal/mta"
)

// setting is one scalar of the configuration.
type setting struct {
	name, value string
	source      waxseal.Source
}

const maxSettings = 50_000

// rest looks through every value of the configuration: each scalar is a setting, and
// one that names a file, a server or holds Lua is told of as that.
func (r *reader) rest() {
	for key, v := range r.top.Fields() {
		r.value(key, v)
	}
}

// value looks at what stands under one key. Of several values there, each has its
// number in its name.
func (r *reader) value(name string, v *ucl.Value) {
	n := 0
	for e := range v.Each() {
		n++
		at := name
		if n > 1 && !isNamed(e) {
			at += "#" + strconv.Itoa(n)
		}
		r.one(at, e)
	}
}

// isNamed reports whether a section is one with a name: worker "normal" { … }.
func isNamed(v *ucl.Value) bool {
	if v.Kind != ucl.Object || v.Len() != 1 {
		return false
	}
	for _, e := range v.Fields() {
		return e.Kind == ucl.Object
	}
	return false
}

func (r *reader) one(name string, v *ucl.Value) {
	switch v.Kind {
	case ucl.Object:
		for key, e := range v.Fields() {
			r.value(name+":"+key, e)
		}
	case ucl.Array:
		r.items(name, v)
	default:
		r.scalar(name, v)
	}
}

// items looks at an array; one of scalars is one setting.
func (r *reader) items(name string, v *ucl.Value) {
	var words []string
	for i, item := range v.Items() {
		if item.Kind == ucl.Object || item.Kind == ucl.Array {
			r.one(name+"#"+strconv.Itoa(i+1), item)
			continue
		}
		words = append(words, item.Text())
		r.names(name+"#"+strconv.Itoa(i+1), item)
	}
	if len(words) > 0 {
		r.set(name, strings.Join(words, ", "), v.Source)
	}
}

func (r *reader) scalar(name string, v *ucl.Value) {
	r.names(name, v)
	if r.isCode(v) {
		r.keepCode(v)
		return // what it does is judged call by call
	}
	r.set(name, v.Text(), v.Source)
}

func (r *reader) set(name, value string, source waxseal.Source) {
	if len(r.settings) < maxSettings && !r.ghosts[source.Path] && !strings.HasSuffix(name, ":description") {
		if r.used[name]++; r.used[name] > 1 {
			name += "#" + strconv.Itoa(r.used[name])
		}
		r.settings = append(r.settings, setting{name, value, source})
	}
}

// note writes the settings down.
func (r *reader) note() {
	for _, s := range r.settings {
		r.Setting(r.instance, s.name, s.value, s.source)
	}
	if len(r.settings) == maxSettings {
		r.AddProblems([]waxseal.Problem{{Path: r.settings[0].source.Path, Message: "more settings than are listed", Unreadable: true}})
	}
}

func lineOf(n int) string {
	if n == 0 {
		return ""
	}
	return " in line " + strconv.Itoa(n)
}

// includes tells what is read over the network.
func (r *reader) includes() {
	for _, i := range r.doc.Includes {
		switch {
		case i.URL != "":
			h := r.hook(&ucl.Value{Source: i.Source}, "."+i.Macro, waxseal.Modify)
			h.Kind, h.External = waxseal.KindMap, true
			h.Target = remoteTable(i.URL)
			if scheme, rest, ok := strings.Cut(i.URL, "://"); ok {
				mta.Modify(&h, "hosts", hostOf(urlTarget(scheme, rest)))
			}
			h.Explain = "Configuration of rspamd is read from " + mta.Clip(i.URL) + mta.Where(h.Target) + ": whoever answers there decides what happens to mail."
			r.Emit(h)
		case i.Macro == "load" && i.Resolved != "":
			r.part(i.Path, waxseal.RoleInclude)
		}
	}
}
