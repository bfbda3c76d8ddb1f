package mailpath

import (
	"testing"

	"waxseal"
)

// TestWithin: what lies in a container is told apart from what lies on the host, and what
// it was made of stays as it is.
func TestWithin(t *testing.T) {
	const name = "docker 3f5a9c0e1b2d"
	hook := waxseal.Hook{ID: "postfix:/etc/postfix/main.cf:always_bcc:1", Source: waxseal.Source{Path: "/etc/postfix/main.cf", Line: 3},
		Closure: []waxseal.Part{{Path: "/etc/postfix/main.cf"}}, Explain: "All mail is copied."}
	s := waxseal.State{
		Stacks: []waxseal.Stack{{MTA: "postfix", Config: []waxseal.Path{"/etc/postfix/main.cf"}}},
		Hooks:  []waxseal.Hook{hook},
		Files:  []waxseal.FileState{{File: waxseal.File{Path: "/etc/postfix/main.cf"}}},
	}
	w := Within(name, s)
	h := w.Hooks[0]
	if h.ID != name+":postfix:/etc/postfix/main.cf:always_bcc:1" || h.Source.Path != name+":/etc/postfix/main.cf" || h.Closure[0].Path != h.Source.Path || h.Explain != "In "+name+": All mail is copied." {
		t.Errorf("the hook is %+v", h)
	}
	if st := w.Stacks[0]; st.Container != name || st.Config[0] != name+":/etc/postfix/main.cf" {
		t.Errorf("the stack is %+v", st)
	}
	if s.Hooks[0].Closure[0].Path != "/etc/postfix/main.cf" || s.Stacks[0].Config[0] != "/etc/postfix/main.cf" || s.Files[0].Path != "/etc/postfix/main.cf" {
		t.Error("the state inside was changed")
	}
	ch := ChangeWithin(name, waxseal.Change{Path: "/etc/postfix/main.cf", Explain: "x", After: &s.Files[0], Hooks: waxseal.HookChanges{Changed: []waxseal.HookChange{{Before: hook, After: hook}}}})
	if ch.Path != name+":/etc/postfix/main.cf" || ch.After.Path != ch.Path || ch.Hooks.Changed[0].After.Source.Path != ch.Path || s.Files[0].Path != "/etc/postfix/main.cf" {
		t.Errorf("the change is %+v", ch)
	}
}
