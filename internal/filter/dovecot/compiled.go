package dovecot

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/mta"
)

// compiled finds the binary that Dovecot uses of a script: the one beside it, or
// beside the file that it is a link to, which is not older than either
// (sieve_file_script_binary_open of Pigeonhole).
func (i *interpreter) compiled(p waxseal.Path) (bin waxseal.Path, newer, ok bool) {
	f, err := i.Tree.Stat(p)
	if err != nil {
		return "", false, false
	}
	for _, source := range []waxseal.Path{p, cmp.Or(f.Resolved, p)} {
		bin := waxseal.Path(strings.TrimSuffix(string(source), path.Ext(path.Base(string(source)))) + ".svbin")
		if path.Base(string(source)) == ".sieve" {
			continue
		}
		if b, err := i.Tree.Stat(bin); err == nil && b.Type == waxseal.Regular {
			return bin, !b.ModTime.Before(f.ModTime), true
		}
	}
	return "", false, false
}

var address = regexp.MustCompile(`[A-Za-z0-9._%+=-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)

// drift compares what Dovecot has compiled with the script: a binary that is not
// older is what runs, whatever the script says. Its code is not read; an address
// in it that the script lacks tells enough.
func (a acting) drift() {
	bin, newer, ok := a.compiled(a.script.path)
	if !ok || !newer {
		return
	}
	content, err := a.Tree.ReadFile(bin, maxScript)
	if err != nil {
		a.Unreadable(bin, "a compiled Sieve script", err.Error())
		return
	}
	source := strings.ToLower(a.text)
	seen := map[string]bool{}
	for _, found := range address.FindAllString(string(content), 100) {
		if seen[found] || hasAddress(source, strings.ToLower(found)) {
			continue
		}
		seen[found] = true
		h := waxseal.Hook{
			ID: a.id(a.conf.Root, a.script.name, "svbin", itoa(len(seen))), Kind: waxseal.KindRedirect, Stage: waxseal.StageDeliver, Effects: []waxseal.Effect{waxseal.Observe, waxseal.Divert},
			Directive: "svbin", Scope: a.script.scope, Active: true, RunsAs: a.script.user.name, Source: waxseal.Source{Path: bin}, Closure: slices.Clone(a.parts), Target: a.domains.Address(found),
		}
		mta.Modify(&h, "drift", "the compiled script "+string(bin)+" names "+found+", and the script does not")
		h.Explain = "What Dovecot runs for " + a.script.scope + " is the compiled script " + string(bin) + ", which names " + found + mta.Where(h.Target) + "; the script beside it does not."
		if a.script.inactive != "" && a.noSieve() != "" {
			mta.Inactive(&h, a.script.inactive)
		}
		a.Emit(h)
	}
}

// hasAddress also takes the end of a longer match: in a binary a byte of the
// length may stand before it and look like a letter.
func hasAddress(source, found string) bool {
	for cut := 0; cut < 3 && cut < len(found); cut++ {
		if strings.Contains(source, found[cut:]) {
			return true
		}
	}
	return false
}
