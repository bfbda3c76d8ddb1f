package rspamd

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/rspamd/ucl"
	"waxseal/internal/mta"
)

// A map is written as "/path", "file:///path", "https://…", "sign+https://…",
// "fallback+file:///path", with what sort of map it is before it ("glob;", "regexp;")
// (rspamd.com/doc/faq.html "maps").

// mapOf takes the prefixes off a map's name.
func mapOf(text string) string {
	text = strings.TrimSpace(text)
	for _, sort := range []string{"map:", "glob;", "regexp;", "regexp_multi;", "glob_multi;", "set;", "hash;", "radix;", "plain;", "list;"} {
		text = strings.TrimPrefix(text, sort)
	}
	for _, before := range []string{"fallback+", "sign+", "file://"} {
		text = strings.TrimPrefix(text, before)
	}
	if strings.HasPrefix(text, "key+") {
		if _, rest, ok := strings.Cut(text[4:], "+"); ok {
			return rest
		}
	}
	return text
}

// names looks whether a value names a file or something on the network, and tells so.
func (r *reader) names(place string, v *ucl.Value) {
	if v.Kind != ucl.String || r.known[v] || len(v.Text()) > 4096 {
		return
	}
	name := mapOf(v.Text())
	switch scheme, _, ok := strings.Cut(name, "://"); {
	case ok && isScheme(scheme):
		r.fetched(place, name, v)
	case strings.HasPrefix(name, "/") && len(name) > 1 && !strings.ContainsAny(name, "*?$|<>\n"):
		r.file(place, mta.Clean(name), v)
	}
}

func isScheme(s string) bool {
	return slices.Contains([]string{"http", "https", "redis", "rediss", "ftp", "tcp"}, s)
}

// fetched is a map that comes from a server, or a server that a module without a row
// of its own asks.
func (r *reader) fetched(place, url string, v *ucl.Value) {
	scheme, rest, _ := strings.Cut(url, "://")
	host := hostOf(urlTarget(scheme, rest))
	if isVendor(host) {
		return
	}
	h := r.hook(v, place, waxseal.Modify)
	mta.Modify(&h, "hosts", host)
	h.Kind, h.External, h.Target = waxseal.KindMap, true, remoteTable(url)
	h.Explain = "Rspamd takes from " + mta.Clip(url) + mta.Where(h.Target) + " what decides about mail (" + h.Directive + "): whoever answers there decides."
	r.emit(h, r.moduleOff(place))
}

// moduleOff reports whether the module that a place is in is switched off.
func (r *reader) moduleOff(place string) bool {
	module, _, _ := strings.Cut(place, ":")
	v := r.top.Get(module)
	return v != nil && v.Kind == ucl.Object && isOff(v)
}

// places that are no maps: logs, sockets, what rspamd writes itself.
var notRead = []string{"/var/log/", "/var/lib/rspamd/rspamd", "/run/", "/var/run/", "/dev/", shareDir + "/www", "/proc/"}

// file notes a file that a value names: code, a key, a map.
func (r *reader) file(place string, p waxseal.Path, v *ucl.Value) {
	for _, dir := range notRead {
		if strings.HasPrefix(string(p), dir) {
			return
		}
	}
	f, err := r.Tree.Stat(p)
	if err != nil || f.Type != waxseal.Regular || strings.HasPrefix(string(p), shareDir+"/") {
		return // what the package brought is sealed with it
	}
	switch key := place[strings.LastIndexByte(place, ':')+1:]; {
	case path.Ext(string(p)) == ".lua":
		r.codeFile(p, "lua", "the option "+directive(place)+" names it")
	case strings.Contains(key, "path") && strings.Contains(place, "dkim") || strings.HasPrefix(place, "arc:"), strings.Contains(key, "key") && !strings.Contains(key, "map"), path.Ext(string(p)) == ".key" || path.Ext(string(p)) == ".pem":
		r.part(p, waxseal.RoleSecret)
	default:
		r.localMap(place, p, v)
	}
}

// localMap is a map in a file: which entries it has matters, not how they stand there.
func (r *reader) localMap(place string, p waxseal.Path, v *ucl.Value) {
	r.part(p, waxseal.RoleMap)
	if r.maps[string(p)] {
		return
	}
	r.maps[string(p)] = true
	h := r.hook(v, place, waxseal.Modify)
	h.Kind, h.Target = waxseal.KindMap, waxseal.Target{Type: waxseal.TargetTable, Value: string(p)}
	h.Closure = append([]waxseal.Part{{Path: p, Role: waxseal.RoleMap}}, h.Closure...)
	mta.Modify(&h, "entries", digest(r.lines(p)))
	h.Explain = "Rspamd looks in " + string(p) + " what to do with mail (" + h.Directive + ")."
	r.emit(h, r.moduleOff(place))
}

const maxMap = 4 << 20

// lines are the entries of a map, comments left out.
func (r *reader) lines(p waxseal.Path) (entries []string) {
	text, ok := r.ReadUpTo(p, "a map of rspamd", maxMap)
	if !ok {
		return nil
	}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			entries = append(entries, line)
		}
	}
	return entries
}

func digest(entries []string) string {
	entries = slices.Clone(entries)
	slices.Sort(entries)
	sum := sha256.Sum256([]byte(strings.Join(entries, "\n")))
	return hex.EncodeToString(sum[:8])
}

// entries are what a rule's map lists, as far as that is in a file or in the
// configuration itself, and where it is.
func (r *reader) entries(v *ucl.Value) (list []string, where string) {
	for e := range v.All() {
		name := mapOf(e.Text())
		where = or(where, name)
		switch {
		case strings.HasPrefix(name, "/"):
			for _, line := range r.lines(mta.Clean(name)) {
				list = append(list, strings.Fields(line)[0])
			}
		case e.Kind == ucl.Object:
			for key, words := range e.Fields() {
				if key == "data" || key == "external" {
					list = append(list, words.Words()...)
				}
			}
		case !strings.Contains(name, "://") && name != "":
			list = append(list, name)
		}
	}
	return list, or(where, "its map")
}
