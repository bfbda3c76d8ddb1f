package stix_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"waxseal/internal/attack/stix"
)

// canonicalOf is the canonical form of a text.
func canonicalOf(t *testing.T, text string) string {
	t.Helper()
	v, err := stix.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	b, err := v.Canonical(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCanonical(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		// RFC 8785 §3.2.2 and §3.2.3.
		{"the example of the standard", `{
			"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
			"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
			"literals": [null, true, false]}`,
			`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`},
		{"the order of the standard", `{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
			"\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}`,
			`{"\r":"Carriage Return","1":"One","` + "\u0080" + `":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","` + "\ufb33" + `":"Hebrew Letter Dalet With Dagesh"}`},
		{"the shorter name first", `{"ab":1,"a":2,"":3}`, `{"":3,"a":2,"ab":1}`},
		{"empty", ` { } `, `{}`},
		{"nested", `[[],[{"b":[],"a":{}}]]`, `[[],[{"a":{},"b":[]}]]`},
		{"controls", `"\u0000\u0008\u0009\u000b\u000c\u001f\u007f\u2028"`, "\"\\u0000\\b\\t\\u000b\\f\\u001f\u007f\u2028\""},
		{"a pair of surrogates", `"\uD834\uDD1E"`, `"𝄞"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := canonicalOf(t, tc.text); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestNumbers has RFC 8785, appendix B, as far as its doubles have a decimal text.
func TestNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "-0.0": "0", "5e-324": "5e-324", "-5e-324": "-5e-324", "1.7976931348623157e308": "1.7976931348623157e+308",
		"9007199254740992": "9007199254740992", "-9007199254740992": "-9007199254740992", "295147905179352830000": "295147905179352830000",
		"9.999999999999997e22": "9.999999999999997e+22", "1e23": "1e+23", "1.0000000000000001e+23": "1.0000000000000001e+23",
		"999999999999999700000": "999999999999999700000", "999999999999999900000": "999999999999999900000", "1e21": "1e+21",
		"9.999999999999997e-7": "9.999999999999997e-7", "0.000001": "0.000001", "333333333.3333332": "333333333.3333332",
		"-0.0000033333333333333333": "-0.0000033333333333333333", "1424953923781206.2": "1424953923781206.2", "1e-10": "1e-10", "10.0": "10",
	} {
		if got := canonicalOf(t, text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	v, err := stix.ParseJSON([]byte("1e400"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Canonical(nil); err == nil {
		t.Error("a number beyond every double has a canonical form")
	}
}

func TestInvalidJSON(t *testing.T) {
	for _, text := range []string{
		``, ` `, `{`, `[`, `"`, `"\`, `"\u12`, `"\u12G4"`, `"\x"`, "\"\n\"", "\"\xff\"", `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `[1,]`, `[,1]`, `[1 2]`, `{"a":1 "b":2}`,
		`{a:1}`, `tru`, `nul`, `True`, `NaN`, `+1`, `01`, `1.`, `.5`, `1e`, `1e+`, `-`, `1 2`, `{} {}`, `'a'`, `[1}`, `"\ud800" x`, "\ufeff{}",
	} {
		var wrong *stix.SyntaxError
		if _, err := stix.ParseJSON([]byte(text)); !errors.As(err, &wrong) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

const (
	idA    = "tool--00000000-0000-4000-8000-00000000000a"
	idB    = "tool--00000000-0000-4000-8000-00000000000b"
	toolA  = `{"type":"tool","id":"` + idA + `","name":"a"}`
	toolB  = `{"type":"tool", "id":"` + idB + `"}`
	before = `{"type":"bundle","id":"bundle--1","spec_version":"2.0","objects":[`
)

// read reads a bundle, and returns the ids with the bytes.
func read(text string) (got []string, b stix.Bundle, err error) {
	b, err = stix.Read(strings.NewReader(text), func(o stix.Object) error {
		got = append(got, string(o.Raw))
		return nil
	})
	return got, b, err
}

func TestBundles(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
		spec       string
	}{
		{"one", before + toolA + `]}`, []string{toolA}, "2.0"},
		{"with white space, and the type last", " \n{ \"objects\" : [ " + toolA + " ,\n" + toolB + " ] , \"id\":\"bundle--2\", \"type\" : \"bundle\" }\n ", []string{toolA, toolB}, ""},
		{"no objects", `{"type":"bundle","id":"bundle--1"}`, nil, ""},
		{"an empty list", before + ` ] }`, nil, "2.0"},
		{"STIX 2.1", `{"type":"bundle","id":"bundle--1","objects":[{"type":"tool","spec_version":"2.1","id":"` + idA + `"}]}`,
			[]string{`{"type":"tool","spec_version":"2.1","id":"` + idA + `"}`}, "2.1"},
		{"an object by itself", "\n" + `{ "type" : "tool", "x" : [1, {"objects": []}], "id":"` + idA + `" , "spec_version":"2.1" }` + "\n",
			[]string{`{ "type" : "tool", "x" : [1, {"objects": []}], "id":"` + idA + `" , "spec_version":"2.1" }`}, "2.1"},
		{"observed data, whose objects are no list", `{"type":"observed-data","objects":{"0":{"type":"file"}},"id":"observed-data--00000000-0000-4000-8000-00000000000a"}`,
			[]string{`{"type":"observed-data","objects":{"0":{"type":"file"}},"id":"observed-data--00000000-0000-4000-8000-00000000000a"}`}, ""},
		{"a byte order mark", "\ufeff" + before + toolA + `]}`, []string{toolA}, "2.0"},
		{"braces and quotes in strings", before + `{"type":"tool","id":"` + idA + `","name":"}]\"\\{[\\"}]}`, []string{`{"type":"tool","id":"` + idA + `","name":"}]\"\\{[\\"}`}, "2.0"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, b, err := read(tc.text)
			if err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", tc.want) {
				t.Fatalf("%v\ngot  %q\nwant %q", err, got, tc.want)
			}
			if b.Objects != len(tc.want) || len(b.Skipped) > 0 || b.Spec != tc.spec {
				t.Errorf("%+v", b)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct{ name, text, says string }{
		{"nothing", "", "is empty"},
		{"a page", "<html></html>", "begins with '<'"},
		{"a list", "[" + toolA + "]", "begins with '['"},
		{"another JSON", `{"name":"x","version":1}`, "neither a bundle nor an object: it has no type"},
		{"a list of objects, and no bundle", `{"objects":[` + toolA + `]}`, "it has no type"},
		{"a bundle of something else", `{"type":"collection","objects":[` + toolA + `]}`, `its type is "collection"`},
		{"an end in the middle of an object", before + toolA + `,{"type":"too`, "ends in the middle"},
		{"an end behind an object", before + toolA, "ends in the middle"},
		{"an end behind the list", before + toolA + `]`, "ends in the middle"},
		{"no comma", before + toolA + toolB + `]}`, "want a comma"},
		{"a comma too many", before + toolA + `,]}`, "no JSON value begins with"},
		{"an object that is no JSON", before + `{"type":"tool" "id":"x"}]}`, "want a comma"},
		{"something behind", before + toolA + `]} {}`, "something follows"},
		{"two lists", before + toolA + `],"objects":[]}`, "twice"},
		{"not UTF-8", before + "{\"type\":\"tool\",\"id\":\"" + idA + "\",\"name\":\"\xff\"}]}", "not UTF-8"},
		{"UTF-16", "\xff\xfe{\x00", "begins with"},
		{"crossed brackets", before + `{"type":"tool","id":["x"}]]}`, "want a comma"},
		{"a member of the bundle that has one twice", `{"type":"bundle","x":{"a":1,"a":2},"objects":[]}`, "twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := read(tc.text)
			var wrong *stix.SyntaxError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v, want %q", err, tc.says)
			}
		})
	}
}

// TestSyntaxErrorsHaveAPlace: the offset is that in the source, within an object too.
func TestSyntaxErrorsHaveAPlace(t *testing.T) {
	text := before + toolA + `,{"type":"tool",!}]}`
	_, _, err := read(text)
	var wrong *stix.SyntaxError
	if !errors.As(err, &wrong) || text[wrong.Offset] != '!' {
		t.Errorf("%v", err)
	}
}

// TestSkipped: each of these is passed over, and the objects around it are not.
func TestSkipped(t *testing.T) {
	for _, tc := range []struct{ name, object, says string }{
		{"a number", `17`, "a number, not a JSON object"},
		{"null", `null`, "null, not"},
		{"a list", `[{}]`, "an array, not"},
		{"empty", `{}`, "has no type"},
		{"a type that is none", `{"type":1,"id":"` + idA + `"}`, "has no type"},
		{"no id", `{"type":"tool"}`, "has no id"},
		{"an id that is none", `{"type":"tool","id":"tool--1"}`, "no STIX identifier"},
		{"an id of another type", `{"type":"malware","id":"` + idA + `"}`, "an id of another"},
		{"a member twice", `{"type":"tool","id":"` + idA + `","a":1,"a":1}`, `"a" twice`},
		{"a member twice, deep down", `{"type":"tool","id":"` + idA + `","x":[{"a":{"b":1,"b":2}}]}`, `"b" twice`},
		{"half a surrogate pair", `{"type":"tool","id":"` + idA + `","name":"\ud83d!"}`, "surrogate"},
		{"a number without bound", `{"type":"tool","id":"` + idA + `","n":1e999}`, "too large"},
		{"deep", `{"type":"tool","id":"` + idA + `","n":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, "nested deeper"},
		{"very deep", strings.Repeat(`{"a":`, 1e6) + "1" + strings.Repeat("}", 1e6), "nested deeper"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, b, err := read(before + toolA + "," + tc.object + "," + toolB + "]}")
			if err != nil || fmt.Sprint(got) != fmt.Sprint([]string{toolA, toolB}) || len(b.Skipped) != 1 {
				t.Fatalf("%v %v %+v", err, got, b.Skipped)
			}
			if s := b.Skipped[0]; !strings.Contains(s.Error(), tc.says) || s.Offset != int64(len(before+toolA+",")) {
				t.Errorf("%v at %d, want %q", s.Error(), s.Offset, tc.says)
			}
		})
	}
}

// TestLarge: an object of 10 MB is an object, and one that is larger than the bound is
// passed over without being kept.
func TestLarge(t *testing.T) {
	large := func(n int) string {
		return `{"type":"tool","id":"` + idB + `","name":"` + strings.Repeat("x", n) + `"}`
	}
	got, b, err := read(before + large(10<<20) + "," + toolA + "]}")
	if err != nil || len(got) != 2 || len(got[0]) < 10<<20 || len(b.Skipped) > 0 {
		t.Errorf("%v: %d objects, %d skipped", err, len(got), len(b.Skipped))
	}
	got, b, err = read(before + large(stix.MaxObject) + "," + toolA + "]}")
	if err != nil || len(got) != 1 || len(b.Skipped) != 1 || !strings.Contains(b.Skipped[0].Reason, "larger than 32 MiB") {
		t.Errorf("%v: %d objects, %+v", err, len(got), b.Skipped)
	}
	if _, _, err := read(large(stix.MaxObject)); err == nil {
		t.Error("an object by itself is too large, and was taken")
	}
}

// TestEmitEnds: an error of whoever takes the objects ends the reading.
func TestEmitEnds(t *testing.T) {
	stop, n := errors.New("stop"), 0
	_, err := stix.Read(strings.NewReader(before+toolA+","+toolB+"]}"), func(stix.Object) error {
		n++
		return stop
	})
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("%v after %d", err, n)
	}
}

// TestRealObjects: the digests of the four releases of AN0473 are those that were
// published elsewhere.
func TestRealObjects(t *testing.T) {
	const canonical = "d2758b5e9f0334ec788bd519053429111da9d0f308522f9b4141bdd8918b52bd"
	for _, release := range []string{"18.0", "18.1", "19.0", "19.1"} {
		text, err := os.ReadFile(filepath.Join("../testdata/objects", "AN0473-v"+release+".json"))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		_, err = stix.Read(bytes.NewReader(text), func(o stix.Object) error {
			n++
			if o.Canonical != canonical || o.ID != "x-mitre-analytic--2c64ece9-c40f-4d1a-babf-106f587454d0" || o.Type() != "x-mitre-analytic" {
				t.Errorf("%s: %s %s", release, o.ID, o.Canonical)
			}
			if !bytes.Contains(text, o.Raw) || o.Raw[0] != '{' || o.Raw[len(o.Raw)-1] != '}' {
				t.Errorf("%s: not the bytes of the source", release)
			}
			return nil
		})
		if err != nil || n != 1 {
			t.Error(release, n, err)
		}
	}
}

func TestValues(t *testing.T) {
	v, err := stix.ParseJSON([]byte(`{"s":"x","n":1.50,"t":true,"l":["a",1,"b"],"o":{"z":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	if v.Get("s").Text() != "x" || !v.Get("t").True() || v.Get("s").True() || fmt.Sprint(v.Get("l").Texts()) != "[a b]" || v.Get("none").Kind != stix.Missing {
		t.Error(v)
	}
	for name, want := range map[string]string{"s": "x", "n": "1.5", "t": "true", "l": `["a",1,"b"]`, "o": `{"z":null}`, "none": ""} {
		if got := v.Get(name).String(); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	same, err := stix.ParseJSON([]byte(`{"o":{"z":null},"l":["a",1.0,"b"],"t":true,"n":15e-1,"s":"\u0078"}`))
	if err != nil || !v.Equal(same) || v.Equal(v.Get("o")) {
		t.Error("equality", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(before + toolA + "," + toolB + `,17,{"type":"tool","id":"x"}]}`))
	f.Add([]byte(toolA))
	f.Add([]byte(`{"objects":[` + toolA + `],"type":"bundle"}`))
	f.Add([]byte(before + `{"type":"tool","id":"` + idA + `","n":[1e999,-0.0,"\ud83d\ude00\ud83d"]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		n := 0
		b, err := stix.Read(bytes.NewReader(text), func(o stix.Object) error {
			n++
			checkObject(t, text, o)
			return nil
		})
		if err == nil && n != b.Objects {
			t.Errorf("%d objects handed on, %d counted", n, b.Objects)
		}
	})
}

// checkObject: what is handed on stood in the source, and its canonical form is a JSON
// text with the same canonical form.
func checkObject(t *testing.T, text []byte, o stix.Object) {
	if !bytes.Contains(text, o.Raw) {
		t.Errorf("%q did not stand in the source", o.Raw)
	}
	canonical, err := o.Value.Canonical(nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := stix.Parse(canonical)
	if err != nil || again.Canonical != o.Canonical || again.Digest != o.Canonical || again.ID != o.ID {
		t.Errorf("canonical form %s: %v, %+v", canonical, err, again)
	}
}
