package agent

import (
	"fmt"
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/correlate"
	"waxseal/internal/detect"
	"waxseal/internal/drift"
	"waxseal/internal/mailpath"
	"waxseal/internal/parcel"
	"waxseal/internal/permit"
	"waxseal/internal/sensor/kaudit"
	"waxseal/internal/sensor/proc"
)

// hearRoom says how far changes in a container are seen, where that is another than before.
func (a *Agent) hearRoom(l *lodging, r roomRead, now time.Time) {
	was := l.unheard
	l.heard, l.unheard = r.At, ""
	if r.unheard != nil {
		l.heard, l.unheard = proc.Node{}, r.unheard.Error()
	}
	if l.known && l.unheard != "" && l.unheard != was {
		a.tellContainer(now, "in "+l.Name+": "+l.unheard+": its files are compared every "+dwellEvery.String()+", and who changes one is not known")
	}
}

// seenHow says what tells of changes in a container.
func (l *lodging) seenHow() string {
	if l.unheard != "" {
		return fmt.Sprintf("no sensor tells of changes there (%s): its files are compared every %s, and who changes one is not known", l.unheard, dwellEvery)
	}
	return "its files are watched"
}

// firstSight compares a container with what the last run, or the seal, left of the one of
// that name.
func (a *Agent) firstSight(l *lodging, r roomRead, now time.Time) {
	l.known, l.under, a.stale = true, nil, true
	before := a.knownBefore(l.Name)
	if before.Name == "" {
		l.state = r.State
		vouch := "no seal vouches for what is set up there"
		a.tellContainer(now, MailIn(l.Dwelling)+": "+vouch+", and "+l.seenHow())
		if a.sealed != nil {
			v := version{state: mailpath.Within(l.Name, r.State), unobserved: true}
			v.index = a.noteTree(v, now) // of nothing: what is there is what is different
			a.judgeWithin(l, newRoom(l.contained()), v, now)
		}
		return
	}
	a.tellContainer(now, MailIn(l.Dwelling)+": "+l.seenHow())
	l.state, l.since, l.first = before.State, a.dwellings.stopped, true
	defer func() { l.first = false }()
	if before.ID != l.ID || before.Image != l.Image {
		l.anew, l.remade = madeAnew(Dwelling{ID: before.ID, Image: before.Image}, l.Dwelling), true
	}
	a.judgeRoom(l, []version{{state: r.State, unobserved: true}}, now)
}

// contained is a container as a state has it.
func (l *lodging) contained() waxseal.Contained {
	return waxseal.Contained{Name: l.Name, ID: l.ID, Image: l.Image, State: l.state}
}

// roomsNow adds to the state of the host those of the containers that are there now, for a
// seal.
func (a *Agent) roomsNow(s waxseal.State) waxseal.State {
	s.Containers = nil
	for _, l := range a.dwellings.sorted() {
		switch {
		case l.there && l.known && l.blind == "":
			s.Containers = append(s.Containers, l.contained())
		case l.there:
			s.Containers = append(s.Containers, waxseal.Contained{Name: l.Name, ID: l.ID, Image: l.Image, Unread: "it was not read yet"})
		}
	}
	return s
}

// roomsKnown adds those that were ever read, for the next run.
func (a *Agent) roomsKnown(s waxseal.State) waxseal.State {
	s.Containers = nil
	for _, l := range a.dwellings.sorted() {
		if l.known {
			s.Containers = append(s.Containers, l.contained())
		}
	}
	for _, c := range a.dwellings.before {
		if l := a.dwellings.lodgings[c.Name]; l == nil || !l.known {
			s.Containers = append(s.Containers, c)
		}
	}
	slices.SortFunc(s.Containers, func(a, b waxseal.Contained) int { return compare(waxseal.Path(a.Name), waxseal.Path(b.Name)) })
	return s
}

// judgeWithin makes a change in a container known: who, what it means, and whether it was
// expected. Packages are not asked: those of the host say nothing of a container, and what
// the container's own database says is written inside.
func (a *Agent) judgeWithin(l *lodging, ch waxseal.Change, v version, now time.Time) {
	t := &told{change: ch, at: now}
	a.stale = true
	if ch.Severity == waxseal.None {
		a.past.add(ch, "", now, waxseal.RungNone)
		if ch.After == nil || ch.After.Role != waxseal.RoleUnused || !a.fold(now) {
			a.keep(t, waxseal.Finding{})
		}
		return
	}
	f := detect.Finding(ch)
	if t.event = eventWithin(v.touched, ch); t.event != nil {
		f.Seen = t.event.Time
		actor := a.handWithin(l, t, v)
		f.Actor = &actor
		t.rests = append(t.rests, a.evidence(t.event, actor)...)
	} else {
		a.unseenWithin(l, &f, now)
	}
	t.rests = append(t.rests, v.index)
	f.Activation = []waxseal.Activation{{Stand: waxseal.Written, Time: f.Seen, Evidence: "it is on the disk of " + l.Name, Grade: waxseal.Proven}}
	if v.passing {
		f.Activation[0].Evidence = "it was on the disk of " + l.Name + " for a moment, and has been replaced since"
	}
	a.backToSealedRoom(&f, ch, v.state, l.Name)
	t.plain = f
	account(a.office, &f, a.caseWithin(l, t, f), parcel.Verdict{})
	a.conclude(t, f, now)
}

// eventWithin is the event that made a file of a container what it is.
func eventWithin(touched []touch, ch waxseal.Change) *touch {
	once := toldOnce(touched)
	return writerOf(once, lastEvent(once, ch))
}

// toldOnce leaves out what was seen behind an overlay of a process that the overlay told of
// itself: what is done through it happens there too.
func toldOnce(touched []touch) []touch {
	front := map[int]bool{}
	for _, t := range touched {
		if !t.behind {
			front[t.File.PID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(touched), func(t touch) bool { return t.behind && front[t.File.PID] })
}

// caseWithin is what the permits are asked about a change in a container.
func (a *Agent) caseWithin(l *lodging, t *told, f waxseal.Finding) permit.Case {
	c := a.caseOf(t, f)
	if t.event == nil {
		c.Between = l.since
	}
	return c
}

// handWithin says who made a change in a container, by the same rules as on the host.
func (a *Agent) handWithin(l *lodging, t *told, v version) waxseal.Actor {
	f := *t.event.File
	if _, same, found := a.memory.Touch(f, t.event.Time); found && !same && !a.hasRule(f) {
		f.Inode = 0 // that audit has only another's record says nothing where it had no rule for this one
	}
	actor := a.memory.Actor(f, t.event.Time)
	if t.other = a.besides(toldOnce(slices.Concat(v.touched, l.touched)), l.since, v, t.event); t.other != 0 {
		correlate.Shared(&actor, t.other)
	} else if a.overtaken(v, t.event) {
		correlate.Overtaken(&actor)
	}
	where := t.event.standing
	t.rename = func(actor *waxseal.Actor) { l.nameWithin(actor, where) }
	t.rename(&actor)
	return actor
}

// hasRule reports whether audit has a rule for the file of an event.
func (a *Agent) hasRule(f waxseal.FileEvent) bool {
	return a.senses.audit != nil && a.senses.audit.WatchesInode(kaudit.File{Device: f.Device, Inode: f.Inode})
}

// unseenWithin bounds the time of a change that no event tells of.
func (a *Agent) unseenWithin(l *lodging, f *waxseal.Finding, now time.Time) {
	why := "no sensor told of this change in " + l.Name + ": it was found by reading its files again"
	switch {
	case l.remade:
		why = l.anew + ", and this came with it: nobody wrote it where it is now"
		f.Reasons = append(slices.Clone(f.Reasons), l.anew)
	case l.anew != "":
		why = l.anew + ", and this changed while nobody could watch it"
	case l.first:
		why = "changed while unobserved: no agent was running"
	case l.unheard != "":
		why = "no sensor watches inside " + l.Name + " (" + l.unheard + "): it was found by reading its files again"
	}
	actor := a.memory.Nobody(why)
	f.Seen, f.Actor = now, &actor
	f.Unobserved = &waxseal.Gap{Sensor: "proc", From: l.since, Until: now, Reason: why}
}

// backToSealedRoom lowers what only restores the sealed content of a container.
func (a *Agent) backToSealedRoom(f *waxseal.Finding, ch waxseal.Change, now waxseal.State, name string) {
	if a.sealed == nil || ch.Before == nil {
		return
	}
	c, ok := containerIn(a.sealed.State, name)
	sealed := mailpath.Within(name, c.State)
	if was, known := fileIn(sealed, ch.Path); !ok || !known || was.Digest != ch.AfterDigest {
		return
	}
	for _, left := range drift.Compare(sealed, now) {
		if left.Path == ch.Path {
			return
		}
	}
	f.Severity = min(f.Severity, waxseal.Info)
	f.Reasons = append(slices.Clone(f.Reasons), "this brings the file back to what is sealed; what it did before stays on record")
}
