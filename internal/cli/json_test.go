package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"waxseal"
)

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
		}{}, struct{}{}, nil, "a,b:[", &part{}, waxseal.Change{Severity: waxseal.High}, waxseal.High,
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
