package mta

import "testing"

func TestParseAction(t *testing.T) {
	for _, tc := range []struct {
		text, verb, rest string
		bearing          Bearing
	}{
		{"redirect  drop@x.example", "REDIRECT", "drop@x.example", Acts},
		{"BCC a@b", "BCC", "a@b", Acts},
		{"DISCARD", "DISCARD", "", Acts},
		{"dunno", "DUNNO", "", Decides},
		{"550 5.7.1 go away", "550", "5.7.1 go away", Decides},
		{"4.7.1 later", "4.7.1", "later", Decides},
		{"check_policy_service inet:h:1", "CHECK_POLICY_SERVICE", "inet:h:1", Restricts},
		{"", "", "", Restricts},
		{"23", "23", "", Restricts},
	} {
		a := ParseAction(tc.text)
		if a.Verb != tc.verb || a.Rest != tc.rest || a.Bearing != tc.bearing {
			t.Errorf("%q: %q %q %d", tc.text, a.Verb, a.Rest, a.Bearing)
		}
	}
	for _, a := range Actions() {
		if a.Bearing != Acts || a.Does == "" || a.Kind == "" || len(a.Effects) == 0 {
			t.Errorf("%+v does nothing", a)
		}
	}
}
