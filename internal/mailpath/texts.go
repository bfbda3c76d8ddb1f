package mailpath

import "waxseal"

// texts digests and masks the rules of users side by side, where there are many and the
// tree lets several read it, before they are completed one by one.
func (c *closer) texts(parts []waxseal.Part, hooks []waxseal.Hook) {
	tree, ok := c.tree.(besider)
	if !ok {
		return
	}
	var rules []waxseal.Path
	seen := map[waxseal.Path]bool{}
	note := func(list []waxseal.Part) {
		for _, p := range list {
			if p.Role == waxseal.RoleInclude && !seen[p.Path] {
				seen[p.Path] = true
				rules = append(rules, p.Path)
			}
		}
	}
	note(parts)
	for i := range hooks {
		note(hooks[i].Closure)
	}
	if len(rules) < manyHomes {
		return
	}
	done := make([]reading, len(rules))
	const portion = 256
	var work []func()
	for from := 0; from < len(rules); from += portion {
		to := min(from+portion, len(rules))
		work = append(work, func() {
			for i := from; i < to; i++ {
				done[i] = c.rule(rules[i])
			}
		})
	}
	tree.Beside(work...)
	c.rules = make(map[waxseal.Path]reading, len(rules))
	for i, r := range done {
		if r.whole {
			c.rules[rules[i]] = r
		}
	}
}

// rule reads one of them, and masks it. What can't be read is read again, and told, when
// it is completed.
func (c *closer) rule(p waxseal.Path) reading {
	file, err := c.tree.Stat(p)
	if err != nil || file.Type != waxseal.Regular || file.Size > maxText {
		return reading{}
	}
	r, err := c.read(&waxseal.FileState{File: file, Role: waxseal.RoleInclude})
	if err != nil {
		return reading{}
	}
	r.masked, r.whole = c.reader.masker.Text(waxseal.RoleInclude, r.text), true
	return r
}
