package mapdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// million is an alias map of a million entries: its source, and a CDB of it.
func million() (source string, compiled []byte) {
	var text strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&text, "user%07d@d%03d.example.test  box%07d@store.example.test\n", i, i%1000, i)
	}
	entries, _ := ParseSource(KeyValue, text.String())
	return text.String(), makeCDB(entries)
}

// makeCDB writes a CDB as cdbmake does.
func makeCDB(entries []Entry) []byte {
	type slot struct{ hash, at uint32 }
	out := make([]byte, 2048, 120<<20)
	var tables [256][]slot
	for _, e := range entries {
		h := uint32(5381)
		for i := 0; i < len(e.Key); i++ {
			h = (h<<5 + h) ^ uint32(e.Key[i])
		}
		tables[h&255] = append(tables[h&255], slot{h, uint32(len(out))})
		out = binary.LittleEndian.AppendUint32(out, uint32(len(e.Key)))
		out = binary.LittleEndian.AppendUint32(out, uint32(len(e.Value)))
		out = append(append(out, e.Key...), e.Value...)
	}
	for i, t := range tables {
		slots := make([]slot, 2*len(t))
		for _, s := range t {
			n := int(s.hash>>8) % len(slots)
			for slots[n].at != 0 {
				n = (n + 1) % len(slots)
			}
			slots[n] = s
		}
		binary.LittleEndian.PutUint32(out[8*i:], uint32(len(out)))
		binary.LittleEndian.PutUint32(out[8*i+4:], uint32(len(slots)))
		for _, s := range slots {
			out = binary.LittleEndian.AppendUint32(out, s.hash)
			out = binary.LittleEndian.AppendUint32(out, s.at)
		}
	}
	return out
}

// BenchmarkMillion parses a source of a million entries and compares it with
// its compiled table. live-MB is what the heap holds afterwards, source and
// compiled table left out.
func BenchmarkMillion(b *testing.B) {
	source, compiled := million()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b.SetBytes(int64(len(source) + len(compiled)))
	for b.Loop() {
		entries, _ := ParseSource(KeyValue, source)
		_, total := Disagreement(entries, func(yield func(key, value []byte) bool) {
			if _, err := EachCompiled("cdb", bytes.NewReader(compiled), int64(len(compiled)), yield); err != nil {
				b.Fatal(err)
			}
		}, 100)
		if total != 0 {
			b.Fatalf("%d differences", total)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(entries)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "live-MB")
}

// BenchmarkPatterns parses ten million bytes of rules.
func BenchmarkPatterns(b *testing.B) {
	text := strings.Repeat("/^Subject: .*(viagra|casino)[0-9]{2,}/ REJECT no $1\n", 10_000_000/52)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if entries, problems := ParseSource(PCRE, text); len(entries) == 0 || len(problems) > 0 {
			b.Fatal(problems[0])
		}
	}
}
