package postconf

import (
	"regexp"
	"slices"
	"strings"

	"waxseal"
)

// Version says which Postfix reads a configuration, and how that is known.
type Version struct {
	// Number is as it was found: "3.7.11-0+deb12u1", "3.7.11".
	Number string
	Vendor Vendor
	// From says where the number was found: "the package database"; "" where it is
	// assumed.
	From string
}

// Assumed is the version that a tree is read with where nothing tells.
const Assumed = "3.7.11"

// Problem says what is doubtful about the version; "" where nothing is.
func (v Version) Problem() string {
	switch {
	case v.From == "":
		return "nothing tells the version of Postfix: the defaults of " + Assumed + " are assumed"
	case !known(v.upstream()):
		return "the defaults of Postfix " + Clip(v.Number) + " (" + v.From + ") are not known: those of the nearest version from " +
			Oldest + " to " + Newest + " are assumed"
	}
	return ""
}

// since reports whether the version is of that minor one or a newer one.
func (v Version) since(major, minor int) bool {
	return slices.Compare(numbers(v.upstream()), []int{major, minor}) >= 0
}

// upstream is the number without what a package adds; snapshots are called
// 3.12-20260101 by Postfix itself.
func (v Version) upstream() string {
	number := v.Number[strings.IndexByte(v.Number, ':')+1:]
	if strings.Count(number, ".") > 1 {
		number, _, _ = strings.Cut(number, "-")
	}
	return number
}

// Packaged is a version from a package database. Debian's have an epoch and
// revision, which are no part of Postfix's own number.
func Packaged(number string, vendor Vendor) Version {
	return Version{Number: number, Vendor: vendor, From: "the package database"}
}

const (
	maxPackageList = 256 << 20
	maxBinary      = 16 << 20
)

// Installed is the version that dpkg's database knows; it has no Number where there
// is none.
func Installed(tree waxseal.Tree) (v Version) {
	if number := dpkgVersion(tree); number != "" {
		return Packaged(number, Debian)
	}
	return v
}

// FindVersion looks for the version in the programs of Postfix, then in main.cf:
// for where no package database has it.
func FindVersion(tree waxseal.Tree, main Main) Version {
	v := Version{Vendor: findVendor(tree)}
	for _, p := range programs {
		if number := binaryVersion(tree, p); number != "" {
			v.Number, v.From = number, "the program "+string(p)
			return v
		}
	}
	if set, ok := main.Set["mail_version"]; ok && versionNumber.MatchString(set.Raw) {
		v.Number, v.From = set.Raw, "mail_version in main.cf"
		return v
	}
	v.Number = Assumed
	if v.Vendor == Upstream {
		v.Vendor = Debian
	}
	return v
}

// findVendor tells by where the package puts its files.
func findVendor(tree waxseal.Tree) Vendor {
	for _, at := range []struct {
		path   waxseal.Path
		vendor Vendor
	}{
		{"/usr/lib/postfix/sbin/master", Debian},
		{"/usr/lib/postfix/master", Debian},
		{"/usr/libexec/postfix/master", RedHat},
	} {
		if _, err := tree.Lstat(at.path); err == nil {
			if at.vendor == RedHat && !isRPM(tree) {
				return Upstream
			}
			return at.vendor
		}
	}
	return Upstream
}

func isRPM(tree waxseal.Tree) bool {
	for _, p := range []waxseal.Path{"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/etc/redhat-release"} {
		if _, err := tree.Lstat(p); err == nil {
			return true
		}
	}
	return false
}

// dpkgVersion is that of the installed package postfix in dpkg's status file.
func dpkgVersion(tree waxseal.Tree) string {
	content, err := tree.ReadFile("/var/lib/dpkg/status", maxPackageList)
	if err != nil {
		return ""
	}
	_, stanza, ok := strings.Cut("\n"+string(content), "\nPackage: postfix\n")
	if !ok {
		return ""
	}
	stanza, _, _ = strings.Cut("\n"+stanza, "\n\n")
	if _, status, ok := strings.Cut(stanza, "\nStatus: "); ok {
		if status, _, _ = strings.Cut(status, "\n"); !strings.HasSuffix(status, " installed") {
			return ""
		}
	}
	_, version, ok := strings.Cut(stanza, "\nVersion: ")
	if !ok {
		return ""
	}
	version, _, _ = strings.Cut(version, "\n")
	return strings.TrimSpace(version)
}

// programs have the version as text in them: the library of a shared build, or
// each program of a static one.
var programs = []waxseal.Path{
	"/usr/lib/postfix/libpostfix-global.so", "/usr/lib64/postfix/libpostfix-global.so", "/usr/lib/postfix/libpostfix-global.so.1",
	"/usr/sbin/postconf", "/usr/local/sbin/postconf", "/usr/lib/postfix/sbin/master", "/usr/libexec/postfix/master",
}

var versionNumber = regexp.MustCompile(`^[23]\.[0-9]{1,2}(\.[0-9]{1,3}|-[0-9]{8})`)

// binaryVersion looks for mail_version=N, which MAIL_VERSION_STAMP puts into
// each program, "to fingerprint executables and core dumps".
func binaryVersion(tree waxseal.Tree, p waxseal.Path) string {
	content, err := tree.ReadFile(p, maxBinary)
	if err != nil {
		return ""
	}
	const stamp = "mail_version="
	text := string(content)
	for {
		_, rest, ok := strings.Cut(text, stamp)
		if !ok {
			return ""
		}
		if number := versionNumber.FindString(rest); number != "" {
			return number
		}
		text = rest
	}
}
