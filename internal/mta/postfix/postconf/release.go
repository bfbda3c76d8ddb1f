package postconf

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
)

//go:embed defaults.txt
var defaultsText string

//go:embed vendors.txt
var vendorsText string

// Release is what one version of Postfix has built in.
type Release struct {
	version  []int // major, minor, patch
	defaults map[string]string
	raw      map[string]bool
	legacy   map[string]bool
	suffixes []suffix            // of parameters that a service has
	tables   map[string][]string // table type to the suffixes of its parameters
	// elsewhere are the parameters of all versions.
	elsewhere map[string]bool
}

// suffix is the end of a parameter name such as smtp_time_limit, with its
// default.
type suffix struct{ name, value string }

// Vendor is who compiled Postfix: defaults of paths and table types are fixed at
// that time.
type Vendor string

// The vendors whose settings are known. Upstream is Postfix's own source with no
// settings; Red Hat stands for Fedora and the rebuilds too.
const (
	Upstream Vendor = ""
	Debian   Vendor = "debian"
	RedHat   Vendor = "redhat"
)

// Oldest and Newest are the minor versions whose defaults are known, with all
// between them.
const (
	Oldest = "2.11"
	Newest = "3.11"
)

// NewRelease gives what a version such as "3.7.11" has built in; of a version
// that is older than Oldest or newer than Newest, what the nearest known one has.
func NewRelease(version string, vendor Vendor) *Release {
	r := &Release{
		version: numbers(version), defaults: map[string]string{}, raw: map[string]bool{}, legacy: map[string]bool{},
		tables: map[string][]string{}, elsewhere: map[string]bool{},
	}
	if oldest := numbers(Oldest + ".0"); slices.Compare(r.version, oldest) < 0 {
		r.version = oldest
	}
	for line := range strings.Lines(defaultsText) {
		r.add(line)
	}
	if vendor != Upstream {
		for line := range strings.Lines(vendorsText) {
			if rest, ok := strings.CutPrefix(line, string(vendor)+" "); ok {
				r.add("default " + rest)
			}
		}
	}
	return r
}

// Releases remembers releases, which take as long to make as a configuration to read.
type Releases map[string]*Release

// of gives the release of a version.
func (known Releases) of(v Version) *Release {
	name := string(v.Vendor) + " " + v.upstream()
	if r := known[name]; r != nil {
		return r
	}
	r := NewRelease(v.upstream(), v.Vendor)
	if known != nil {
		if len(known) > 16 { // there are no more on one host
			clear(known)
		}
		known[name] = r
	}
	return r
}

// known reports whether the defaults of a version are known.
func known(version string) bool {
	v := numbers(version)[:2]
	return slices.Compare(v, numbers(Oldest)[:2]) >= 0 && slices.Compare(v, numbers(Newest)[:2]) <= 0
}

// anyPatch is the patch level of a version that does not tell: the last one.
const anyPatch = 1 << 20

// numbers gives major, minor and patch level of a version.
func numbers(version string) []int {
	out := []int{0, 0, anyPatch}
	for i, part := range strings.SplitN(version, ".", len(out)) {
		end := 0
		for end < len(part) && part[end] >= '0' && part[end] <= '9' && end < 9 {
			end++
		}
		if n, err := strconv.Atoi(part[:end]); err == nil {
			out[i] = n
		}
	}
	return out
}

// since reports whether the release is of that minor version or a newer one.
func (r *Release) since(major, minor int) bool {
	return slices.Compare(r.version, []int{major, minor}) >= 0
}

// add takes one line of a table: KIND NAME [FROM,BEFORE) = VALUE.
func (r *Release) add(line string) {
	head, value, ok := strings.Cut(strings.TrimSpace(line), " =")
	f := strings.Fields(head)
	if !ok || len(f) < 2 || f[0] == "#" {
		return
	}
	r.elsewhere[f[1]] = r.elsewhere[f[1]] || f[0] == "default" || f[0] == "legacy"
	if len(f) == 3 && !r.within(f[2]) {
		return
	}
	name := f[1]
	value = strings.TrimSpace(value)
	switch f[0] {
	case "default":
		r.defaults[name] = value
	case "raw":
		r.raw[name] = true
	case "legacy":
		r.legacy[name] = true
	case "service":
		r.suffixes = append(r.suffixes, suffix{name, value})
	default:
		r.tables[f[0]] = append(r.tables[f[0]], name)
	}
}

// within reads "[3.0.0,3.5.9)", "[,3.5.9)" and "[3.6.0,)".
func (r *Release) within(span string) bool {
	from, before, _ := strings.Cut(strings.Trim(span, "[)"), ",")
	return (from == "" || slices.Compare(numbers(from), r.version) <= 0) &&
		(before == "" || slices.Compare(r.version, numbers(before)) < 0)
}

// readOnly are the parameters that each program sets itself; what main.cf and
// master.cf say about them is ignored.
func (r *Release) readOnly(name string) bool {
	switch name {
	case "process_id", "process_name":
		return true
	case "service_name":
		return r.since(3, 3) && !r.since(3, 11)
	}
	return false
}

// perService are the programs whose services have parameters of their own, by
// name (postconf_service.c).
var perService = map[string]bool{
	"local": true, "error": true, "virtual": true, "smtp": true, "lmtp": true, "pipe": true, "spawn": true,
}

const timeLimit = "_time_limit"

// has reports whether a service of the program has parameters with the suffix.
func (x suffix) has(program string) bool {
	switch program {
	case "pipe":
		return true
	case "spawn":
		return x.name == timeLimit
	}
	return perService[program] && x.name != timeLimit
}
