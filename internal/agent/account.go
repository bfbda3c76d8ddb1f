package agent

import (
	"slices"
	"time"

	"waxseal"
	"waxseal/internal/parcel"
	"waxseal/internal/permit"
)

// account weighs a finding by what says that its change was expected: packages and
// permits. The stronger of the two counts; a permit is not used up by what a package
// explains.
func account(book *permit.Book, f *waxseal.Finding, c permit.Case, p parcel.Verdict) {
	if p.Unwritten { // the log goes back further than the last look
		f.Severity = max(f.Severity, waxseal.High)
		f.Reasons = append(slices.Clone(f.Reasons), p.Why)
	}
	switch {
	case p.Forged:
		f.Severity = waxseal.Critical
	case p.Rung == waxseal.RungPackageVerified:
		byPackage(f, c.Change, p)
		return
	}
	plain := *f
	expect(book, f, c)
	switch {
	case f.Rung == waxseal.RungNone && p.Rung != waxseal.RungNone && p.Rung != "" && !named(book, f.Permit):
		*f = plain
		byPackage(f, c.Change, p)
		return
	case p.Why == "":
		return
	case f.Rung == waxseal.RungNone && f.Permit == "":
		f.Expected = p.Why
	case f.Rung == waxseal.RungNone:
		f.Expected += "; " + p.Why
	}
	if p.Beside || p.Forged {
		f.Reasons = append(slices.Clone(f.Reasons), p.Why)
	}
}

// named reports whether a permit is for something by name: a change beside it is told
// loudly, whatever else explains it. Beside a mere window there is all the rest of time.
func named(book *permit.Book, id string) bool {
	p, ok := book.Permit(permit.ID(id))
	return ok && len(p.Scope.Paths)+len(p.Scope.Hooks)+len(p.Scope.Parameters)+len(p.Expect) > 0
}

// byPackage lowers what a package explains.
func byPackage(f *waxseal.Finding, ch waxseal.Change, p parcel.Verdict) {
	before := f.Severity
	f.Rung, f.Expected = p.Rung, p.Why
	if p.Inferred {
		return // it is shown, and lowers nothing
	}
	f.Severity = permit.Verdict{Rung: p.Rung}.Severity(before, ch)
	if f.Severity < before {
		f.Reasons = append(slices.Clone(f.Reasons), "it would be "+before.String()+", and was expected: "+p.Why)
	}
}

// account weighs a finding of the watching agent, and notes what that rests on.
func (a *Agent) account(t *told, f *waxseal.Finding, v version) {
	whole := v.state
	if v.all != nil {
		whole = *v.all
	}
	t.plain = *f
	c := a.parcelCase(t, *f, whole, v.touched)
	if len(t.change.Packages) > 0 || t.change.After != nil && t.change.After.Package != "" {
		t.parcel = &c
	}
	a.accountFor(t, f, c)
}

// accountWithArchives does so once more for what packages have to do with, when archives
// and transactions were read only after it was told.
func (a *Agent) accountWithArchives() {
	for _, t := range a.recent {
		if t.parcel == nil || t.Rung == waxseal.RungPackageVerified || t.Permit != "" {
			continue
		}
		t.parcel.Archives = a.installed(t.parcel.Packages)
		t.parcel.Transactions, t.parcel.Unread = a.transactions()
		p := parcel.Judge(*t.parcel)
		if late := t.Rung == waxseal.RungNone && p.Rung == waxseal.RungWindow; late || p.Rung == waxseal.RungPackageVerified || p.Forged {
			a.accountAfresh(t, *t.parcel)
			a.update(t, nil, "what the package manager wrote down was read")
		}
	}
}

// accountWithHands does so once more where audit was late to tell who a package manager
// is: under load a program's start is told after what the program did.
func (a *Agent) accountWithHands(now time.Time) {
	for _, t := range a.recent {
		if t.parcel == nil || t.Permit != "" || t.parcel.Hand.Grade == waxseal.Proven && !t.parcel.Hand.Other() || t.Rung != waxseal.RungWindow && t.Rung != waxseal.RungNone || now.Sub(t.parcel.At) > handLate {
			continue
		}
		hand, _ := a.weakestHand(t.writes)
		if hand.Kind != parcel.Manager || hand.Grade != waxseal.Proven {
			continue
		}
		t.parcel.Hand = hand
		a.accountAfresh(t, *t.parcel)
		a.update(t, nil, "the kernel's audit records name the package manager")
	}
}

// handLate is how long after a change audit may still tell who made it.
const handLate = time.Minute

// accountAgain does so once more, when the kernel names a hand only after the finding was
// told. What is explained already stays so: a permit is used once.
func (a *Agent) accountAgain(t *told) {
	if t.Rung != waxseal.RungNone || len(t.change.Packages) > 0 || t.Gathered != nil {
		return
	}
	a.accountAfresh(t, a.parcelCase(t, t.Finding, a.last, nil))
}

func (a *Agent) accountAfresh(t *told, c parcel.Case) {
	f := t.Finding
	f.Severity, f.Reasons, f.Permit, f.Expected = t.plain.Severity, slices.Clone(t.plain.Reasons), "", ""
	a.accountFor(t, &f, c)
	pair(&f, t.undoes)
	f.Reasons = append(f.Reasons, t.hidden...)
	t.Finding = f
}

func (a *Agent) accountFor(t *told, f *waxseal.Finding, c parcel.Case) {
	p := parcel.Judge(c)
	if p.Rung != waxseal.RungNone || p.Beside {
		for _, index := range []*waxseal.Index{a.lineOf(p, c), a.parcels.noted[parcel.Key(p.Package, p.New)]} {
			if index != nil {
				t.rests = append(t.rests, index)
			}
		}
	}
	account(a.office, f, a.caseOf(t, *f), p)
}
