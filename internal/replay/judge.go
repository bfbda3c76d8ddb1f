package replay

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"waxseal"
	"waxseal/internal/auditrec"
	"waxseal/internal/detect"
)

// judge weighs the changes: by what the trees say of a file, or by its place.
func (p *player) judge() {
	if p.Compared {
		p.compared()
		return
	}
	found := map[waxseal.Path]int{}
	p.passing = passingsOf(p.answer.Changes)
	for i := range p.answer.Changes {
		c := &p.answer.Changes[i]
		p.weigh(c, i)
		if c.Severity < waxseal.Medium {
			continue
		}
		j, ok := found[c.Path]
		if !ok {
			found[c.Path] = len(p.answer.Findings)
			c.Findings = append(c.Findings, p.find(detect.Recorded(c.Severity, c.Path, c.Reasons, &c.Actor, c.Time)))
			continue
		}
		f := &p.answer.Findings[j]
		c.Findings = append(c.Findings, f.ID)
		if c.Severity > f.Severity || !sameHand(*f.Actor, c.Actor) {
			id := f.ID
			*f = detect.Recorded(max(f.Severity, c.Severity), c.Path, merge(f.Reasons, c.Reasons), &c.Actor, c.Time)
			f.ID, f.Status, f.Rung = id, "", ""
		}
		p.answer.Verdict = max(p.answer.Verdict, f.Severity)
	}
}

func sameHand(a, b waxseal.Actor) bool {
	return a.Login.UID == b.Login.UID && a.Login.Session == b.Login.Session
}

// maxReasons bounds those of one finding.
const maxReasons = 24

func merge(a, b []string) []string {
	for _, w := range b {
		if len(a) < maxReasons && !slices.Contains(a, w) {
			a = append(slices.Clone(a), w)
		}
	}
	return a
}

// compared joins the steps with what is different between the trees.
func (p *player) compared() {
	index, recorded := stepsOf(p.answer.Changes), p.answer.Changes
	for _, d := range p.Changes {
		of := index.of(d.Path, recorded)
		id := waxseal.FindingID("")
		if d.Severity > waxseal.None {
			id = p.differs(d, of)
		}
		if len(of) == 0 {
			p.unseen(d, id)
		}
		for _, i := range of {
			c := &recorded[i]
			c.Severity, c.Reasons = max(c.Severity, d.Severity), merge(c.Reasons, d.Reasons)
			if id != "" {
				c.Findings = append(c.Findings, id)
			}
		}
	}
	for i := range p.answer.Changes {
		if c := &p.answer.Changes[i]; len(c.Reasons) == 0 {
			c.Reasons = []string{p.without(*c)}
		}
	}
}

// steps finds the steps that made a file what it is, by an index of their paths: its own,
// and what happened to a directory above it as a whole.
type steps map[waxseal.Path][]int

func stepsOf(changes []Change) steps {
	s := steps{}
	for i, c := range changes {
		if !c.Success {
			continue
		}
		s[c.Path] = append(s[c.Path], i)
		if c.OldPath != "" && c.OldPath != c.Path {
			s[c.OldPath] = append(s[c.OldPath], i)
		}
	}
	return s
}

func (s steps) of(file waxseal.Path, changes []Change) []int {
	list := slices.Clone(s[file])
	for dir := path.Dir(string(file)); dir != "/" && dir != "."; dir = path.Dir(dir) {
		for _, i := range s[waxseal.Path(dir)] {
			switch changes[i].Operation {
			case waxseal.OpRename, waxseal.OpMount, waxseal.OpDelete:
				list = append(list, i)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// lastStep is the last step that changed a file, -1 where no record shows one. One that
// can have changed the content counts before one that can't.
func (p *player) lastStep(of []int) int {
	last := -1
	for _, i := range slices.Backward(of) {
		switch p.answer.Changes[i].Operation {
		case waxseal.OpChmod, waxseal.OpChown, waxseal.OpXattr, waxseal.OpMetadata, waxseal.OpLink:
			last = max(last, i)
		default:
			return i
		}
	}
	return last
}

// differs makes the finding of a difference between the trees, of which the given steps
// are the cause.
func (p *player) differs(d waxseal.Change, of []int) waxseal.FindingID {
	f := detect.Finding(d)
	if last := p.lastStep(of); last >= 0 {
		c := p.answer.Changes[last]
		f.Actor, f.Seen = &c.Actor, c.Time
		if several := p.severalHands(of); several != "" {
			f.NotEstablished = append(f.NotEstablished, several)
		}
		return p.find(f)
	}
	f.Unobserved = &waxseal.Gap{Sensor: sensor, Reason: "no record of the recordings tells of it"}
	return p.find(f)
}

// severalHands says that more than one login changed a file.
func (p *player) severalHands(of []int) string {
	var hands []string
	for _, i := range of {
		if w := p.names.word(p.answer.Changes[i].Actor.Login.UID); !slices.Contains(hands, w) {
			hands = append(hands, w)
		}
	}
	if len(hands) < 2 {
		return ""
	}
	return fmt.Sprintf("which of %s brought what of the difference: the records have no content, and the last is named", strings.Join(hands, ", "))
}

// unseen is a difference that no record tells of.
func (p *player) unseen(d waxseal.Change, id waxseal.FindingID) {
	op := map[waxseal.ChangeKind]waxseal.Operation{waxseal.Added: waxseal.OpCreate, waxseal.Removed: waxseal.OpDelete, waxseal.Metadata: waxseal.OpMetadata}[d.Kind]
	if op == "" {
		op = waxseal.OpWrite
	}
	c := Change{
		Time: p.last, Path: d.Path, Operation: op, Success: true, Severity: d.Severity, Findings: []waxseal.FindingID{},
		Reasons: merge(slices.Clone(d.Reasons), []string{"the trees differ, and no record tells of it: who did it is not known, nor when"}),
		Actor:   p.memory.Nobody("no record tells of a change of this file"),
	}
	if id != "" {
		c.Findings = append(c.Findings, id)
	}
	p.answer.Changes = append(p.answer.Changes, c)
}

// without says why a step had no effect on mail that the trees show.
func (p *player) without(c Change) string {
	switch {
	case !c.Success:
		return "it failed"
	case p.Known[c.Path]:
		return "the file is the same in both trees"
	}
	return "the file is not part of the mail path of either tree"
}

// weigh judges a step without trees.
func (p *player) weigh(c *Change, at int) {
	place := placeOf(c.Path)
	if c.Target != "" && place == nil {
		place = placeOf(waxseal.Path(c.Target))
	}
	switch {
	case !c.Success:
		c.Reasons = append(c.Reasons, "it failed")
		return
	case place == nil:
		c.Reasons = append(c.Reasons, "no part of a mail system is known to lie there")
		return
	case passing(c.Path) || p.passing.has(c.Path, at):
		c.Severity, c.Reasons = waxseal.Info, append(c.Reasons, "a passing file beside "+place.what+", which is gone or has another name afterwards")
		return
	}
	c.Severity, c.Reasons = byPlace(*c, place)
	p.aggravate(c, place)
}

// byPlace is how much a step weighs whose content is not known.
func byPlace(c Change, place *place) (waxseal.Severity, []string) {
	const blind = "what the file says is not in the records: compare the trees of before and after to know"
	packaged := c.Actor.Origin.Kind == waxseal.OriginPackage
	switch {
	case place.is == program && packaged:
		return waxseal.Medium, []string{place.what + " was changed below a package manager", "packages replace programs; whether it was the package's own content is not in the records"}
	case place.is == program && c.Operation != waxseal.OpChmod && c.Operation != waxseal.OpChown && strings.HasPrefix(string(c.Path), "/usr/local/"):
		return waxseal.Medium, []string{place.what + " was changed", blind}
	case place.is == program:
		return waxseal.High, []string{place.what + " was changed, and not by a package manager", blind}
	case place.is == personal && isOwner(c):
		return waxseal.Low, []string{"the owner of the mailbox changed its rules, as owners may", blind}
	}
	return waxseal.Medium, []string{place.what + " was changed", blind}
}

// isOwner reports whether the rules of a mailbox are changed by who the directory is of,
// as the kernel recorded it.
func isOwner(c Change) bool {
	l, p := c.Actor.Login, c.Actor.Process
	return c.owner != 0 && c.owner != waxseal.Unset && p.Grade == waxseal.Proven && p.EUID == c.owner && (l.UID == c.owner || l.UID == waxseal.Unset)
}

// aggravate adds what a record shows besides: a file that all may write, one that came
// from where all may write.
func (p *player) aggravate(c *Change, place *place) {
	worse := func(why string) {
		c.Severity, c.Reasons = max(c.Severity, waxseal.High), append(c.Reasons, why)
	}
	for _, from := range []string{string(c.OldPath), c.Target} {
		if anybodys(from) {
			worse("it comes from " + path.Dir(from) + ", where everybody may write")
		}
	}
	if mode, ok := p.files.modes[c.Serial]; ok && mode&0o002 != 0 && c.Operation == waxseal.OpChmod {
		worse(fmt.Sprintf("its mode became %#o: everybody may write it", mode&0o7777))
	}
	if owner, ok := p.files.owners[c.Serial]; ok && owner != 0 && place.is != personal && c.Operation == waxseal.OpChown && c.Actor.Origin.Kind != waxseal.OriginPackage {
		worse("it was given to " + p.names.word(owner) + ", who may change it from then on")
	}
	if c.Operation == waxseal.OpMount {
		worse("something was mounted over it, or taken away: what lies below is not what is read")
	}
}

func anybodys(name string) bool {
	for _, dir := range []string{"/tmp/", "/var/tmp/", "/dev/shm/"} {
		if strings.HasPrefix(name, dir) {
			return true
		}
	}
	return false
}

// passings are the files that were made and have another name or none afterwards.
type passings struct{ made, gone map[waxseal.Path]int }

func passingsOf(changes []Change) passings {
	p := passings{map[waxseal.Path]int{}, map[waxseal.Path]int{}}
	for i, c := range changes {
		if !c.Success {
			continue
		}
		if _, ok := p.made[c.Path]; !ok && c.Operation == waxseal.OpCreate {
			p.made[c.Path] = i
		}
		if c.Operation == waxseal.OpDelete {
			p.gone[c.Path] = i
		}
		if c.OldPath != "" && c.OldPath != c.Path {
			p.gone[c.OldPath] = i
		}
	}
	return p
}

// has reports whether a file is one of them at a step.
func (p passings) has(file waxseal.Path, at int) bool {
	made, ok := p.made[file]
	gone, ended := p.gone[file]
	return ok && ended && made <= at && at <= gone
}

// remember notes the mode or owner that a call gives.
func (f *files) remember(e *waxseal.AuditEvent, c auditrec.Call) {
	arg := map[string]int{"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "chown": 1, "fchown": 1, "lchown": 1, "fchownat": 2, "chown32": 1, "fchown32": 1, "lchown32": 1}
	n, ok := arg[c.Name]
	v, known := c.Arg(n)
	switch {
	case !ok || !known:
	case c.Operation == waxseal.OpChmod:
		f.modes[e.Serial] = uint32(v)
	case uint32(v) != waxseal.Unset: // -1 leaves the owner as it is
		f.owners[e.Serial] = uint32(v)
	}
}
