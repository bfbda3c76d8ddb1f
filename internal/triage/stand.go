// Package triage says where a finding stands after what people decided about it, and
// which findings people do not want to see for a while.
//
// Nothing is deleted and nothing is hidden from the record. A suppression keeps a
// finding out of the queue, is bounded in scope and time, and never hides a dangerous
// change by its place alone: it has to be bound to the exact content, or to the value
// that the changed hook or parameter has.
package triage

import (
	"errors"
	"fmt"

	"waxseal"
)

// Stand is where triage of one finding stands.
type Stand struct {
	Status      waxseal.Status
	Verdict     waxseal.Verdict
	Assignee    string
	Ticket      string
	Suppression waxseal.SuppressionID
}

// Of is where a finding stands.
func Of(f waxseal.Finding) Stand {
	return Stand{f.Status, f.Verdict, f.Assignee, f.Ticket, f.Suppression}
}

// Put says in a finding where it stands.
func (s Stand) Put(f *waxseal.Finding) {
	f.Status, f.Verdict, f.Assignee, f.Ticket, f.Suppression = s.Status, s.Verdict, s.Assignee, s.Ticket, s.Suppression
}

// Verdicts are those that a finding can be closed with.
var verdicts = []waxseal.Verdict{waxseal.VerdictTruePositive, waxseal.VerdictExpected, waxseal.VerdictFalsePositive, waxseal.VerdictTest}

// ParseVerdict reads a verdict: as it is written, or with hyphens for blanks.
func ParseVerdict(text string) (waxseal.Verdict, error) {
	for _, v := range verdicts {
		if text == string(v) || text == hyphens(string(v)) {
			return v, nil
		}
	}
	return "", fmt.Errorf("unknown verdict %q: want true-positive, expected, false-positive or test", text)
}

var statuses = []waxseal.Status{waxseal.StatusNew, waxseal.StatusInProgress, waxseal.StatusResolved, waxseal.StatusSuppressed}

// ParseStatus reads a status, likewise.
func ParseStatus(text string) (waxseal.Status, error) {
	for _, s := range statuses {
		if text == string(s) || text == hyphens(string(s)) {
			return s, nil
		}
	}
	return "", fmt.Errorf("unknown status %q: want new, in-progress, resolved, suppressed, or open for the first two", text)
}

func hyphens(s string) string {
	b := []byte(s)
	for i := range b {
		if b[i] == ' ' {
			b[i] = '-'
		}
	}
	return string(b)
}

// After is where the finding stands after a decision. What makes no sense is refused,
// and changes nothing.
func (s Stand) After(d waxseal.Triage) (Stand, error) {
	was := s
	if d.Ticket != "" {
		s.Ticket = d.Ticket
	}
	switch d.Action {
	case waxseal.TriageAcknowledge:
		if !s.Status.Open() {
			return was, fmt.Errorf("%s is %s: reopen it first", d.Finding, s.Status)
		}
		s.Status = waxseal.StatusInProgress
	case waxseal.TriageAssign:
		s.Assignee = d.Assignee
	case waxseal.TriageClose:
		if s.Status == waxseal.StatusResolved {
			return was, fmt.Errorf("%s is resolved already (%s): reopen it first", d.Finding, s.Verdict)
		}
		if _, err := ParseVerdict(string(d.Verdict)); err != nil {
			return was, err
		}
		s.Status, s.Verdict, s.Suppression = waxseal.StatusResolved, d.Verdict, ""
	case waxseal.TriageReopen:
		if s.Status == waxseal.StatusNew {
			return was, fmt.Errorf("%s is new: there is nothing to reopen", d.Finding)
		}
		s.Status, s.Verdict, s.Suppression = waxseal.StatusNew, "", ""
	case waxseal.TriagePromote:
		s.Status, s.Verdict, s.Suppression = waxseal.StatusResolved, waxseal.VerdictExpected, ""
	case waxseal.TriageSuppress:
		if d.Suppression == "" {
			return was, errors.New("a finding is suppressed by a suppression")
		}
		if !s.Status.Open() {
			return was, fmt.Errorf("%s is %s", d.Finding, s.Status)
		}
		s.Status, s.Suppression = waxseal.StatusSuppressed, d.Suppression
	default:
		return was, fmt.Errorf("triage of %s: unknown action %q", d.Finding, d.Action)
	}
	return s, nil
}
