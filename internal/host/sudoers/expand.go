package sudoers

import "strings"

// finish puts the members of aliases in their place: a rule for each command.
func (r *reader) finish() Policy {
	for _, s := range r.specs {
		users, hosts := r.members("user", s.users), r.members("host", s.hosts)
		runAs, groups := r.members("runas", s.runAs), r.members("runas", s.runAsGroups)
		for _, c := range r.members("command", []item{s.command}) {
			if len(r.policy.Rules) >= maxRules {
				r.problem(s.source.Path, s.source.Line, "more rules than are read")
				return r.policy
			}
			rule := Rule{
				Users: users, Hosts: hosts, RunAs: runAs, RunAsGroups: groups, Command: c.Name, Not: c.Not,
				NoPassword: s.tags.noPassword, NoExec: s.tags.noExec, SetEnv: s.tags.setEnv, Digest: s.digest, Source: s.source,
			}
			rule.NoPassword = rule.NoPassword || r.asksNothing(rule)
			r.policy.Rules = append(r.policy.Rules, rule)
		}
	}
	return r.policy
}

// members expands the aliases of a list; a circle ends where it began.
func (r *reader) members(kind string, list []item) []Member {
	var out []Member
	within := map[string]bool{}
	left := maxMembers * 4 // steps, so that aliases of aliases don't multiply
	var walk func(list []item, not bool)
	walk = func(list []item, not bool) {
		for _, i := range list {
			if left--; left < 0 || len(out) >= maxMembers {
				return
			}
			name := kind + "\x00" + i.text
			if members, ok := r.aliases[name]; ok {
				if !within[name] {
					within[name] = true
					walk(members, not != i.not)
					within[name] = false
				}
				continue
			}
			out = append(out, Member{i.text, not != i.not})
		}
	}
	walk(list, false)
	return out
}

// asksNothing reports whether a line of Defaults takes the password from a rule.
func (r *reader) asksNothing(rule Rule) bool {
	for _, o := range r.open {
		switch {
		case o.users != nil:
			if !overlap(r.members("user", o.users), rule.Users) {
				continue
			}
		case o.runAs != nil:
			if !overlap(r.members("runas", o.runAs), rule.RunAs) {
				continue
			}
		case o.commands != nil:
			if !overlap(r.members("command", o.commands), []Member{{Name: rule.Command}}) {
				continue
			}
		}
		return true
	}
	return false
}

func overlap(a, b []Member) bool {
	for _, x := range a {
		for _, y := range b {
			if !x.Not && !y.Not && (x.Name == y.Name || x.Name == "ALL") {
				return true
			}
		}
	}
	return false
}

// Has reports whether a list names somebody: itself or by ALL, and not taken away
// again. The last word counts.
func Has(list []Member, name string) bool {
	has := false
	for _, m := range list {
		if m.Name == name || m.Name == "ALL" {
			has = !m.Not
		}
	}
	return has
}

// AsRoot reports whether the command may run as root.
func (r Rule) AsRoot() bool {
	if len(r.RunAs) == 0 {
		return len(r.RunAsGroups) == 0
	}
	return Has(r.RunAs, "root") || Has(r.RunAs, "#0")
}

// Program is the first word of the command: "/usr/bin/x", "sudoedit", "ALL".
func (r Rule) Program() string {
	first, _, _ := strings.Cut(r.Command, " ")
	return first
}
