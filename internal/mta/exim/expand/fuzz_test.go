package expand

import (
	"strings"
	"testing"

	"waxseal/internal/testtime"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "$a", "${a}", "$h_x: ${h_x:} $header_a}b", "${if eq{a}{b}{c}{d}}", "${if and{{!eq{a}{b}}{exists{/x}}}{y}fail}", "${lookup{a}lsearch{/x}{$value}}", "${lookup mysql{x}{y}fail}", "${run{/bin/sh -c \"id\"}{$value}{}}",
		"${run,preexpand{a}}", "${readsocket{inet:h:1}{x}{2s}{}{}}", "${perl{f}{a}}", "${dlfunc{/x.so}{f}{$a}}", "${acl{x}{y}}", "${extract{1}{:}{a:b}}", "${extract json{a}{b}}", "${map{a:b}{$item}}", "${filter{a:b}{eq{$item}{a}}}",
		`\N${x}\N`, `\x41\101\n\`, "${lc:${uc:a}}", "${length_3:abc}", "${if forany{a:b}{eq{$item}{b}}}", "${if def:h_x:{a}}", "${sg{abc}{b}{x}}", "${tr{abc}{a}{b}}", "$", "${", "${1}", "${if", "${expand:\\${run{x}}}", "${listextract{-1}{a:b}}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, _ := Parse(s)
		e.Walk(func(Part) {})
		_, _, _ = e.String(), e.Outline(), e.Tainted()
		e.Evaluate(World{Exists: func(string) (bool, bool) { return true, true }, Lookup: func(_, _, key string) (string, bool, bool) { return key, true, true }})
	})
}

// TestHostile parses what is made to take long or to nest deeply.
func TestHostile(t *testing.T) {
	for _, piece := range []string{"${if eq{", "${", "{", "}", "\\", `\N`, "$h_", "${lc:", "${if and{{", "${map{a}{", "$a", "${lookup{", "!", "${if !", "${extract{1}{", "${run{", "a"} {
		t.Run(piece, func(t *testing.T) {
			testtime.Linear(t, 1<<20, func(size int) {
				e, _ := Parse(strings.Repeat(piece, size/len(piece)))
				_ = e.String()
				e.Evaluate(World{})
			})
		})
	}
	nested, message := Parse("${run{/bin/evil}}" + strings.Repeat("${lc:", 1000))
	found := false
	nested.Walk(func(p Part) { found = found || p.Name == "run" })
	if !found || message == "" {
		t.Errorf("what stands before the error is lost, or nothing is said: %v, %q", found, message)
	}
}
