package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"waxseal/internal/ledger"
)

func TestEncode(t *testing.T) {
	e := ledger.Entry{Index: 17, Time: time.Date(2026, 3, 1, 13, 0, 0, 500, time.FixedZone("CET", 3600)),
		Kind: ledger.KindFinding, Body: []byte(" { \"text\" : \"<a & b>\\u00e9 é\", \"n\": [1, 2 ] } ")}
	got, err := ledger.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"index":17,"time":"2026-03-01T12:00:00.0000005Z","kind":"finding","body":{"text":"<a & b>\u00e9 é","n":[1,2]}}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	back, err := ledger.Decode(got)
	if err != nil {
		t.Fatal(err)
	}
	e.Time, e.Body = e.Time.UTC(), []byte(`{"text":"<a & b>\u00e9 é","n":[1,2]}`)
	if diff := cmp.Diff(e, back); diff != "" {
		t.Errorf("round trip (-want +got):\n%s", diff)
	}
}

func TestEncodeRefuses(t *testing.T) {
	good := func() ledger.Entry {
		return ledger.Entry{Index: 1, Time: testTime, Kind: ledger.KindSeal, Body: []byte(`{}`)}
	}
	tests := []struct {
		name string
		set  func(*ledger.Entry)
		want string
	}{
		{"index", func(e *ledger.Entry) { e.Index = -1 }, "index is negative"},
		{"kind", func(e *ledger.Entry) { e.Kind = "note" }, `unknown kind "note"`},
		{"no body", func(e *ledger.Entry) { e.Body = nil }, "body"},
		{"body is no object", func(e *ledger.Entry) { e.Body = []byte(`[1]`) }, "not a JSON object"},
		{"body is two", func(e *ledger.Entry) { e.Body = []byte(`{} {}`) }, "body"},
		{"body is not UTF-8", func(e *ledger.Entry) { e.Body = []byte("{\"a\":\"\xff\"}") }, "not UTF-8"},
		{"year", func(e *ledger.Entry) { e.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "year 10000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := good()
			tt.set(&e)
			if _, err := ledger.Encode(e); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, text := range []string{
		``, `{}`, `null`, `[]`,
		`{"index":1,"time":"2026-03-01T12:00:00Z","kind":"seal","body":{}} `,
		`{"index":1,"time":"2026-03-01T12:00:00Z","kind":"seal","body":{}}{}`,
		`{"index":1, "time":"2026-03-01T12:00:00Z","kind":"seal","body":{}}`,
		`{"Index":1,"time":"2026-03-01T12:00:00Z","kind":"seal","body":{}}`,
		`{"index":1,"index":1,"time":"2026-03-01T12:00:00Z","kind":"seal","body":{}}`,
		`{"time":"2026-03-01T12:00:00Z","index":1,"kind":"seal","body":{}}`,
		`{"index":1,"time":"2026-03-01T12:00:00.10Z","kind":"seal","body":{}}`,
		`{"index":1,"time":"2026-03-01T13:00:00+01:00","kind":"seal","body":{}}`,
		`{"index":1,"time":"2026-03-01T12:00:00Z","kind":"sealed","body":{}}`,
		`{"index":1,"time":"2026-03-01T12:00:00Z","kind":"s\u0065al","body":{}}`,
		`{"index":1,"time":"2026-03-01T12:00:00Z","kind":"seal","body":{},"more":1}`,
		`{"index":1,"time":"2026-03-01T12:00:00Z","kind":"seal","body":{ }}`,
		`{"index":01,"time":"2026-03-01T12:00:00Z","kind":"seal","body":{}}`,
		`{"index":1e0,"time":"2026-03-01T12:00:00Z","kind":"seal","body":{}}`,
		`{"index":-1,"time":"2026-03-01T12:00:00Z","kind":"seal","body":{}}`,
	} {
		if e, err := ledger.Decode([]byte(text)); err == nil {
			t.Errorf("%s: decoded to %+v", text, e)
		}
	}
}

// FuzzDecode: never panics, and what decodes is exactly what Encode writes.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"index":17,"time":"2026-03-01T12:00:00.0000005Z","kind":"finding","body":{"n":[1,2]}}`))
	f.Add([]byte(`{"index":1,"time":"2026-03-01T13:00:00+01:00","kind":"seal","body":{}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ledger.Decode(b)
		if err != nil {
			return
		}
		again, err := ledger.Encode(e)
		if err != nil || string(again) != string(b) {
			t.Errorf("decoded from %q, encodes to %q, %v", b, again, err)
		}
	})
}
