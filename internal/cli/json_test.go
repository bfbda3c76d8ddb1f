package cli

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"waxseal"
)

// node is a type that holds itself.
type node struct {
	Name  string `json:"name"`
	Next  *node  `json:"next,omitempty"`
	Under []node `json:"under"`
}

func many(n int) (list []node) {
	for i := range n {
		list = append(list, node{Name: fmt.Sprint(i), Under: []node{{}}})
	}
	return list
}

// loud and quiet say themselves how they are written.
type (
	loud  string
	quiet string
)

func (l loud) MarshalText() ([]byte, error)   { return []byte(strings.ToUpper(string(l)) + "\n"), nil }
func (q *quiet) MarshalJSON() ([]byte, error) { return []byte(`{"said":["` + string(*q) + `"]}`), nil }

// strange are types that documents of large servers don't have.
var strange = map[string]any{
	"loud": loud("a"), "louds": []loud{"b"}, "of": map[loud]int{"z": 1, "b": 2}, "quiets": []quiet{"x", "y"},
	"numbers": []any{1.5, float32(0.1), int8(-3), uint64(1 << 63), json.Number("1e3")}, "bytes": []byte{1}, "text": struct {
		T encoding.TextMarshaler `json:"t"`
		Q quiet                  `json:"q"`
		P *quiet                 `json:"p"`
		S int                    `json:"s,string"`
	}{},
}

// TestPrintJSON: a document that is written in pieces is the one that encoding/json
// makes of it.
func TestPrintJSON(t *testing.T) {
	hooks := make([]waxseal.Hook, manyElements+3)
	for i := range hooks {
		hooks[i] = waxseal.Hook{ID: waxseal.HookID(fmt.Sprint("a\\\"{", i)), Effects: []waxseal.Effect{}, Modifiers: map[string]string{"a<b>&": "\\"}, Closure: []waxseal.Part{{}}}
	}
	type part struct {
		A     map[string]any `json:"a"`
		Seen  time.Time      `json:"seen,omitzero"`
		Text  string         `json:"text,omitempty"`
		List  []string       `json:"list,omitempty"`
		Zero  int            `json:"zero,omitempty"`
		Deep  any            `json:"deep"`
		Ready *bool          `json:"ready"`
	}
	deep := any(1)
	for range 80 {
		deep = []any{deep, map[string]any{}}
	}
	yes := true
	for _, v := range []any{
		Scan{Schema: "x", Hooks: hooks, Findings: make([]waxseal.Finding, manyElements)}, Scan{}, hooks, hooks[:0], part{}, part{A: map[string]any{"\u2028": nil}, Seen: time.Unix(1, 5), Text: "\\\\\"", List: []string{""}, Deep: deep, Ready: &yes},
		map[string]any{"b": hooks, "a": "}"}, struct {
			part
			B int `json:"b"`
		}{}, struct{}{}, nil, "a,b:[", &part{}, strange, []string{"", "é", "\xff", "a\xe2\x80", "\u2028", "é\u2029", "\x7f", "a\tb", "<&>", `"`, `\`, "\x00", "😀"}, []string(nil),
		node{Name: "a", Under: []node{{Name: "b", Next: &node{Under: []node{}}}}}, many(manyElements), many(3*manyElements + 1), []byte("bytes"), [2]int{1, 2}, waxseal.Change{Severity: waxseal.High}, waxseal.High,
	} {
		var want, got bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		if err := (&door{out: &got}).printJSON(v); err != nil {
			t.Fatal(err)
		}
		if w, g := strings.Split(want.String(), "\n"), strings.Split(got.String(), "\n"); want.String() != got.String() {
			for i := range min(len(w), len(g)) {
				if w[i] != g[i] {
					t.Errorf("%T, line %d: %q, want %q", v, i, g[i], w[i])
					break
				}
			}
			t.Errorf("%T: %d lines, want %d", v, len(g), len(w))
		}
	}
}

// TestPrintJSONError: what can't be written says so, in the midst of a long list too.
func TestPrintJSONError(t *testing.T) {
	type odd struct {
		A any `json:"a"`
	}
	list := make([]odd, 20*manyElements)
	list[manyElements].A = make(chan int)
	if err := (&door{out: &bytes.Buffer{}}).printJSON(map[string]any{"a": list}); err == nil {
		t.Error("no error of a map")
	}
	if err := (&door{out: &bytes.Buffer{}}).printJSON(list); err == nil {
		t.Error("no error of a list")
	}
}

// BenchmarkPrintJSON prints what scan finds in a thousand homes.
func BenchmarkPrintJSON(b *testing.B) {
	s := Scan{Hooks: make([]waxseal.Hook, 6000), Findings: make([]waxseal.Finding, 6000)}
	for i := range s.Hooks {
		s.Hooks[i] = waxseal.Hook{ID: waxseal.HookID(fmt.Sprintf("dovecot:/home/u%d/.dovecot.sieve:fileinto:1", i)), Kind: waxseal.KindRedirect, Effects: []waxseal.Effect{waxseal.Divert}, Scope: "recipient u", Explain: strings.Repeat("Mail for u is put into a folder. ", 4),
			Closure: []waxseal.Part{{Path: "/home/u/.dovecot.sieve", Role: waxseal.RoleInclude, Digest: waxseal.Digest(strings.Repeat("0", 64))}}, Modifiers: map[string]string{"when": `header "list-id"`}}
		s.Findings[i] = waxseal.Finding{Severity: waxseal.Low, Reasons: []string{"mail is put into a folder of the recipient's own: Lists"}, Hook: s.Hooks[i].ID, Explain: s.Hooks[i].Explain}
	}
	d := &door{out: io.Discard}
	b.ReportAllocs()
	for b.Loop() {
		if err := d.printJSON(s); err != nil {
			b.Fatal(err)
		}
	}
}
