// Package mimedefang reads MIMEDefang, a milter whose rules are Perl: what is in
// /etc/mail/mimedefang-filter runs for each message.
//
// Its files are those of mimedefang(8), mimedefang-multiplexor(8) and
// mimedefang-filter(5): the filter, mimedefang.pl.conf, which mimedefang.pl requires,
// sa-mimedefang.cf for SpamAssassin, and the variables of its start in
// /etc/default/mimedefang and /etc/sysconfig/mimedefang, which init scripts source.
//
// The filter is never run: calls of the functions that it is offered are found in its
// text, with the conditions around them, and say what it may do. When it does so is
// not worked out.
package mimedefang

import (
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// MTA is the name under which MIMEDefang appears in stacks and hooks.
const MTA waxseal.StackName = "mimedefang"

const (
	filterFile waxseal.Path = "/etc/mail/mimedefang-filter" // mimedefang.pl $Filter
	perlConf   waxseal.Path = "/etc/mail/mimedefang.pl.conf"
	milter     waxseal.Path = "/usr/bin/mimedefang"
)

// reader is the reading of one tree.
type reader struct {
	*mta.Book
	options mta.Options
	domains mta.Domains
	config  []waxseal.Path
	start   start
}

// Read reads MIMEDefang's configuration.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	r := &reader{Book: mta.NewBook(MTA, tree, m), options: o, domains: mta.NewDomains(o.Domains...)}
	r.started()
	r.filter()
	r.perlConf()
	r.forSpamAssassin()
	r.beside()
	if len(r.config) == 0 {
		return r.Result()
	}
	r.AddStack(waxseal.Stack{MTA: MTA, Version: o.Version("mimedefang"), Config: r.config})
	done := r.Result()
	done.Services = []mta.Service{r.service()}
	return done
}

func (r *reader) service() mta.Service {
	s := mta.Service{Stack: MTA, Title: "MIMEDefang", Sockets: r.start.sockets, Uses: []waxseal.StackName{"spamassassin", "clamd"}, User: r.start.user, Source: r.start.source}
	if s.Source.Path == "" {
		s.Source = waxseal.Source{Path: r.config[0]}
	}
	if r.Exists(milter) {
		s.Daemon = milter
	}
	return s
}

// open reads a configuration file and notes that it is there.
func (r *reader) open(p waxseal.Path, what string) (string, bool) {
	text, ok := r.Read(p, what)
	if ok {
		r.config = append(r.config, p)
	}
	return text, ok
}

// filter reads the rules: the file that is named at the start, else the default.
func (r *reader) filter() {
	p, source := filterFile, waxseal.Source{}
	if f := r.start.filter; f.value != "" {
		p, source = mta.Clean(f.value), f.source
	}
	text, ok := r.open(p, "the filter of MIMEDefang")
	if !ok {
		if source.Path != "" && !r.Exists(p) {
			r.Problem(source.Path, source.Line, "the filter "+string(p)+" is not there")
		}
		if source.Path != "" {
			r.Code(r.code(p, "", "mimedefang-filter", "MIMEDefang runs it for each message"))
		}
		return
	}
	r.Code(r.code(p, text, "mimedefang-filter", "MIMEDefang runs it for each message"))
	r.settings(p, text)
	if p != filterFile && r.Exists(filterFile) {
		r.Part(filterFile, waxseal.RoleUnused)
	}
}

func (r *reader) perlConf() {
	if text, ok := r.open(perlConf, "the configuration of mimedefang.pl"); ok {
		r.Code(r.code(perlConf, text, "mimedefang.pl.conf", "Each worker of MIMEDefang runs it when it starts"))
		r.settings(perlConf, text)
	}
}

func (r *reader) code(p waxseal.Path, text, directive, runs string) mta.Code {
	return mta.Code{Path: p, Text: text, Language: calls.Perl, Words: words, Domains: r.domains, Directive: directive, Stage: waxseal.StageData,
		Scope: "all mail that is handed to MIMEDefang", RunsAs: r.start.user, LoadedBy: []string{"mimedefang-multiplexor"}, Runs: runs, Refine: refine}
}

// forSpamAssassin notes the rules that SpamAssassin gets inside MIMEDefang.
func (r *reader) forSpamAssassin() {
	for _, p := range []waxseal.Path{"/etc/mail/sa-mimedefang.cf", "/etc/sa-mimedefang.cf", "/etc/spamassassin/sa-mimedefang.cf"} {
		if r.Exists(p) {
			r.Part(p, waxseal.RoleFilterConfig)
			r.config = append(r.config, p)
		}
	}
}

// beside notes what lies beside the configuration under MIMEDefang's name.
func (r *reader) beside() {
	names, err := r.Tree.ReadDir("/etc/mail")
	if err != nil && !mta.IsMissing(err) {
		r.Unreadable("/etc/mail", "the directory of MIMEDefang", err.Error())
	}
	for _, n := range names {
		if strings.Contains(n, "mimedefang") {
			r.Part("/etc/mail/"+waxseal.Path(n), waxseal.RoleUnused) // a part of a hook or of the configuration stays what it is
		}
	}
}
