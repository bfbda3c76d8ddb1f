package rspamd

import (
	"waxseal"
	"waxseal/internal/filter/rspamd/ucl"
)

// dynamic reads what the web interface wrote: a list of metrics with the scores of
// symbols and the thresholds of actions, which count over all else.
func (r *reader) dynamic(p waxseal.Path) {
	text, ok := r.Read(p, "what rspamd's web interface wrote")
	if !ok {
		return
	}
	doc := ucl.ParseText(text, p)
	r.AddProblems(doc.Problems)
	for metric := range doc.Top.All() {
		for symbols := range metric.Get("symbols").All() {
			r.Setting(r.instance, "dynamic:symbols:"+symbols.Get("name").Text(), symbols.Get("value").Text(), symbols.Source)
		}
		for actions := range metric.Get("actions").All() {
			name, v := actions.Get("name").Text(), actions.Get("value")
			r.Setting(r.instance, "dynamic:actions:"+name, v.Text(), actions.Source)
			if name == "reject" && outOfReach(v) {
				r.letThrough(v, "dynamic:actions:reject", "no score leads to mail being refused", nil, false)
			}
		}
	}
}
