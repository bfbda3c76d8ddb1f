package debian

import "testing"

func FuzzParseSettings(f *testing.F) {
	for _, seed := range []string{"a='b'\n", "a=\"$b ${c}\" # d\n", "a=b c=d; e=f\nls\n", "a=$(id)\n", "a=`id`\n", "a='x\ny'\n", "a=\\\n b\n", "'", "\"", "$", "a=${", "if true; then\nfi\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := ParseSettings(text)
		g := Generate(Sources{Settings: s, Template: &File{"/t", text}, Macros: &File{"/m", text}, Version: "4.96", MailName: text})
		lines := 0
		for i := range len(g.Text) {
			if g.Text[i] == '\n' {
				lines++
			}
		}
		if g.Problem == "" && lines < len(g.Origins) {
			t.Errorf("%d lines, %d origins", lines, len(g.Origins))
		}
	})
}
