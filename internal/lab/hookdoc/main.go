// Hookdoc writes docs/hooks.md: every sort of hook, where it is found, what it
// can do, and for each a harmless and a malicious example with what Waxseal says
// of it. The sorts come from the readers themselves, and the judgements from
// really running the examples:
//
//	go run ./internal/lab/hookdoc
//
// An example is an archive in examples/ that bears the name of the directive;
// see example.go.
package main

import (
	"fmt"
	"os"
	"strings"

	"waxseal"
	"waxseal/internal/mta/postfix"
)

func main() {
	page, err := page("internal/lab/hookdoc/examples")
	if err == nil {
		err = os.WriteFile("docs/hooks.md", []byte(page), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hookdoc:", err)
		os.Exit(1)
	}
}

// places are the sorts of hook of every reader.
func places() []waxseal.Place { return postfix.Places() }

// page is the whole document.
func page(dir string) (string, error) {
	var b strings.Builder
	b.WriteString(head)
	list := places()
	for _, stage := range waxseal.Stages() {
		fmt.Fprintf(&b, "| **%s** | %s |\n", stage, strings.Join(links(list, stage), ", "))
	}
	for _, stage := range waxseal.Stages() {
		if len(links(list, stage)) > 0 {
			fmt.Fprintf(&b, "\n## %s\n", stage)
		}
		for _, p := range list {
			if p.Stage != stage {
				continue
			}
			text, err := section(dir, p)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
		}
	}
	return b.String(), nil
}

const head = `# Hooks

Every place where Waxseal finds that mail can be read, copied, diverted, rewritten, dropped or turned into a command. This page is made by
` + "`go run ./internal/lab/hookdoc`" + ` from the readers' own tables; the examples are really run, and the severities are what came out
(` + "`internal/lab/hookdoc/examples`" + `; [severity.md](severity.md) says why). An example is what is added to the files of a small
Postfix server for example.test.

| stage | hooks |
|---|---|
`

func links(list []waxseal.Place, stage waxseal.Stage) []string {
	var out []string
	for _, p := range list {
		if p.Stage == stage {
			out = append(out, fmt.Sprintf("[%s](#%s)", p.Directive, strings.ToLower(strings.NewReplacer(".", "", "/", "", " ", "-").Replace(p.Directive))))
		}
	}
	return out
}

// section describes one sort of hook.
func section(dir string, p waxseal.Place) (string, error) {
	e, err := readExample(dir, p.Directive)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n", p.Directive)
	fmt.Fprintf(&b, "In %s (%s): %s. A hook of kind `%s`%s.\n", p.Where, p.Manual, p.Does, p.Kind, can(p.Effects))
	if e.note != "" {
		fmt.Fprintf(&b, "%s\n", e.note)
	}
	if e.before != "" {
		fmt.Fprintf(&b, "\nWhere there is already\n\n```\n%s```\n", e.before)
	}
	for _, kind := range []change{harmless, malicious} {
		fmt.Fprintf(&b, "\n%s, `%s`:\n\n```\n%s```\n", capital(string(kind)), verdict(e.judge(kind)), e.text(kind))
	}
	return b.String(), nil
}

func can(effects []waxseal.Effect) string {
	if len(effects) == 0 {
		return ""
	}
	var words []string
	for _, e := range effects {
		words = append(words, string(e))
	}
	return " that can " + strings.Join(words, ", ")
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
