package mailpath_test

import (
	"slices"
	"testing"

	"waxseal"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/snapshot"
)

// rspamd is a small server with a filter, a Perl module that it takes from elsewhere,
// and a package that has nothing to do with mail.
func rspamd() map[waxseal.Path]snapshot.Object {
	text := func(s string) snapshot.Object { return object(0, 0, 0o644, s) }
	return with(map[waxseal.Path]snapshot.Object{
		"/usr/bin/rspamd":                         object(0, 0, 0o755, "ELF"),
		"/usr/share/rspamd/plugins/a.lua":         text("a"),
		"/usr/share/doc/rspamd/copyright":         text("c"),
		"/usr/share/perl5/Net/DNS.pm":             text("1;"),
		"/usr/share/other/x.lua":                  text("x"),
		"/etc/rspamd/worker.inc":                  text("password = \"$2$geheim\";\n"),
		"/etc/rspamd/passwd":                      text("user:secret\n"),
		"/lib/rspamd/x.so":                        text("so"),
		"/var/lib/dpkg/info/rspamd.list":          text("/usr/bin/rspamd\n/usr/share/rspamd/plugins/a.lua\n/usr/share/rspamd/gone.lua\n/usr/share/doc/rspamd/copyright\n/etc/rspamd/worker.inc\n/lib/rspamd/x.so\n"),
		"/var/lib/dpkg/info/libnet-dns-perl.list": text("/usr/share/perl5/Net/DNS.pm\n"),
		"/var/lib/dpkg/info/other.list":           text("/usr/share/other/x.lua\n"),
		"/var/lib/dpkg/status": text("Package: rspamd\nStatus: install ok installed\nVersion: 1\nDepends: libnet-dns-perl, other\n\n" +
			"Package: libnet-dns-perl\nVersion: 1\n\nPackage: other\nVersion: 1\n"),
	})
}

func TestWhatMailPackagesBrought(t *testing.T) {
	s := mailpath.NewReader(mask.New([]byte("k"))).Read(snapshot.New(rspamd()))
	roles := map[waxseal.Path]waxseal.Role{}
	for _, f := range s.Files {
		if !f.Missing {
			roles[f.Path] = f.Role
		}
		if f.Role == waxseal.RoleModule && (f.Text != "" || f.Digest == "" || f.Package == "") {
			t.Errorf("%+v", f)
		}
		if f.Path == "/etc/rspamd/worker.inc" && (!f.Keyed || f.Text == "") {
			t.Errorf("settings with a password: keyed %t, text %q", f.Keyed, f.Text)
		}
	}
	for p, want := range map[waxseal.Path]waxseal.Role{
		"/usr/share/rspamd/plugins/a.lua": waxseal.RoleModule,
		"/usr/share/perl5/Net/DNS.pm":     waxseal.RoleModule,
		"/lib/rspamd/x.so":                waxseal.RoleModule,
		"/etc/rspamd/worker.inc":          waxseal.RoleFilterConfig,
		"/etc/rspamd/passwd":              waxseal.RoleSecret,
		"/usr/share/doc/rspamd/copyright": "",
		"/usr/share/rspamd/gone.lua":      "",
		"/usr/share/other/x.lua":          "",
	} {
		if roles[p] != want {
			t.Errorf("%s is %q, want %q", p, roles[p], want)
		}
	}
	names := []string{}
	for _, p := range s.Packages {
		names = append(names, p.Name)
	}
	if !slices.Contains(names, "libnet-dns-perl") || slices.Contains(names, "other") {
		t.Errorf("packages %v", names)
	}
}

// TestModulesAreReadAnew: what a reader remembers of a module holds until it changes,
// and no longer.
func TestModulesAreReadAnew(t *testing.T) {
	const p = waxseal.Path("/usr/share/rspamd/plugins/a.lua")
	r := mailpath.NewReader(mask.New([]byte("k")))
	digest := func(s waxseal.State) waxseal.Digest {
		for _, f := range s.Files {
			if f.Path == p {
				return f.Digest
			}
		}
		return ""
	}
	first := digest(r.Read(snapshot.New(rspamd())))
	objects := rspamd()
	objects[p] = object(0, 0, 0o644, "b")
	if second := digest(r.Read(snapshot.New(objects))); first == "" || second == "" || first == second {
		t.Errorf("%q, then %q", first, second)
	}
}
