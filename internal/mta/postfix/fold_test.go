package postfix

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"waxseal"
)

// manyAliases writes a virtual table of so many entries over so many domains.
func manyAliases(entries, domains int) string {
	var b strings.Builder
	b.Grow(entries * 48)
	for i := range domains {
		fmt.Fprintf(&b, "domain%d.example virtual\n", i)
	}
	for i := range entries {
		fmt.Fprintf(&b, "user%07d@domain%d.example mailbox%d@example.test\n", i, i%domains, i)
	}
	return b.String()
}

func largeTree(table string) *fakeTree {
	return tree(map[string]string{
		"/etc/postfix/main.cf": own + "virtual_alias_maps = texthash:/etc/postfix/v\n", "/etc/postfix/master.cf": masterLines, "/etc/postfix/v": table,
	})
}

// folded finds the hook that stands for the rest of the table.
func folded(t *testing.T, r Result) waxseal.Hook {
	t.Helper()
	return find(t, r, "/etc/postfix/v:virtual_alias_maps:and more")
}

// TestLargeTables: what is ordinary becomes one hook, and nothing else does.
func TestLargeTables(t *testing.T) {
	const n = 20_000
	plain := manyAliases(n, 10)
	r := read(largeTree(plain))
	h := folded(t, r)
	if h.Modifiers["entries"] != fmt.Sprint(n+10-maxOrdinary) || len(r.Hooks) > maxOrdinary+50 || !strings.Contains(h.Explain, "19,010 more entries") {
		t.Errorf("%d hooks, folded %+v", len(r.Hooks), h)
	}
	for _, tc := range []struct {
		name, table string
		same        bool   // the folded hook is the same
		entries     string // and stands for so many
		hook        string // a hook of its own
	}{
		{"another order", reversed(plain), true, "19010", ""},
		{"comments and blanks", "# x\n" + strings.ReplaceAll(plain, ".example mailbox17@", ".example   mailbox17@"), true, "19010", ""},
		{"one more own entry", plain + "zoe@domain1.example bob\n", false, "19011", ""},
		{"one entry says another own user", strings.Replace(plain, " mailbox15000@", " mailbox15001@", 1), false, "19010", ""},
		{"one entry turned foreign", strings.Replace(plain, " mailbox15000@example.test", " x@evil.example.net", 1), false, "19009", "user0015000@domain0.example"},
		{"a command", plain + "zoe@domain1.example |/opt/x\n", true, "19010", "zoe@domain1.example"},
		{"two recipients", plain + "zoe@domain1.example zoe@example.test, x@evil.example.net\n", true, "19010", "zoe@domain1.example:2"},
		{"a catch-all", plain + "@domain1.example bob\n", true, "19010", "@domain1.example"},
		{"folded", plain + "zoe@domain1.example\n x@evil.example.net\n", true, "19010", "zoe@domain1.example"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := read(largeTree(tc.table))
			now := folded(t, r)
			if same := now.Modifiers["digest"] == h.Modifiers["digest"]; same != tc.same || now.Modifiers["entries"] != tc.entries {
				t.Errorf("same %v, modifiers %v", same, now.Modifiers)
			}
			if tc.hook != "" {
				find(t, r, "/etc/postfix/v:virtual_alias_maps:"+tc.hook)
			}
		})
	}
}

func reversed(table string) string {
	lines := strings.SplitAfter(table, "\n")
	var b strings.Builder
	for i := len(lines) - 1; i >= 0; i-- {
		b.WriteString(lines[i])
	}
	return b.String()
}

// TestLargeSettings: a large table that decides who gets in is a thousand
// settings and one.
func TestLargeSettings(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "spam%d.example REJECT\n", i)
	}
	files := map[string]string{"/etc/postfix/main.cf": own + "smtpd_sender_restrictions = check_sender_access texthash:/etc/postfix/s\nrelay_recipient_maps = texthash:/etc/postfix/r\n",
		"/etc/postfix/s": b.String() + "zz@x.example DISCARD\n", "/etc/postfix/r": strings.ReplaceAll(b.String(), "REJECT", "OK")}
	r := read(tree(files))
	if n := len(r.Settings); n > 2*maxOrdinary+50 {
		t.Errorf("%d settings", n)
	}
	find(t, r, "/etc/postfix/s:smtpd_sender_restrictions:zz@x.example")
	got := settings(r)
	for _, name := range []string{"map:/etc/postfix/s:and more", "map:/etc/postfix/r:and more"} {
		if !strings.HasPrefix(got[name], "4,000 more entries") {
			t.Errorf("%s = %q", name, got[name])
		}
	}
}

// BenchmarkMillionAliases reads a million virtual aliases over a thousand
// domains; the bound is 3 s.
func BenchmarkMillionAliases(b *testing.B) {
	tr := largeTree(manyAliases(1_000_000, 1000))
	b.SetBytes(int64(len(tr.files["/etc/postfix/v"])))
	b.ReportAllocs()
	for b.Loop() {
		if r := read(tr); len(r.Hooks) > 3000 {
			b.Fatal(len(r.Hooks), "hooks")
		}
	}
}

// cdbFile writes the pairs as a CDB (https://cr.yp.to/cdb/cdb.txt), as
// postmap(1) would: each key and value with a NUL byte behind it.
func cdbFile(each func(put func(key, value string))) string {
	type slot struct{ hash, at uint32 }
	var tables [256][]slot
	out := make([]byte, 2048)
	number := func(n uint32) { out = binary.LittleEndian.AppendUint32(out, n) }
	each(func(key, value string) {
		hash := uint32(5381)
		for i := range len(key) + 1 {
			c := byte(0)
			if i < len(key) {
				c = key[i]
			}
			hash = (hash << 5) + hash ^ uint32(c)
		}
		tables[hash%256] = append(tables[hash%256], slot{hash, uint32(len(out))})
		number(uint32(len(key) + 1))
		number(uint32(len(value) + 1))
		out = append(append(append(append(out, key...), 0), value...), 0)
	})
	for i, t := range tables {
		binary.LittleEndian.PutUint32(out[i*8:], uint32(len(out)))
		binary.LittleEndian.PutUint32(out[i*8+4:], uint32(len(t)*2))
		slots := make([]slot, len(t)*2)
		for _, s := range t {
			n := int(s.hash>>8) % len(slots)
			for slots[n].at != 0 {
				n = (n + 1) % len(slots)
			}
			slots[n] = s
		}
		for _, s := range slots {
			number(s.hash)
			number(s.at)
		}
	}
	return string(out)
}

// largeCompiled is a table with its compiled map.
func largeCompiled(table string) *fakeTree {
	t := largeTree(table)
	t.files["/etc/postfix/main.cf"] = strings.Replace(t.files["/etc/postfix/main.cf"], "texthash:", "cdb:", 1)
	t.files["/etc/postfix/v.cdb"] = cdbFile(func(put func(key, value string)) {
		for line := range strings.Lines(table) {
			key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			put(key, value)
		}
	})
	return t
}

// TestLargeCompiled: one entry in a large compiled map that says something else
// is a hook of its own.
func TestLargeCompiled(t *testing.T) {
	table := manyAliases(20_000, 10)
	same, drifted := largeCompiled(table), largeCompiled(strings.Replace(table, " mailbox15000@example.test", " x@evil.example.net", 1))
	drifted.files["/etc/postfix/v"] = table
	r := read(same)
	if h := folded(t, r); h.Modifiers["entries"] != "19010" {
		t.Errorf("%+v", h)
	}
	h := find(t, read(drifted), "/etc/postfix/v:virtual_alias_maps:user0015000@domain0.example")
	if h.Target.Value != "x@evil.example.net" || !h.Target.Remote || h.Modifiers["drift"] != "the compiled map says x@evil.example.net, its source mailbox15000@example.test" {
		t.Errorf("%+v", h)
	}
}

// BenchmarkMillionCompiled reads the same million where they are compiled too, and
// compares the two.
func BenchmarkMillionCompiled(b *testing.B) {
	tr := largeCompiled(manyAliases(1_000_000, 1000))
	b.SetBytes(int64(len(tr.files["/etc/postfix/v"]) + len(tr.files["/etc/postfix/v.cdb"])))
	b.ReportAllocs()
	for b.Loop() {
		if r := read(tr); len(r.Hooks) > 3000 {
			b.Fatal(len(r.Hooks), "hooks")
		}
	}
}
