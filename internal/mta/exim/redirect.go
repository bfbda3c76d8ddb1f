package exim

import (
	"path"
	"slices"
	"strings"

	"waxseal/internal/mta"
	"waxseal/internal/mta/exim/eximconf"
	"waxseal/internal/mta/exim/expand"
)

// redirect makes the hooks of a redirect router: where its data, its tables and its
// files send mail (spec chapter 22).
func (x *router) redirect() {
	if o, ok := x.Get("data"); ok {
		x.data(o)
	}
	if o, ok := x.Get("file"); ok {
		x.file(o)
	}
}

// data reads the string: as a list where it is known beforehand, else the entries of
// every table and the content of every file that it asks.
func (x *router) data(o eximconf.Option) {
	e, _ := expand.Parse(o.Value)
	to := x.list("data", o.Place)
	if text, outcome := x.work(e); outcome == expand.Known {
		to.each(text)
		return
	}
	x.written(e, to)
	x.eachEntry(e, func(t lookedUp, row entry) {
		key := x.list("data:"+clipKey(row.Key), eximconf.Place{Path: t.path, Line: row.Line})
		key.key, key.scope = row.Key, "recipient "+mta.Clip(row.Key)
		if row.Key == "*" || strings.HasPrefix(row.Key, "*@") {
			key.scope = x.scope
		}
		key.each(row.Value)
	})
}

// written reads the texts that an expansion has in it: each alternative of a
// condition may become the list.
func (x *router) written(e expand.Expansion, to *list) {
	if len(e.Parts) > 1 { // "${local_part}@hub.example": one address with unknown parts
		if text := e.String(); !hasItems(e) || strings.Contains(text, ",") || domainOf(text) != "" {
			to.each(text)
			return
		}
	}
	for _, p := range e.Parts {
		switch {
		case p.Kind == expand.Variable && p.Name != "value":
			to.each("$" + p.Name)
		case p.Kind != expand.Item:
		case p.Name == "readfile" && len(p.Args) > 0:
			x.included(to, p.Args[0].Outline())
		case p.Name == "if":
			for _, a := range p.Args {
				x.alternative(a, to)
			}
		case p.Name == "lookup":
			n := 1
			if p.Keyed {
				n = 2
			}
			for _, a := range p.Args[min(n, len(p.Args)):] {
				x.alternative(a, to)
			}
		}
	}
}

func hasItems(e expand.Expansion) bool {
	return slices.ContainsFunc(e.Parts, func(p expand.Part) bool { return p.Kind == expand.Item })
}

func (x *router) alternative(e expand.Expansion, to *list) {
	if text, plain := e.Plain(); plain {
		if strings.TrimSpace(text) != "" {
			to.each(text)
		}
		return
	}
	x.written(e, to)
}

// eachEntry visits the entries of every table that a string asks. A table whose
// name holds the domain is one for each domain. Of several routers that do the same
// with a table the first says what its entries are.
func (x *router) eachEntry(e expand.Expansion, visit func(lookedUp, entry)) {
	likeThis := strings.Join([]string{x.Kind(), x.why, x.Value("unseen"), unset(x.Value("pipe_transport")), unset(x.Value("file_transport")), x.Value("user")}, ":")
	if x.visited[likeThis] == nil {
		x.visited[likeThis] = map[string]bool{}
	}
	seen := x.visited[likeThis]
	e.Walk(func(p expand.Part) {
		if p.Kind != expand.Item || p.Name != "lookup" || !p.Keyed || len(p.Args) < 2 {
			return
		}
		for _, file := range x.files(p.Args[1]) {
			if seen[file] {
				continue
			}
			seen[file] = true
			t := x.table(p.Option, file)
			if base, _ := style(p.Option); base == "dsearch" {
				continue // it says only which names there are
			}
			for _, row := range t.entries {
				if x.Full() {
					return
				}
				visit(t, row)
			}
		}
	})
}

func unset(value string) string {
	if value == "" {
		return "not set"
	}
	return ""
}

// files are the names that a string may become: one, or, where one part of the
// path is not known, those in the directory.
func (in *instance) files(e expand.Expansion) []string {
	if text, o := in.work(e); o == expand.Known {
		return []string{strings.TrimSpace(text)}
	}
	pattern := strings.TrimSpace(e.Outline())
	if files, ok := in.patterns[pattern]; ok {
		return files
	}
	dir, base := path.Split(pattern)
	if strings.Contains(dir, "*") || !path.IsAbs(pattern) || strings.Trim(base, "*") == base {
		return nil
	}
	names, err := in.Tree.ReadDir(mta.Clean(dir))
	if err != nil {
		return nil
	}
	var files []string
	before, after, _ := strings.Cut(base, "*")
	for _, n := range names {
		if strings.HasPrefix(n, before) && strings.HasSuffix(n, after) && len(n) >= len(before)+len(after) && len(files) < maxWords {
			files = append(files, dir+n)
		}
	}
	in.patterns[pattern] = files
	return files
}
