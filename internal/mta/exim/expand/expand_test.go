package expand

import "testing"

func TestWalk(t *testing.T) {
	e, msg := Parse(`a ${if and{{exists{/x}}{!eq{${lc:$domain}}{${run{/bin/sh -c "id"}{$value}fail}}}}{yes}{${lookup{$local_part}lsearch{/etc/x}{$value}}}} $h_subject: \N${perl{x}}\N`)
	if msg != "" {
		t.Fatal(msg)
	}
	var names []string
	e.Walk(func(p Part) {
		if p.Kind != Text {
			names = append(names, string(p.Kind)+" "+p.Name)
		}
	})
	t.Log(names)
}
