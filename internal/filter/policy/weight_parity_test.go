package policy

import (
	"fmt"
	"strings"
	"testing"

	"waxseal/internal/lab"
)

// weightNames are settings of policyd-weight.
var weightNames = []string{"REJECTMSG", "DEFER_ACTION", "TCP_PORT", "BIND_ADDRESS", "USER"}

// parityPerl asks perl itself what a configuration in the manner of policyd-weight sets.
func (q question) parityPerl(t *testing.T) {
	cases := lab.Cases(t, 120)
	for i := range cases {
		q.write(t, fmt.Sprintf("%d.pl", i), q.weight())
	}
	out := q.ask(t, fmt.Sprintf(`cd /cases; for i in $(seq 0 %d); do perl -e '
our ($REJECTMSG, $DEFER_ACTION, $TCP_PORT, $BIND_ADDRESS, $USER); do "/cases/$ARGV[0].pl"; print "$ARGV[0]: $@\n" if $@;
for my $n (qw(%s)) { no strict "refs"; print "$ARGV[0] $n=${$n}\n" if defined ${$n} }' $i; done`, cases-1, strings.Join(weightNames, " ")))
	said := map[string]map[string]string{}
	for line := range strings.Lines(out) {
		i, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, value, ok := strings.Cut(rest, "=")
		if !ok {
			t.Fatalf("perl refuses: %s", line)
		}
		if said[i] == nil {
			said[i] = map[string]string{}
		}
		said[i][name] = value
	}
	compared := 0
	for i := range cases {
		text := q.read(t, fmt.Sprintf("%d.pl", i))
		ours := perlAssignments("/etc/policyd-weight.conf", text)
		for name, value := range said[fmt.Sprint(i)] {
			compared++
			if got := ours[name].value; got != value {
				t.Errorf("case %d: %s is %q here, and %q to perl\n%s", i, name, got, value, text)
			}
		}
		for name := range ours {
			if _, ok := said[fmt.Sprint(i)][name]; !ok {
				t.Errorf("case %d: %s is set here, and not to perl\n%s", i, name, text)
			}
		}
	}
	if compared < cases {
		t.Errorf("%d values of %d configurations: that asks little", compared, cases)
	}
}

// weight makes a configuration.
func (q question) weight() string {
	var b strings.Builder
	for range 1 + q.IntN(6) {
		b.WriteString(q.of("", "\n", "# $REJECTMSG = 'no';\n", "\n=pod\n\n$USER = 'pod';\n\n=cut\n\n"))
		b.WriteString(q.of("", "   ", "\t") + "$" + q.of(weightNames...) + q.of(" = ", "=", "\t= ", " =\n  "))
		b.WriteString(q.of("'DUNNO'", `"550 no # thanks"`, "10031", "q(OK; all)", `'a' . " b"`, `"it\'s \"so\""`, "'back\\\\slash'", "q{REJECT}", "'127.0.0.1'"))
		b.WriteString(q.of(";\n", "; ", " ;   # so\n", ";;\n"))
	}
	return b.String() + "\n1;\n"
}
