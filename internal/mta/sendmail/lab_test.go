package sendmail_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"waxseal"
	"waxseal/internal/detect"
	"waxseal/internal/lab"
	"waxseal/internal/mailpath"
	"waxseal/internal/mask"
	"waxseal/internal/mta"
	"waxseal/internal/mta/sendmail"
	"waxseal/internal/rootfs"
)

func open(t lab.T, root string) *rootfs.Tree {
	t.Helper()
	tree, err := rootfs.Open(root)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

// TestAsPackaged: of a Sendmail as its package sets it up everything is read, its
// files agree with each other, and nothing is worth a look.
func TestAsPackaged(t *testing.T) {
	tree := open(t, lab.Root(t, lab.Sendmail))
	state := mailpath.NewReader(mask.New([]byte("key"))).Read(tree)
	stacks := slices.DeleteFunc(state.Stacks, func(s waxseal.Stack) bool { return s.MTA != sendmail.MTA })
	hooks := slices.DeleteFunc(slices.Clone(state.Hooks), func(h waxseal.Hook) bool { return h.MTA != sendmail.MTA })
	if len(stacks) != 2 || len(hooks) < 5 {
		t.Fatalf("%d stacks, %d hooks", len(stacks), len(hooks))
	}
	for _, h := range state.Hooks {
		if h.Modifiers["drift"] != "" || h.Modifiers["pending"] != "" {
			t.Errorf("%s: %v", h.ID, h.Modifiers)
		}
	}
	for _, p := range state.Problems {
		t.Errorf("problem: %+v", p)
	}
	for _, f := range detect.Rank(state) {
		if f.Severity >= waxseal.Medium {
			t.Errorf("%s %s", f.Severity, f.Hook)
		}
	}
}

// BenchmarkAsPackaged reads a Sendmail as its package sets it up.
func BenchmarkAsPackaged(b *testing.B) {
	tree := open(b, lab.Root(b, lab.Sendmail))
	m := mask.New([]byte("key"))
	b.ReportAllocs()
	for b.Loop() {
		sendmail.Read(tree, m, mta.Options{})
	}
}

// BenchmarkScan is all that scan does with the tree once its files are in memory.
func BenchmarkScan(b *testing.B) {
	tree := open(b, lab.Root(b, lab.Sendmail))
	reader := mailpath.NewReader(mask.New([]byte("key")))
	for b.Loop() {
		detect.Rank(reader.Read(tree))
	}
}

// TestDriftInTheLab: an edit of the .cf alone, and one of the .mc alone, are told
// apart where Sendmail's own m4 files say what the .cf should hold.
func TestDriftInTheLab(t *testing.T) {
	root := lab.Root(t, lab.Sendmail)
	appendTo := func(name, text string) {
		f, err := os.OpenFile(filepath.Join(root, name), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	appendTo("etc/mail/sendmail.cf", "Klook program /usr/local/lib/look\nSLocal_check_mail\nR$*\t$: $(look $1 $)\n")
	appendTo("etc/mail/sendmail.mc", "INPUT_MAIL_FILTER(`soon', `S=inet:9999@203.0.113.8')dnl\n")
	got := map[waxseal.HookID]waxseal.Hook{}
	for _, h := range sendmail.Read(open(t, root), mask.New(nil), mta.Options{}).Hooks {
		got[h.ID] = h
	}
	if h := got["sendmail:/etc/mail/sendmail.cf:K:look"]; h.Modifiers["drift"] == "" || h.Modifiers["built_from"] != "/etc/mail/sendmail.mc" {
		t.Errorf("a map that only the .cf has: %+v", h)
	}
	if h := got["sendmail:/etc/mail/sendmail.cf:X:soon"]; h.Modifiers["pending"] == "" || !h.Active || h.Source.Path != "/etc/mail/sendmail.mc" || h.Source.Line == 0 {
		t.Errorf("a filter that only the .mc has: %+v", h)
	}
	if h := got["sendmail:/etc/mail/sendmail.cf:M:local"]; h.Modifiers["drift"] != "" {
		t.Errorf("what both have: %+v", h)
	}
}
