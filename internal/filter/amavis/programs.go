package amavis

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/calls"
	"waxseal/internal/mta"
)

// scanners emits a hook for each virus scanner (amavisd.conf-default "@av_scanners"): a
// name, then a routine with the sockets that it asks, or the names of a command with
// its arguments.
func scanners(u use) {
	for n, entry := range u.value.Items {
		if entry.Sort != calls.List || len(entry.Items) < 2 {
			continue
		}
		title, how := entry.Items[0].Text, entry.Items[1]
		at := title
		if at == "" {
			at = strconv.Itoa(n + 1)
		}
		one := u
		one.source.Line = cmp.Or(how.Line, u.source.Line)
		switch {
		case how.Sort == calls.Routine:
			one.asks(at, entry.Items[2:])
		case how.Sort == calls.Scalar || how.Sort == calls.List:
			one.runsScanner(at, scalars(how), argumentsOf(entry.Items[2:]))
		}
	}
}

func argumentsOf(items []calls.Value) string {
	if len(items) == 0 {
		return ""
	}
	return strings.Join(scalars(items[0]), " ")
}

// asks emits hooks for the sockets that a scanner listens on.
func (u use) asks(title string, items []calls.Value) {
	if len(items) == 0 {
		return
	}
	var sockets []string
	for _, v := range leaves(items[0], "", 0) {
		if s := v.Text; v.Sort == calls.Scalar && (strings.HasPrefix(s, "/") || isEndpoint(s)) {
			sockets = append(sockets, s)
		}
	}
	for n, s := range sockets {
		h := u.hook(title + ":" + place(n, ""))
		h.Kind, h.Effects = waxseal.KindPolicy, observes
		if strings.HasPrefix(s, "/") {
			target, part := mta.UnixSocket(mta.Clean(s))
			h.Target, h.Closure = target, []waxseal.Part{part}
		} else {
			host, port := mta.SplitHostPort(s)
			h.Target = mta.InetSocket(host, port)
		}
		if slices.Contains(scannerSockets, strings.Replace(s, "/var/run/", "/run/", 1)) {
			setModifier(&h, "documented_for", "a virus scanner of amavisd.conf-default")
		}
		h.Explain = "The virus scanner " + mta.Clip(title) + " at " + mta.Clip(s) + mta.Where(h.Target) + " gets " + h.Scope + u.written() + "."
		u.Emit(h)
	}
}

// scannerSockets are where amavisd.conf-default and Debian's 15-av_scanners have amavis
// ask virus scanners.
var scannerSockets = strings.Fields(`/run/sophie /run/trophie /run/clamav/clamd.ctl /run/clamav/clamd.sock /var/drweb/run/drwebd.sock /usr/local/drweb/run/drwebd.sock /run/avast4/mailscanner.sock /run/avast/scan.sock
	127.0.0.1:8127 127.0.0.1:55555 127.0.0.1:10200 127.0.0.1:10201 127.0.0.1:10202 127.0.0.1:10203 127.0.0.1:10204 127.0.0.1:3000 127.0.0.1:8448 127.0.0.1:3310`)

// isEndpoint reports whether a text is host:port.
func isEndpoint(s string) bool {
	host, port := mta.SplitHostPort(s)
	_, err := strconv.ParseUint(port, 10, 16)
	return err == nil && host != "" && !strings.ContainsAny(host, " \t\n{}/")
}

// runsScanner emits the hook for the command of a scanner. amavis takes the first of
// its names that is there, and leaves out a scanner without any.
func (u use) runsScanner(title string, programs []string, arguments string) {
	if len(programs) == 0 {
		return
	}
	program, there := u.find(programs)
	h := u.hook(title)
	h.Kind, h.Effects, h.RunsAs = waxseal.KindPipe, executes, u.user
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: strings.TrimSpace(program + " " + arguments)}
	h.Closure = u.CommandParts(mta.ShellWords(h.Target.Value))
	h.Explain = "The command " + mta.Clip(program) + " runs as a virus scanner on " + h.Scope + u.written() + "."
	if !there && (u.whole() || slices.ContainsFunc(programs, documentedScanner)) {
		mta.Inactive(&h, "no program of that name is there")
	}
	u.Emit(h)
}

// find looks for the first of some programs, in the directories of $path.
func (u use) find(programs []string) (string, bool) {
	dirs := strings.Split(cmp.Or(u.env.Variables["$path"].Text, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin:/usr/bin:/bin"), ":")
	for _, p := range programs {
		word, _, _ := strings.Cut(p, " ")
		if path.IsAbs(word) {
			if u.Exists(mta.Clean(word)) {
				return p, true
			}
			continue
		}
		for _, dir := range dirs {
			if full := mta.Clean(dir + "/" + word); path.IsAbs(dir) && u.Exists(full) {
				return string(full) + strings.TrimPrefix(p, word), true
			}
		}
	}
	return programs[0], false
}

// whole reports whether the tree has a system's programs: then one that is not there is
// really missing.
func (u use) whole() bool { return u.Exists("/usr/bin/env") || u.Exists("/bin/sh") }

// documentedScanners are the commands that amavisd.conf-default and Debian's
// 15-av_scanners offer.
var documentedScanners = strings.Fields(`aveclient avp kavdaemon AvpDaemonClient AvpTeamDream avpdc vascan antivir vexira csav cscmdline savsecls fsav inocucmd etrust-wrapper mks32 mks mksscan esets_cli nod32 nod32cli
	pavcl uvscan vbuster vbengcl vfind avastcmd avastlite ikarus bdscan bdc arcacmd arcacmd.static clamscan clamdscan fpscan f-prot f-prot.sh vscan drweb kav4fs-kavscanner kavscanner sweep savscan sophie trophie iscan avgscan avscan`)

func documentedScanner(program string) bool {
	word, _, _ := strings.Cut(program, " ")
	dir, name := path.Split(word)
	ordinary := dir == ""
	for _, d := range []string{"/usr/bin/", "/usr/sbin/", "/usr/local/", "/opt/", "/usr/lib/", "/etc/iscan/"} {
		ordinary = ordinary || strings.HasPrefix(dir, d)
	}
	return ordinary && !strings.Contains(dir, "/.") && slices.Contains(documentedScanners, name)
}

// ownPrograms are the names that Debian and amavisd.conf-default give to helpers.
var ownPrograms = strings.Fields(`file altermime gzip gunzip bzip2 bunzip2 lzop rpm2cpio.pl rpm2cpio cabextract uncompress zcat unfreeze freeze melt fcat nomarch arc arj unarj unrar-free rar unrar zoo unzoo lha
	pax cpio gcpio ar ripole tnef dspam unstuff 7z 7za 7zr lzma xz xzdec unlzma lrzip lz4c lzopdec rpm2cpio unstuff d`)

// helper emits a hook for a program that is not one of the usual names.
func helper(u use) {
	for n, p := range scalars(u.value) {
		u.unusual(p, place(n, ""), "opens attachments of")
	}
}

func (u use) unusual(command, place, does string) {
	word, _, _ := strings.Cut(command, " ")
	if slices.Contains(ownPrograms, word) || slices.Contains(ownPrograms, path.Base(word)) && (strings.HasPrefix(word, "/usr/bin/") || strings.HasPrefix(word, "/bin/")) {
		return
	}
	h := u.hook(place)
	h.Kind, h.Effects, h.RunsAs = waxseal.KindPipe, executes, u.user
	h.Target = waxseal.Target{Type: waxseal.TargetCommand, Value: command}
	h.Closure = u.CommandParts(mta.ShellWords(command))
	h.Explain = "The command " + mta.Clip(command) + " " + does + " " + h.Scope + u.written() + "."
	u.Emit(h)
}

// decoders emits hooks for programs in @decoders that are not the usual ones.
func decoders(u use) {
	for n, entry := range u.value.Items {
		if entry.Sort != calls.List || len(entry.Items) < 3 {
			continue
		}
		for i, v := range leaves(calls.Value{Sort: calls.List, Items: entry.Items[2:]}, "", 0) {
			if v.Sort == calls.Scalar && v.Text != "" {
				u.unusual(v.Text, strconv.Itoa(n+1)+":"+strconv.Itoa(i+1), "opens attachments of")
			}
		}
	}
}

// spamScanners emits hooks for classes and commands that judge spam, SpamAssassin's own
// apart.
func spamScanners(u use) {
	for n, entry := range u.value.Items {
		if entry.Sort != calls.List || len(entry.Items) < 2 {
			continue
		}
		class, at := entry.Items[1].Text, place(n, entry.Items[0].Text)
		switch {
		case class == "Amavis::SpamControl::ExtProg" && len(entry.Items) > 2:
			if programs := scalars(entry.Items[2]); len(programs) > 0 {
				u.pipe(u.hook(at), strings.TrimSpace(programs[0]+" "+argumentsOf(entry.Items[3:])))
			}
		case !strings.HasPrefix(class, "Amavis::SpamControl::"):
			u.module(class, at)
		}
	}
}

// modules emits hooks for @additional_perl_modules: names of modules, or files.
func modules(u use) {
	for _, m := range scalars(u.value) {
		u.module(m, m)
	}
}

// perlDirs are where Debian's and Red Hat's perl look for modules (perl -V).
var perlDirs = []string{"/etc/perl", "/usr/local/share/perl5", "/usr/share/perl5", "/usr/share/perl5/vendor_perl", "/usr/lib64/perl5/vendor_perl"}

func (u use) module(name, place string) {
	h := u.hook(place)
	h.Kind, h.Effects, h.RunsAs = waxseal.KindModule, executes, u.user
	h.Target = waxseal.Target{Type: waxseal.TargetText, Value: name}
	files := []string{name}
	if !path.IsAbs(name) {
		files = nil
		for _, dir := range perlDirs {
			files = append(files, dir+"/"+strings.ReplaceAll(name, "::", "/")+".pm")
		}
	}
	for _, f := range files {
		if path.IsAbs(name) || u.Exists(mta.Clean(f)) {
			h.Target = waxseal.Target{Type: waxseal.TargetFile, Value: f}
			h.Closure = []waxseal.Part{{Path: mta.Clean(f), Role: waxseal.RoleLibrary}}
			break
		}
	}
	h.Explain = "amavis loads the Perl module " + mta.Clip(name) + u.written() + "."
	u.Emit(h)
}
