// Package amavis reads amavis, a content filter whose configuration is Perl, and
// amavisd-milter, by which Sendmail and Postfix may hand it mail.
//
// The files are those of amavisd(8) with its option -c; else, on Debian, what
// run-parts(8) lists in /usr/share/amavis/conf.d and /etc/amavis/conf.d; else
// /etc/amavisd/amavisd.conf or /etc/amavisd.conf. They are read in their order without
// being run: assignments of literals, of lists and hashes, and of what is put together
// from variables that are known, as amavisd.conf-default documents the variables
// (Amavis::Conf); the last one counts. What code works out is said to be not known,
// and calls that matter are hooks of their own.
//
// It does not follow the tables of lookups beyond the addresses in them, nor what
// custom hooks do.
package amavis

import (
	"path"
	"regexp"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// MTA is the name under which amavis appears in stacks and hooks.
const MTA waxseal.StackName = "amavis"

// reader is the reading of one tree.
type reader struct {
	*mta.Book
	options mta.Options
	config  []waxseal.Path
	env     *calls.Environment
	set     []assigned
	domains mta.Domains
	user    string
	at      waxseal.Path // the file that is read
	reading int          // how deep includes are nested
	read    map[waxseal.Path]bool
	written int // bytes of settings
}

// assigned is an assignment with its file.
type assigned struct {
	calls.Assignment
	source waxseal.Source
}

// Read reads amavis' configuration, and that of amavisd-milter.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	r := &reader{Book: mta.NewBook(MTA, tree, m), options: o, domains: mta.NewDomains(o.Domains...), user: "amavis", read: map[waxseal.Path]bool{}}
	r.env = r.environment()
	for _, p := range r.files() {
		r.file(p)
	}
	var found mta.Result
	if len(r.config) > 0 {
		r.meaning()
		r.AddStack(waxseal.Stack{MTA: MTA, Version: o.Version("amavisd-new", "amavis", "amavisd"), Config: r.config, Domains: r.ownDomains()})
		found = r.Result()
		found.Services = []mta.Service{r.service()}
	} else {
		found = r.Result()
	}
	found.Join(readMilter(tree, m, o))
	return found
}

// environment is what Amavis::Conf has set before it reads the first file.
func (r *reader) environment() *calls.Environment {
	e := &calls.Environment{Package: "Amavis::Conf", Constants: constants, Output: r.output, Call: r.call, Variables: map[string]calls.Value{
		// It has a name that is meant to be wrong; without the file that sets it nothing
		// is known of the host's own domain, and an address without one is its own.
		"$mydomain":   scalar(""),
		"$myhostname": scalar(r.firstLine("/etc/hostname")),
	}}
	for name, value := range defaults {
		e.Variables[name] = scalar(value)
	}
	for name, values := range defaultLists {
		v := calls.Value{Sort: calls.List}
		for _, item := range strings.Fields(values) {
			v.Items = append(v.Items, scalar(item))
		}
		e.Variables[name] = v
	}
	e.Note = func(a calls.Assignment) {
		r.set = append(r.set, assigned{a, waxseal.Source{Path: r.at, Line: a.Line}})
	}
	return e
}

func scalar(s string) calls.Value { return calls.Value{Sort: calls.Scalar, Text: s} }

// constants are those of Amavis::Conf.
var constants = map[string]string{"D_TEMPFAIL": "-4", "D_REJECT": "-3", "D_BOUNCE": "-2", "D_DISCARD": "0", "D_PASS": "1", "CC_CATCHALL": "0", "CC_CLEAN": "1", "CC_MTA": "2", "CC_OVERSIZED": "3", "CC_BADH": "4",
	"CC_SPAMMY": "5", "CC_SPAM": "6", "CC_UNCHECKED": "7", "CC_BANNED": "8", "CC_VIRUS": "9"}

// defaults are scalars that Amavis::Conf 2.13 sets before it reads a file, as far as
// other settings are made of them or they are looked at here.
var defaults = map[string]string{
	"$MYHOME": "/var/amavis", "$myproduct_name": "amavis", "$forward_method": "smtp:[127.0.0.1]:10025", "$notify_method": "smtp:[127.0.0.1]:10025", "$requeue_method": "smtp:[127.0.0.1]:25",
	"$virus_quarantine_method": "local:virus-%m", "$banned_files_quarantine_method": "local:banned-%m", "$spam_quarantine_method": "local:spam-%m.gz", "$bad_header_quarantine_method": "local:badh-%m",
	"$virus_quarantine_to": "virus-quarantine", "$banned_quarantine_to": "banned-quarantine", "$unchecked_quarantine_to": "unchecked-quarantine", "$spam_quarantine_to": "spam-quarantine",
	"$bad_header_quarantine_to": "bad-header-quarantine", "$clean_quarantine_to": "clean-quarantine", "$archive_quarantine_to": "archive-quarantine",
	"$final_virus_destiny": "D_DISCARD", "$final_banned_destiny": "D_DISCARD", "$final_unchecked_destiny": "D_PASS", "$final_spam_destiny": "D_PASS", "$final_bad_header_destiny": "D_PASS",
	"$log_level": "0", "$max_servers": "2", "$file": "file", "$altermime": "altermime",
}

// defaultLists are lists, likewise.
var defaultLists = map[string]string{
	"@inet_acl":   "127.0.0.1 [::1]",
	"@mynetworks": "127.0.0.0/8 [::1] 169.254.0.0/16 [fe80::]/10 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 [fc00::]/7",
}

// output is what the commands print by which Debian's files find the names of the host
// (05-domain_id, 05-node_id).
func (r *reader) output(command string) (string, bool) {
	switch strings.Join(strings.Fields(command), " ") {
	case "head -n 1 /etc/mailname", "head -1 /etc/mailname", "cat /etc/mailname":
		return r.firstLine("/etc/mailname") + "\n", true
	case "hostname --fqdn", "hostname -f", "hostname":
		return r.firstLine("/etc/hostname") + "\n", true
	}
	return "", false
}

func (r *reader) firstLine(p waxseal.Path) string {
	content, err := r.Tree.ReadFile(p, 4096)
	if err != nil {
		return "" // then head(1) prints nothing
	}
	line, _, _ := strings.Cut(string(content), "\n")
	return strings.TrimSpace(line)
}

// The places of configuration, where no command line names another.
const (
	packaged waxseal.Path = "/usr/share/amavis/conf.d"
	debian   waxseal.Path = "/etc/amavis/conf.d"
)

var single = []waxseal.Path{"/etc/amavisd/amavisd.conf", "/etc/amavisd.conf", "/usr/local/etc/amavisd.conf"}

// files are those that amavisd reads, in their order.
func (r *reader) files() []waxseal.Path {
	if named := r.named(); len(named) > 0 {
		return named
	}
	parts := append(r.parts(packaged), r.parts(debian)...)
	for _, p := range single {
		switch {
		case !r.Exists(p):
		case len(parts) == 0:
			return []waxseal.Path{p}
		default:
			r.Part(p, waxseal.RoleUnused)
		}
	}
	return parts
}

// partName matches what run-parts(8) takes: no dots, so no backup copies.
var partName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

func (r *reader) parts(dir waxseal.Path) (list []waxseal.Path) {
	names, err := r.Tree.ReadDir(dir)
	if err != nil && !mta.IsMissing(err) {
		r.Unreadable(dir, "the configuration of amavis", err.Error())
	}
	for _, n := range names {
		p := waxseal.Path(path.Join(string(dir), n))
		if f, err := r.Tree.Stat(p); err != nil || f.Type == waxseal.Directory {
			if err != nil && !mta.IsMissing(err) {
				r.Unreadable(p, "a part of the configuration of amavis", err.Error())
			}
			continue
		}
		if partName.MatchString(n) {
			list = append(list, p)
		} else {
			r.Part(p, waxseal.RoleUnused)
		}
	}
	return list
}

// named are the files that command lines give to amavisd: -c FILE, any number of times.
func (r *reader) named() (list []waxseal.Path) {
	for _, s := range r.options.Starts {
		program := path.Base(s.Argv[0])
		if !s.Active || program != "amavisd" && program != "amavisd-new" {
			continue
		}
		for i, word := range s.Argv[:len(s.Argv)-1] {
			if word == "-c" && path.IsAbs(s.Argv[i+1]) {
				list = append(list, mta.Clean(s.Argv[i+1]))
			}
		}
		if len(list) > 0 {
			return list
		}
	}
	return nil
}

// maxIncludes bounds files that include files; amavisd stops at 100.
const maxIncludes = 100

// file reads one file where amavisd would.
func (r *reader) file(p waxseal.Path) {
	if r.reading >= maxIncludes || r.read[p] {
		if !r.read[p] || r.reading >= maxIncludes {
			r.Problem(p, 0, "files include files too deep: what is in this one is not read")
		}
		return
	}
	text, ok := r.Read(p, "the configuration of amavis")
	if !ok {
		return
	}
	r.read[p] = true
	r.config = append(r.config, p)
	outer := r.at
	r.at = p
	r.reading++
	_, rest := r.env.Run(text)
	r.reading--
	r.at = outer
	r.code(p, text, rest)
}

// call follows what a file has amavisd read.
func (r *reader) call(name string, args []calls.Value, line int) bool {
	switch name {
	case "include_config_files", "include_optional_config_files", "do", "require":
		for _, a := range args {
			if a.Sort != calls.Scalar || !path.IsAbs(a.Text) {
				return false
			}
			r.include(mta.Clean(a.Text), line, name)
		}
		return len(args) > 0
	case "read_l10n_templates", "dkim_key":
		return false // it stands as code
	}
	return false
}

func (r *reader) include(p waxseal.Path, line int, by string) {
	h := waxseal.Hook{ID: waxseal.HookID(string(MTA) + ":" + string(r.at) + ":" + by + ":" + string(p)), Kind: waxseal.KindScript, Stage: waxseal.StageData, Effects: executes, Scope: everything,
		Active: true, Source: waxseal.Source{Path: r.at, Line: line}, Directive: "include_config_files", RunsAs: r.user, Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(p)},
		Closure: []waxseal.Part{{Path: p, Role: waxseal.RoleConfig}}}
	h.Explain = "amavis reads more of its configuration, which is Perl, from " + mta.Clip(string(p)) + " (" + by + " in " + string(r.at) + ")."
	r.Emit(h)
	r.file(p)
}

// everything is the scope of what meets all mail.
const everything = "all mail that is handed to amavis"

// ownDomains are those that the configuration calls local: $mydomain,
// @local_domains_acl, @local_domains_maps (README.lookups).
func (r *reader) ownDomains() []string {
	own := mta.NewDomains()
	own.Add(r.env.Variables["$mydomain"].Text)
	for _, n := range []string{"@local_domains_acl", "@local_domains_maps", "%local_domains"} {
		addDomains(own, r.env.Variables[n], 0)
	}
	return own.List()
}

func addDomains(own mta.Domains, v calls.Value, depth int) {
	if depth > 8 {
		return
	}
	for i, item := range v.Items {
		switch {
		case item.Sort == calls.Scalar && (v.Sort == calls.List || i%2 == 0):
			own.Add(item.Text)
		case item.Sort == calls.List || item.Sort == calls.Hash:
			addDomains(own, item, depth+1)
		}
	}
}
