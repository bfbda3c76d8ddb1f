package permit

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"waxseal"
)

// supersede ends what the same source announced before, by the same key.
func (b *Book) supersede(p *Permit, at Moment) {
	if p.Source == nil {
		return
	}
	for _, id := range b.order {
		if o := b.permits[id]; o.Source != nil && o.Source.Name == p.Source.Name && o.Requester.Key == p.Requester.Key && o.Ended == nil {
			o.Ended, o.Superseded = &at, p.ID
		}
	}
}

// approveInAdvance approves an announcement that lies within a permit for whoever makes
// it, if the rules allow that.
func (b *Book) approveInAdvance(p *Permit, at Moment) error {
	u, ok := b.permits[p.Under]
	off := func(format string, args ...any) error {
		return fmt.Errorf("it can't be announced under permit %s: %s", p.Under, fmt.Sprintf(format, args...))
	}
	switch {
	case !b.rules.InAdvance:
		return off("the rules of this host want every announcement approved (permits.in_advance)")
	case !ok:
		return off("there is none")
	case u.State(at.Time) != Approved:
		return off("it is %s", u.State(at.Time))
	case u.Alone:
		return off("one person alone approved it")
	case !slices.Contains(u.Announcers, p.Requester.Key):
		return off("it is not for the key %s", p.Requester.Key)
	case len(p.Expect) == 0 || p.Scope.names():
		return off("it is for announced contents alone")
	case p.NotBefore.Before(u.NotBefore.Add(-clockSlack)) || p.NotAfter.After(u.NotAfter):
		return off("the window lies outside of its own")
	case len(u.Scope.Hosts) > 0 && (len(p.Scope.Hosts) == 0 || slices.ContainsFunc(p.Scope.Hosts, func(h waxseal.HostID) bool { return !slices.Contains(u.Scope.Hosts, h) })):
		return off("it is for other hosts")
	}
	for _, f := range slices.Sorted(maps.Keys(p.Expect)) {
		if !u.Scope.holds(f) {
			return off("%s is outside of its paths", f)
		}
	}
	p.Approver, p.Approved, p.InAdvance = u.Approver, &at, true
	return nil
}

// beside says what a change does beside bringing a content: an announcement is for that
// alone. A file of which somebody else may do more than before, or that is now a link
// elsewhere, is another state than the one that was announced.
func beside(ch waxseal.Change) string {
	now := ch.After
	switch {
	case now == nil || now.Missing:
		return ""
	case now.Type != "" && now.Type != waxseal.Regular:
		return fmt.Sprintf("it is a %s now", now.Type)
	case ch.Before == nil || ch.Before.Missing:
		if now.Mode&0o6002 != 0 {
			return fmt.Sprintf("its mode is %04o", now.Mode)
		}
		return linked(ch)
	}
	was := ch.Before
	more := now.Mode &^ was.Mode & 0o7777
	switch {
	case more != 0:
		return fmt.Sprintf("its mode went from %04o to %04o", was.Mode, now.Mode)
	case now.UID != was.UID || now.GID != was.GID:
		return fmt.Sprintf("it went from %d:%d to %d:%d", was.UID, was.GID, now.UID, now.GID)
	case !maps.Equal(now.XAttrs, was.XAttrs):
		return "its extended attributes changed"
	case !slices.Equal(now.Flags, was.Flags):
		return "its flags changed"
	}
	return linked(ch)
}

// linked says whether a name came to lead to the file from elsewhere, or it elsewhere.
func linked(ch waxseal.Change) string {
	was := waxseal.File{Links: 1}
	if ch.Before != nil && !ch.Before.Missing {
		was = ch.Before.File
	}
	switch now := ch.After; {
	case now.Link != was.Link:
		return "it is a link now"
	case ch.Before != nil && !ch.Before.Missing && now.Resolved != was.Resolved:
		return "links lead elsewhere now"
	case now.Links > max(was.Links, 1):
		return "it has another name beside (a hard link)"
	}
	return ""
}

// soundPath checks a path that a permit names: by which nothing else is meant than what is
// written there.
//
// One in a container has its name in front: "docker mail:/etc/postfix/main.cf".
func soundPath(p waxseal.Path) error {
	text := string(p)
	if engine, rest, ok := strings.Cut(text, ":/"); ok && !strings.HasPrefix(text, "/") && strings.Contains(engine, " ") {
		text = "/" + rest
	}
	name := strings.TrimSuffix(text, "/")
	switch {
	case text == "/":
		return errors.New("a permit can't be for all files of a host, or of a container")
	case !strings.HasPrefix(name, "/"):
		return fmt.Errorf("the path %q is not absolute", p)
	case strings.ContainsAny(name, "*?\x00\n"):
		return fmt.Errorf("%q is a pattern: a permit names files, and directories by a slash at the end", p)
	case path.Clean(name) != name:
		return fmt.Errorf("%q is another name for %q: name that", p, strings.TrimSuffix(string(p), text)+path.Clean(name))
	}
	return nil
}
