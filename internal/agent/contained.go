package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/mailpath"
)

// The seal vouches for mail in containers too, each under the name that stays when it is
// made anew. What is there is held against the container of that name, whatever its number
// is now; a container that no seal knows, and one that is sealed and gone, is a change of
// its own, at NAME:/.

// AllDifferences are those of a host and of its containers.
func AllDifferences(before, after waxseal.State) []waxseal.Change {
	changes := Differences(before, after)
	for _, was := range before.Containers {
		now, there := containerIn(after, was.Name)
		switch {
		case !there:
			changes = append(changes, goneRoom(was))
		case now.Unread == "":
			for _, ch := range Differences(was.State, now.State) {
				ch = mailpath.ChangeWithin(was.Name, ch)
				if anew := sayAnew(was, now); anew != "" && ch.Severity != waxseal.None {
					ch.Reasons = append(slices.Clone(ch.Reasons), anew)
				}
				changes = append(changes, ch)
			}
		}
	}
	for _, now := range after.Containers {
		if _, known := containerIn(before, now.Name); !known && now.Unread == "" {
			changes = append(changes, newRoom(now))
		}
	}
	return changes
}

// sayAnew says that a container is another one than that which was sealed, "" where it is
// the same.
func sayAnew(was, now waxseal.Contained) string {
	if was.ID == now.ID && was.Image == now.Image {
		return ""
	}
	return madeAnew(Dwelling{ID: was.ID, Image: was.Image}, nameOf(now)) + " since it was sealed"
}

func nameOf(c waxseal.Contained) Dwelling {
	d := Dwelling{ID: c.ID, Image: c.Image}
	d.Name = c.Name
	return d
}

func containerIn(s waxseal.State, name string) (waxseal.Contained, bool) {
	i := slices.IndexFunc(s.Containers, func(c waxseal.Contained) bool { return c.Name == name })
	if i < 0 {
		return waxseal.Contained{}, false
	}
	return s.Containers[i], true
}

// sealedFile is the file of a change as a state has it, which may be in a container.
func sealedFile(s waxseal.State, ch waxseal.Change) (waxseal.FileState, bool) {
	if ch.Container == "" {
		return fileIn(s, ch.Path)
	}
	c, _ := containerIn(s, ch.Container)
	return fileIn(c.State, innerPath(ch.Container, ch.Path))
}

// roomPath is the place of a container itself.
func roomPath(name string) waxseal.Path { return mailpath.PathWithin(name, "/") }

// newRoom is the change that a container with mail is there for which no seal vouches. It
// weighs as much as the worst that is in it.
func newRoom(c waxseal.Contained) waxseal.Change {
	ch := roomChange(c, waxseal.Added)
	ch.AfterDigest = stateDigest(c.State)
	ch.Explain = fmt.Sprintf("Mail runs in %s (%s), for which no seal vouches: %d hooks.", described(c), stacksOf(c.State), len(c.State.Hooks))
	ch.Reasons = []string{"mail is handled in a container that is not sealed"}
	for _, f := range detect.Rank(c.State) {
		if f.Severity < waxseal.Medium {
			continue
		}
		ch.Severity = max(ch.Severity, f.Severity)
		i := slices.IndexFunc(c.State.Hooks, func(h waxseal.Hook) bool { return h.ID == f.Hook })
		if i >= 0 && len(ch.Hooks.Added) < maxRoomHooks {
			ch.Hooks.Added = append(ch.Hooks.Added, c.State.Hooks[i])
			ch.Reasons = append(ch.Reasons, f.Reasons...)
		}
	}
	explain := ch.Explain
	ch = mailpath.ChangeWithin(c.Name, ch)
	ch.Explain = explain
	return ch
}

// maxRoomHooks bounds the hooks that are listed of a container that is new.
const maxRoomHooks = 20

// goneRoom is the change that a sealed container is not there.
func goneRoom(c waxseal.Contained) waxseal.Change {
	ch := roomChange(c, waxseal.Removed)
	ch.BeforeDigest = stateDigest(c.State)
	explain := fmt.Sprintf("Mail in %s (%s) is sealed, and none of its daemons runs: whether its files are as they were is not known.", described(c), stacksOf(c.State))
	ch.Reasons = []string{"a sealed container with mail does not run: its mail is handled elsewhere, or not at all"}
	ch = mailpath.ChangeWithin(c.Name, ch)
	ch.Explain = explain
	return ch
}

func roomChange(c waxseal.Contained, kind waxseal.ChangeKind) waxseal.Change {
	ch := waxseal.Change{Path: "/", Kind: kind, Severity: waxseal.Medium, Attack: []waxseal.TechniqueID{}}
	ch.Hooks.Added, ch.Hooks.Removed, ch.Hooks.Changed = []waxseal.Hook{}, []waxseal.Hook{}, []waxseal.HookChange{}
	if len(c.State.Stacks) > 0 {
		ch.MTA = c.State.Stacks[0].MTA
	}
	return ch
}

func described(c waxseal.Contained) string {
	words := c.Name
	if c.Image != "" {
		words += " of the image " + c.Image
	}
	return words
}

func stacksOf(s waxseal.State) string {
	var names []string
	for _, stack := range s.Stacks {
		if !slices.Contains(names, string(stack.MTA)) {
			names = append(names, string(stack.MTA))
		}
	}
	if len(names) == 0 {
		return "no mail system that is understood"
	}
	return strings.Join(names, ", ")
}

// stateDigest is a digest of what a state's files are.
func stateDigest(s waxseal.State) waxseal.Digest {
	h := sha256.New()
	for _, f := range s.Files {
		if f.Role != waxseal.RoleMailbox && f.Role != waxseal.RoleSocket && f.Role != waxseal.RoleUnused {
			fmt.Fprintf(h, "%q %s %o %d:%d %q\n", f.Path, f.Digest, f.Mode, f.UID, f.GID, f.Link)
		}
	}
	return waxseal.Digest(hex.EncodeToString(h.Sum(nil)))
}

// acceptRooms are the containers of a seal with some changes taken over.
func acceptRooms(before, after waxseal.State, accepted map[waxseal.Path]bool) (list []waxseal.Contained) {
	for _, was := range before.Containers {
		now, there := containerIn(after, was.Name)
		switch {
		case !there && accepted[roomPath(was.Name)]:
		case !there || now.Unread != "":
			list = append(list, was)
		default:
			inside := map[waxseal.Path]bool{}
			for p := range accepted {
				if rest, ok := strings.CutPrefix(string(p), was.Name+":"); ok {
					inside[waxseal.Path(rest)] = true
				}
			}
			now.State = drift.Accept(was.State, now.State, inside)
			list = append(list, now)
		}
	}
	for _, now := range after.Containers {
		if _, known := containerIn(before, now.Name); !known && now.Unread == "" && accepted[roomPath(now.Name)] {
			list = append(list, now)
		}
	}
	return list
}

// leftOver are the places at which a state differs from a later one.
func leftOver(before, after waxseal.State) (list []waxseal.Path) {
	for _, ch := range drift.Compare(before, after) {
		list = append(list, ch.Path)
	}
	for _, was := range before.Containers {
		now, there := containerIn(after, was.Name)
		switch {
		case !there:
			list = append(list, roomPath(was.Name))
		case now.Unread == "":
			for _, ch := range drift.Compare(was.State, now.State) {
				list = append(list, mailpath.PathWithin(was.Name, ch.Path))
			}
		}
	}
	return list
}

// readable are the containers that can be sealed: of one that could not be read, what was
// sealed before stays.
func readable(sealed, now waxseal.State) (list []waxseal.Contained) {
	for _, c := range now.Containers {
		if c.Unread != "" {
			was, known := containerIn(sealed, c.Name)
			if !known {
				continue
			}
			c = was
		}
		list = append(list, c)
	}
	return list
}

// Contain puts what was read of containers into the state of the host, and says which could
// not be read.
func Contain(s *waxseal.State, list []Dwelt) {
	for _, r := range list {
		c := waxseal.Contained{Name: r.Name, ID: r.ID, Image: r.Image, State: r.State}
		if r.Err != nil {
			c.Unread = r.Err.Error()
			s.Problems = append(s.Problems, waxseal.Problem{Path: roomPath(r.Name), Unreadable: true, Message: MailIn(r.Dwelling) + ", and what is set up there could not be read: " + c.Unread})
		}
		s.Containers = append(s.Containers, c)
	}
}
