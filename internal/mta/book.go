package mta

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"waxseal"
	"waxseal/internal/mask"
)

const (
	// MaxFile bounds what is read as configuration: a larger file is none.
	MaxFile = 8 << 20
	// maxProblems keeps a hostile tree from filling the memory with complaints.
	maxProblems = 10_000
	// maxWhole is the largest file of which a tree is asked for all at once: it may
	// have it at hand. Of a larger one there is to be one copy, not two.
	maxWhole = 4 << 20
)

// Book takes down what one reader finds in one tree. Identities come out unique,
// secrets masked, and whatever could not be read is told.
type Book struct {
	Tree  waxseal.Tree
	Mask  *mask.Masker
	Stack waxseal.StackName

	result   Result
	ids      map[waxseal.HookID]int
	told     map[waxseal.HookID]bool
	settings map[settingKey]bool
	room     room
}

type settingKey struct{ instance, name string }

// NewBook opens an empty book for the mail system named stack.
func NewBook(stack waxseal.StackName, tree waxseal.Tree, m *mask.Masker) *Book {
	return &Book{Tree: tree, Mask: m, Stack: stack, ids: map[waxseal.HookID]int{}, told: map[waxseal.HookID]bool{}, settings: map[settingKey]bool{}}
}

// Exists also says yes to what is there but can't be looked at.
func (b *Book) Exists(p waxseal.Path) bool {
	_, err := b.Tree.Lstat(p)
	return err == nil || !IsMissing(err)
}

// Read returns the text of a file that may have MaxFile bytes; see ReadUpTo.
func (b *Book) Read(p waxseal.Path, what string) (string, bool) { return b.ReadUpTo(p, what, MaxFile) }

// ReadUpTo returns the text of a file. A missing file is silence; any other
// failure is a problem and a hook of kind unreadable, which says what the file is:
// "a lookup table". Text that holds null bytes is both returned and told.
func (b *Book) ReadUpTo(p waxseal.Path, what string, limit int64) (string, bool) {
	content, err := b.text(p, limit)
	switch {
	case err == nil:
	case IsMissing(err):
		return "", false
	default:
		b.Unreadable(p, what, err.Error())
		return "", false
	}
	if strings.IndexByte(content, 0) >= 0 {
		b.Unreadable(p, what, "it holds null bytes and is not text")
	}
	return content, true
}

// copier is a tree that hands over a file piece by piece.
type copier interface {
	CopyTo(p waxseal.Path, w io.Writer, limit int64) error
}

func (b *Book) text(p waxseal.Path, limit int64) (string, error) {
	tree, ok := b.Tree.(copier)
	if st, err := b.Tree.Stat(p); ok && err == nil && st.Size > maxWhole && st.Size <= limit {
		var text strings.Builder
		text.Grow(int(st.Size))
		err := tree.CopyTo(p, &text, limit)
		return text.String(), err
	}
	content, err := b.Tree.ReadFile(p, limit)
	return string(content), err
}

// Unreadable makes sure that what could not be read is not silence.
func (b *Book) Unreadable(p waxseal.Path, what, why string) {
	id := waxseal.HookID(string(b.Stack) + ":" + string(p) + ":unreadable")
	if b.told[id] {
		return
	}
	b.told[id] = true
	b.AddProblems([]waxseal.Problem{{Path: p, Message: why, Unreadable: true}})
	b.Emit(waxseal.Hook{
		ID: id, Kind: waxseal.KindUnreadable, Stage: waxseal.StageConnect,
		Target: waxseal.Target{Type: waxseal.TargetFile, Value: string(p)},
		Scope:  "all", Active: true, Source: waxseal.Source{Path: p}, Directive: what,
		Explain: what + " (" + string(p) + ") can not be read as it should be: " + why + ". What it does to mail is not known.",
	})
}

// Problem notes something odd at a place; line is 0 where there is none.
func (b *Book) Problem(p waxseal.Path, line int, message string) {
	b.AddProblems([]waxseal.Problem{{Path: p, Line: line, Message: message}})
}

// AddProblems notes problems, as far as there is room.
func (b *Book) AddProblems(problems []waxseal.Problem) {
	if room := maxProblems - len(b.result.Problems); len(problems) > room {
		problems = problems[:max(room, 0)]
	}
	b.result.Problems = append(b.result.Problems, problems...)
}

// Part notes a file of the configuration.
func (b *Book) Part(p waxseal.Path, role waxseal.Role) {
	b.result.Parts = append(b.result.Parts, waxseal.Part{Path: p, Role: role})
}

// AddStack notes an instance of the mail system.
func (b *Book) AddStack(s waxseal.Stack) {
	if s.Config == nil {
		s.Config = []waxseal.Path{}
	}
	b.result.Stacks = append(b.result.Stacks, s)
}

// Setting notes an effective setting; of one name in one instance the first
// counts. What follows the last colon of the name says what the value is.
func (b *Book) Setting(instance, name, value string, source waxseal.Source) {
	key := settingKey{instance, name}
	if b.settings[key] {
		return
	}
	b.settings[key] = true
	last := name[strings.LastIndexByte(name, ':')+1:]
	b.result.Settings = append(b.result.Settings, waxseal.Setting{
		MTA: b.Stack, Instance: instance, Name: name, Value: b.Mask.Setting(last, value), Source: source,
	})
}

// Emit writes a hook down; see Finish.
func (b *Book) Emit(h waxseal.Hook) {
	if done, ok := b.Finish(h); ok {
		b.result.Hooks = append(b.result.Hooks, done)
	}
}

// Finish completes a hook without writing it down: unique identity, secrets
// masked, nothing nil. ok is false where there are more than can be listed, which
// is told once.
func (b *Book) Finish(h waxseal.Hook) (done waxseal.Hook, ok bool) {
	if h, ok = b.admit(h); !ok {
		return h, false
	}
	h.MTA = b.Stack
	n := b.ids[h.ID] + 1
	b.ids[h.ID] = n
	if n > 1 {
		h.ID += waxseal.HookID("#" + strconv.Itoa(n))
		b.ids[h.ID]++
	}
	if h.Effects == nil {
		h.Effects = []waxseal.Effect{}
	}
	h.Closure = uniqueParts(h.Closure)
	b.hide(&h)
	return h, true
}

// hide masks secrets in every free text of the hook.
func (b *Book) hide(h *waxseal.Hook) {
	plain := h.Target.Value
	h.Target.Value = b.Mask.Setting(h.Directive, plain)
	if plain != "" && plain != h.Target.Value {
		h.Explain = strings.ReplaceAll(h.Explain, plain, h.Target.Value)
	}
	h.Explain = b.Mask.Setting("", h.Explain)
	for name, value := range h.Modifiers {
		h.Modifiers[name] = b.Mask.Setting(name, value)
	}
}

func uniqueParts(parts []waxseal.Part) []waxseal.Part {
	out := []waxseal.Part{}
	seen := map[waxseal.Path]bool{}
	for _, p := range parts {
		if !seen[p.Path] {
			seen[p.Path] = true
			out = append(out, p)
		}
	}
	return out
}

// InMailOrder sorts hooks by stage; within a stage their order stands.
func InMailOrder(hooks []waxseal.Hook) []waxseal.Hook {
	rank := map[waxseal.Stage]int{}
	for i, s := range waxseal.Stages() {
		rank[s] = i
	}
	slices.SortStableFunc(hooks, func(a, b waxseal.Hook) int { return rank[a.Stage] - rank[b.Stage] })
	return hooks
}

// Result closes the book. Parts that a hook's closure already names are left out.
func (b *Book) Result() Result {
	seen := make(map[waxseal.Path]bool, len(b.result.Parts))
	for i := range b.result.Hooks {
		for _, p := range b.result.Hooks[i].Closure {
			seen[p.Path] = true
		}
	}
	parts := slices.DeleteFunc(slices.Clone(b.result.Parts), func(p waxseal.Part) bool {
		named := seen[p.Path]
		seen[p.Path] = true
		return named
	})
	slices.SortStableFunc(parts, func(a, b waxseal.Part) int { return strings.Compare(string(a.Path), string(b.Path)) })
	done := b.result
	done.Parts = parts
	return done
}

// Take removes the hooks that are written down and returns them: a reader of
// several instances finishes each, and puts its hooks back.
func (b *Book) Take() []waxseal.Hook {
	hooks := b.result.Hooks
	b.result.Hooks = nil
	return hooks
}

// Put writes hooks down that are finished already.
func (b *Book) Put(hooks []waxseal.Hook) { b.result.Hooks = append(b.result.Hooks, hooks...) }
