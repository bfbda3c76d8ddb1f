package parcel

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"waxseal"
)

// ships reports whether a file is now as the archive has it; else it says how not.
func (a Archive) ships(ch waxseal.Change) (fits bool, why string) {
	e, ok := a.entry(ch.Path)
	now := ch.After
	switch {
	case now == nil:
		return false, "only what it means is other now"
	case now.Missing:
		return !ok, "the package ships it, and it is gone"
	case !ok:
		return false, "the package does not ship it"
	case e.Link != now.Link:
		return false, pick(e.Link == "", "it is a link now, and the package ships a file", "it leads elsewhere than the package says")
	case e.Link != "" && now.Type == waxseal.Symlink:
		return true, ""
	case e.Link != "":
		if e, ok = a.entry(now.Resolved); !ok {
			return false, "it leads to a file that the package does not ship"
		}
	}
	switch {
	case now.Keyed || now.Digest == "":
		return false, "whether the content is the package's is not known, since a secret may be in it"
	case now.Digest != e.SHA256:
		return false, "the content is not the one that the package ships"
	}
	why = widened(ch, e)
	return why == "", why
}

// widened says what a change lets somebody do with a file that neither its package nor its
// owner and mode before let them. No package ships extended attributes or flags: what
// sets capabilities, an ACL or "immutable" is a script.
func widened(ch waxseal.Change, shipped Entry) string {
	now, was := ch.After, waxseal.File{UID: shipped.UID, GID: shipped.GID}
	if ch.Before != nil && !ch.Before.Missing {
		was = ch.Before.File
	}
	as := func(now, shipped, was uint32) bool {
		return now == 0 || now == was || now == shipped || shipped == waxseal.Unset
	}
	switch {
	case now.Mode&^shipped.Mode&^was.Mode&0o7777 != 0:
		return fmt.Sprintf("its mode is %04o, and the package ships %04o", now.Mode, shipped.Mode)
	case !as(now.UID, shipped.UID, was.UID):
		return fmt.Sprintf("it belongs to uid %d, and the package gives it to %d", now.UID, shipped.UID)
	case !as(now.GID, shipped.GID, was.GID):
		return fmt.Sprintf("it belongs to gid %d, and the package gives it to %d", now.GID, shipped.GID)
	case len(now.XAttrs) > 0 && !maps.Equal(now.XAttrs, was.XAttrs):
		return "its extended attributes are other than they were, which no package ships"
	case len(now.Flags) > 0 && !slices.Equal(now.Flags, was.Flags):
		return "its flags are other than they were, which no package ships"
	}
	return ""
}

func pick(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// entry finds a file under the name that it has now, or had before directories were
// merged into /usr.
func (a Archive) entry(p waxseal.Path) (Entry, bool) {
	if e, ok := a.Entries[p]; ok {
		return e, true
	}
	if rest, ok := strings.CutPrefix(string(p), "/usr/"); ok {
		e, ok := a.Entries[waxseal.Path("/"+rest)]
		return e, ok
	}
	e, ok := a.Entries["/usr"+p]
	return e, ok
}
