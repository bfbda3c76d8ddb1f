package agent

import (
	"waxseal"
	"waxseal/internal/papers"
)

// dateByHistory adds to a finding about a change that nobody saw what the history of /etc
// says of its time.
func dateByHistory(f *waxseal.Finding, tree waxseal.Tree, from papers.Source, ch waxseal.Change) {
	if f.Unobserved == nil || ch.After == nil || ch.After.Missing || ch.BeforeDigest == ch.AfterDigest || tree == nil || from == nil || !papers.HasHistory(tree, ch.Path) {
		return
	}
	words, err := from.History(ch.Path)
	if err != nil {
		words = "the history of /etc can't be read, so that it does not tell when: " + papers.Words(err)
	}
	if words != "" {
		f.Reasons = append(f.Reasons[:len(f.Reasons):len(f.Reasons)], words)
	}
}
