package postconf

import (
	"io/fs"
	"strings"
	"testing"

	"waxseal"
)

// files is a tree of paths and contents.
type files map[waxseal.Path]string

func (f files) ReadFile(p waxseal.Path, limit int64) ([]byte, error) {
	text, ok := f[p]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (f files) Lstat(p waxseal.Path) (waxseal.File, error) {
	if _, ok := f[p]; !ok {
		return waxseal.File{}, fs.ErrNotExist
	}
	return waxseal.File{Path: p, Type: waxseal.Regular}, nil
}

func (f files) Stat(p waxseal.Path) (waxseal.File, error)   { return f.Lstat(p) }
func (f files) Digest(waxseal.Path) (waxseal.Digest, error) { return "", fs.ErrNotExist }
func (f files) ReadDir(waxseal.Path) ([]string, error)      { return nil, fs.ErrNotExist }

func TestFindVersion(t *testing.T) {
	const status = "Package: postfix\nStatus: install ok installed\nVersion: 3.10.5-1+deb13u1\n\nPackage: x\nVersion: 1\n"
	for _, tc := range []struct {
		name    string
		tree    files
		main    string
		number  string
		vendor  Vendor
		from    string
		doubted string
	}{
		{"dpkg", files{"/var/lib/dpkg/status": status}, "mail_version = 1\n", "3.10.5-1+deb13u1", Debian, "the package database", ""},
		{"removed", files{"/var/lib/dpkg/status": strings.Replace(status, "install ok installed", "deinstall ok config-files", 1)}, "", Assumed, Debian, "", "assumed"},
		{"a library", files{"/usr/lib/postfix/libpostfix-global.so": "\x7fELF\x00%s mail_version=\x00mail_version=3.8.6\x00", "/usr/lib/postfix/sbin/master": ""}, "", "3.8.6", Debian, "the program /usr/lib/postfix/libpostfix-global.so", ""},
		{"a program of RHEL", files{"/usr/libexec/postfix/master": "", "/var/lib/rpm": "", "/usr/sbin/postconf": "mail_version=3.5.25\x00"}, "", "3.5.25", RedHat, "the program /usr/sbin/postconf", ""},
		{"a program of nobody's", files{"/usr/libexec/postfix/master": "mail_version=3.12-20260101\x00"}, "", "3.12-20260101", Upstream, "the program /usr/libexec/postfix/master", "not known"},
		{"main.cf", files{}, "mail_version = 3.4.0\n", "3.4.0", Upstream, "mail_version in main.cf", ""},
		{"main.cf lies", files{}, "mail_version = $x\n", Assumed, Debian, "", "assumed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, _ := ParseMain("/m", tc.main)
			v := Installed(tc.tree)
			if v.Number == "" {
				v = FindVersion(tc.tree, m)
			}
			if v.Number != tc.number || v.Vendor != tc.vendor || v.From != tc.from {
				t.Errorf("%+v", v)
			}
			if doubt := v.Problem(); !strings.Contains(doubt, tc.doubted) || (doubt == "") != (tc.doubted == "") {
				t.Errorf("doubt %q", doubt)
			}
		})
	}
}

// TestDefaultsByRelease spot-checks the generated table against postconf(5) and
// the announcements of the releases.
func TestDefaultsByRelease(t *testing.T) {
	for _, tc := range []struct {
		version string
		vendor  Vendor
		name    string
		want    string
		known   bool
	}{
		{"2.11.3", Debian, "daemon_directory", "/usr/lib/postfix", true},
		{"2.11.3", Upstream, "compatibility_level", "", false},
		{"3.7.11-0+deb12u1", Debian, "daemon_directory", "/usr/lib/postfix/sbin", true},
		{"3.7.11", Debian, "milter_default_action", "tempfail", true},
		{"2:3.5.25-1.el9", RedHat, "daemon_directory", "/usr/libexec/postfix", true},
		{"3.5.25", RedHat, "respectful_logging", "", false},
		{"3.6.4", Upstream, "smtpd_forbid_bare_newline", "", false},
		{"3.8.4", Upstream, "smtpd_forbid_bare_newline", "no", true},
		{"3.9.0", Upstream, "smtpd_forbid_bare_newline", "normalize", true},
		{"3.2.5", Upstream, "smtputf8_enable", "${{$compatibility_level} < {1} ? {no} : {yes}}", true},
		{"3.11.2", Upstream, "alias_database", "$default_database_type:/etc/aliases", true},
		{"3.12-20260101", Upstream, "default_cache_db_type", "btree", true},
		{"1.0", Upstream, "relay_domains", "$mydestination", true},
	} {
		t.Run(tc.version+" "+tc.name, func(t *testing.T) {
			c := New(Main{}, Master{}, Facts{Version: Version{Number: tc.version, Vendor: tc.vendor}})
			if got, known := c.View(nil).Standard(tc.name); got != tc.want || known != tc.known {
				t.Errorf("%q, known %v", got, known)
			}
		})
	}
}
