// Package milters reads the mail filters that are written in C: OpenDKIM, OpenDMARC,
// ClamAV's milter with the scanner and the updater behind it, milter-greylist and
// milter-regex. Mail systems hand them every message, and they may reject, drop, copy
// and change it, and run programs.
//
// Their languages are those of internal/filter/milters/milterconf. Lua scripts are
// never run: what calls in them do is looked for. Whether a mail system leads mail to
// a filter is not asked here: internal/mailpath joins the two by sockets.
package milters

import (
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/filter/milters/milterconf"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
)

// The names under which the filters appear in stacks and hooks.
const (
	OpenDKIM   waxseal.StackName = "opendkim"
	OpenDMARC  waxseal.StackName = "opendmarc"
	ClamMilter waxseal.StackName = "clamav-milter"
	Clamd      waxseal.StackName = "clamd"
	Freshclam  waxseal.StackName = "freshclam"
	Greylist   waxseal.StackName = "milter-greylist"
	Regex      waxseal.StackName = "milter-regex"
)

// kind is one of the filters.
type kind struct {
	stack waxseal.StackName
	title string
	// files are where its configuration is looked for. Others are named where it is
	// started, by one of these options.
	files  []waxseal.Path
	config []string
	// takes are its options of one letter that take an argument, for getopt(3).
	takes  string
	daemon []waxseal.Path
	// packages bring it.
	packages []string
	read     func(*filter)
}

func kinds() []kind {
	return []kind{
		{OpenDKIM, "OpenDKIM", []waxseal.Path{"/etc/opendkim.conf", "/etc/opendkim/opendkim.conf", "/etc/mail/opendkim.conf"}, []string{"x"}, "bcdeFkLopPsStTux",
			[]waxseal.Path{"/usr/sbin/opendkim", "/usr/local/sbin/opendkim"}, []string{"opendkim"}, openDKIM},
		{OpenDMARC, "OpenDMARC", []waxseal.Path{"/etc/opendmarc.conf", "/etc/opendmarc/opendmarc.conf", "/etc/mail/opendmarc.conf"}, []string{"c"}, "cpPtu",
			[]waxseal.Path{"/usr/sbin/opendmarc", "/usr/local/sbin/opendmarc"}, []string{"opendmarc"}, openDMARC},
		{ClamMilter, "clamav-milter", []waxseal.Path{"/etc/clamav/clamav-milter.conf", "/etc/mail/clamav-milter.conf", "/etc/clamav-milter.conf"}, []string{"c", "config-file"}, "c",
			[]waxseal.Path{"/usr/sbin/clamav-milter", "/usr/local/sbin/clamav-milter"}, []string{"clamav-milter"}, clamMilter},
		{Clamd, "ClamAV", []waxseal.Path{"/etc/clamav/clamd.conf", "/etc/clamd.conf"}, []string{"c", "config-file"}, "c",
			[]waxseal.Path{"/usr/sbin/clamd", "/usr/local/sbin/clamd"}, []string{"clamav-daemon", "clamd"}, clamd},
		{Freshclam, "freshclam", []waxseal.Path{"/etc/clamav/freshclam.conf", "/etc/freshclam.conf"}, []string{"config-file"}, "lpu",
			[]waxseal.Path{"/usr/bin/freshclam", "/usr/local/bin/freshclam"}, []string{"clamav-freshclam", "clamav-update"}, freshclam},
		{Greylist, "milter-greylist", []waxseal.Path{"/etc/mail/greylist.conf", "/etc/milter-greylist/greylist.conf"}, []string{"f"}, "adfLMpPuwr",
			[]waxseal.Path{"/usr/sbin/milter-greylist", "/usr/local/bin/milter-greylist"}, []string{"milter-greylist"}, greylist},
		{Regex, "milter-regex", []waxseal.Path{"/etc/milter-regex.conf", "/etc/mail/milter-regex.conf"}, []string{"c"}, "cfjlmpruGPU",
			[]waxseal.Path{"/usr/sbin/milter-regex", "/usr/local/sbin/milter-regex", "/usr/libexec/milter-regex"}, []string{"milter-regex"}, regex},
	}
}

// Read reads all of them.
func Read(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	var found mta.Result
	for _, k := range kinds() {
		found.Join(k.result(tree, m, o))
	}
	return found
}

// result reads one filter: each of its configurations is an instance.
func (k kind) result(tree waxseal.Tree, m *mask.Masker, o mta.Options) mta.Result {
	b := mta.NewBook(k.stack, tree, m)
	var services []mta.Service
	for _, i := range k.instances(b, o) {
		f := &filter{Book: b, kind: k, instance: i, options: o, domains: mta.NewDomains(o.Domains...)}
		f.hostDomains()
		f.asleep = f.idle()
		f.elsewhere()
		k.read(f)
		if !f.there {
			f.nothingThere()
			continue
		}
		f.beside()
		b.AddStack(waxseal.Stack{MTA: k.stack, Version: o.Version(k.packages...), Instance: f.name(), Config: f.config, Domains: f.domains.List()})
		services = append(services, f.service())
	}
	r := b.Result()
	r.Hooks = mta.InMailOrder(r.Hooks)
	if len(r.Stacks) > 0 {
		r.Services = services
	}
	return r
}

// filter is the reading of one configuration.
type filter struct {
	*mta.Book
	kind
	instance
	options mta.Options
	domains mta.Domains
	config  []waxseal.Path
	there   bool
	user    string
	sockets []string
	uses    []waxseal.StackName
	// asleep is why nothing in the configuration takes effect, "" where it does.
	asleep string
}

// nothingThere tells of a configuration that something names and that is not there.
func (f *filter) nothingThere() {
	for _, s := range f.starts {
		if f.name() != "" && s.Active {
			f.Problem(s.Source.Path, s.Source.Line, f.title+" is started with "+string(f.main)+", and there is no such file")
		}
	}
}

// name tells instances apart: only one that is not where it belongs needs a name.
func (f *filter) name() string {
	if slices.Contains(f.files, f.main) {
		return ""
	}
	return string(f.main)
}

// text reads a file of the configuration; secret says whether it holds a password.
func (f *filter) text(p waxseal.Path, secret func(text string) bool) (string, bool) {
	text, ok := f.ReadUpTo(p, "the configuration of "+f.title, maxConfig)
	f.there = f.there || ok || f.Exists(p)
	if !ok {
		return "", false
	}
	if !slices.Contains(f.config, p) {
		f.config = append(f.config, p)
	}
	role := waxseal.RoleConfig
	switch {
	case secret(text):
		role = waxseal.RoleSecret
	case f.stack == Freshclam:
		// Debian gives it to the account that freshclam runs as: whoever has that
		// account gains nothing by it.
		role = waxseal.RoleInclude
	}
	f.Part(p, role)
	return text, true
}

// maxConfig bounds one file: these are some hundred lines long.
const maxConfig = 2 << 20

// hook begins a hook for a line. Where several have one name, the book numbers them.
func (f *filter) hook(e milterconf.Entry) waxseal.Hook {
	return waxseal.Hook{ID: waxseal.HookID(string(f.stack) + ":" + string(f.main) + ":" + e.Name), Stage: waxseal.StageData, Active: true, Directive: e.Name, Source: e.Source,
		Scope: "all mail that is handed to " + f.title, RunsAs: f.user, LoadedBy: []string{path.Base(string(f.kind.daemon[0]))}}
}

// emit writes a hook down, at rest where all of its configuration is.
func (f *filter) emit(h waxseal.Hook) {
	if f.asleep != "" {
		mta.Inactive(&h, f.asleep)
	}
	f.Emit(h)
}

// where names the line for a sentence.
func where(h waxseal.Hook) string {
	return " (" + h.Directive + " in " + string(h.Source.Path) + ")."
}

// hostDomains makes the name of the host, and the domain that it is in, own.
func (f *filter) hostDomains() {
	for _, p := range []waxseal.Path{"/etc/mailname", "/etc/hostname"} {
		content, err := f.Tree.ReadFile(p, 4096)
		if err != nil {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimSpace(string(content)), "\n")
		if name == "localhost" || strings.HasPrefix(name, "localhost.") {
			continue
		}
		f.domains.Add(name)
		if _, parent, ok := strings.Cut(name, "."); ok && strings.Contains(parent, ".") {
			f.domains.Add(parent)
		}
	}
}

// own are directories where only these filters have their files.
var own = []string{"/etc/opendkim", "/etc/opendmarc", "/etc/clamav", "/etc/clamd.d", "/etc/milter-greylist"}

// beside notes what lies beside the configuration and is not read.
func (f *filter) beside() {
	done := map[string]bool{}
	for _, p := range f.config {
		dir := path.Dir(string(p))
		if done[dir] || !slices.Contains(own, dir) {
			continue
		}
		done[dir] = true
		for _, name := range names(f.Book, waxseal.Path(dir)) {
			p := mta.Clean(dir + "/" + name)
			if st, err := f.Tree.Stat(p); err == nil && st.Type == waxseal.Regular && !f.isMain(p) {
				f.Part(p, roleBeside(st.Mode, path.Ext(name)))
			}
		}
	}
}

// roleBeside takes what not everybody may read for a key.
func roleBeside(mode uint32, ext string) waxseal.Role {
	if mode&0o004 == 0 || ext == ".pem" || ext == ".key" || ext == ".private" {
		return waxseal.RoleSecret
	}
	return waxseal.RoleUnused
}

// isMain reports whether a file is the configuration of one of the filters.
func (f *filter) isMain(p waxseal.Path) bool {
	return slices.ContainsFunc(kinds(), func(k kind) bool { return slices.Contains(k.files, p) }) || slices.Contains(f.config, p)
}

const mostNames = 2_000

// names are those in a directory, as far as they are looked at.
func names(b *mta.Book, dir waxseal.Path) []string {
	list, err := b.Tree.ReadDir(dir)
	if err != nil && !mta.IsMissing(err) {
		b.AddProblems([]waxseal.Problem{{Path: dir, Message: "the directory can't be listed: " + err.Error(), Unreadable: true}})
	}
	if len(list) > mostNames {
		b.AddProblems([]waxseal.Problem{{Path: dir, Message: "more files than are looked at", Unreadable: true}})
		list = list[:mostNames]
	}
	return list
}
