package surroundings

import "strings"

// Leftover reports whether a name is one that package managers give to what lies beside
// a file of a package: the half of an unpacking (dpkg(1)), the version that was not
// taken or was put aside (dpkg(1) --force-confdef, ucf(1), rpm(8)).
func Leftover(name string) bool {
	if i := strings.LastIndex(name, ".dpkg-"); i >= 0 {
		switch name[i+len(".dpkg-"):] {
		case "new", "tmp", "old", "dist", "bak", "del", "inst", "remove":
			return true
		}
	}
	for _, end := range []string{".ucf-old", ".ucf-new", ".ucf-dist", ".rpmnew", ".rpmsave", ".rpmorig"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// byRunParts is how run-parts(8) picks: on Debian, names of letters, digits, "-" and "_"
// alone; elsewhere all but copies of editors and of rpm.
func byRunParts(name string, debian bool) bool {
	if Leftover(name) || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ",v") || strings.HasSuffix(name, ".swp") {
		return false
	}
	return !debian || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == ""
}

// byDispatcher is how NetworkManager-dispatcher(8) picks: all but copies of editors and of
// package managers.
func byDispatcher(name string, _ bool) bool {
	return !Leftover(name) && !strings.HasSuffix(name, "~") && !strings.HasSuffix(name, ".swp") && !strings.HasPrefix(name, ".")
}

// byAnyName is how certbot picks: whatever may be executed is, but for copies of
// editors. What a package manager left there runs. networkd-dispatcher(8) and systemd-sleep
// pick with more care, and are taken to be alike.
func byAnyName(name string, _ bool) bool { return !strings.HasSuffix(name, "~") }
