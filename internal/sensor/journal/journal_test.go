package journal

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"waxseal"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func read(t testing.TB, text []byte) []Entry {
	t.Helper()
	list, err := Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestParity: the same entries are in a journal as journalctl(1) says.
func TestParity(t *testing.T) {
	for _, name := range []string{"compact", "regular"} {
		got := read(t, sample(t, name+".journal"))
		if len(got) < 50 {
			t.Fatalf("%s: %d entries", name, len(got))
		}
		for _, form := range []string{"export", "json"} {
			if d := cmp.Diff(read(t, sample(t, name+"."+form)), got); d != "" {
				t.Errorf("%s: %s and the file differ:\n%.3000s", name, form, d)
			}
		}
		long := false
		for _, e := range got {
			long = long || len(e.Fields["MESSAGE"]) > 900
		}
		if !long {
			t.Errorf("%s: the packed line is missing", name)
		}
	}
}

// TestWhoWrote: a line that a user writes in sshd's name is told with who wrote it.
func TestWhoWrote(t *testing.T) {
	var real, forged *waxseal.LogLine
	for _, e := range read(t, sample(t, "compact.journal")) {
		l, ok := Line(e)
		switch {
		case ok && strings.Contains(l.Text, "Accepted publickey for alice"):
			real = &l
		case ok && strings.Contains(l.Text, "Accepted publickey for mallory"):
			forged = &l
		}
	}
	if real == nil || real.By.UID != 0 || real.By.Exe != "/usr/sbin/sshd" || real.By.PID == 0 {
		t.Errorf("real %+v", real)
	}
	if forged == nil || forged.By.UID == 0 || forged.By.Exe != "/usr/bin/logger" || !strings.Contains(forged.Text, "sshd[") {
		t.Errorf("forged %+v", forged)
	}
}

// journalOf makes a journal of entries with these fields, packed in one way, in arrays of
// two entries.
func journalOf(compact bool, packed byte, entries ...[]string) []byte {
	b := make([]byte, 256)
	copy(b, signature)
	width := 8
	put := func(at int, n uint64) { binary.LittleEndian.PutUint64(b[at:], n) }
	if compact {
		b[12], width = compactFlag, 4
	}
	add := func(kind, flags byte, body []byte) int {
		for len(b)%8 != 0 {
			b = append(b, 0)
		}
		at := len(b)
		head := make([]byte, objectHeader)
		head[0], head[1] = kind, flags
		binary.LittleEndian.PutUint64(head[8:], uint64(objectHeader+len(body)))
		b = append(append(b, head...), body...)
		return at
	}
	item := func(n int) []byte {
		i := make([]byte, 8)
		binary.LittleEndian.PutUint64(i, uint64(n))
		return i[:width]
	}
	array, last := 0, 0
	for i, fields := range entries {
		body := make([]byte, entryHeader-objectHeader)
		binary.LittleEndian.PutUint64(body[8:], uint64(1700000000000000+i))
		for _, f := range fields {
			pad := dataHeader - objectHeader
			if compact {
				pad += 8
			}
			data := add(dataObject, packed, append(make([]byte, pad), pack(packed, f)...))
			body = append(body, item(data)...)
			if !compact {
				body = append(body, make([]byte, 8)...)
			}
		}
		entry := add(entryObject, 0, body)
		if i%2 == 0 {
			next := add(entryArrayObject, 0, make([]byte, 8+2*width))
			if array == 0 {
				put(176, uint64(next))
			} else {
				put(array+16, uint64(next))
			}
			array, last = next, next+arrayHeader
		}
		copy(b[last:], item(entry))
		last += width
	}
	put(152, uint64(len(entries)))
	return b
}

func pack(how byte, text string) []byte {
	var b bytes.Buffer
	switch how {
	case packedXZ:
		w, _ := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
	case packedZstd:
		w, _ := zstd.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
	case packedLZ4: // literals only
		b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text))))
		b.WriteByte(byte(min(len(text), 15)) << 4)
		if n := len(text) - 15; n >= 0 {
			for ; n >= 255; n -= 255 {
				b.WriteByte(255)
			}
			b.WriteByte(byte(n))
		}
		b.WriteString(text)
	default:
		return []byte(text)
	}
	return b.Bytes()
}

func entriesOf(n int) (list [][]string) {
	for i := range n {
		list = append(list, []string{fmt.Sprintf("MESSAGE=Accepted publickey for u%d from 192.0.2.1 port 4%d ssh2", i, i), "SYSLOG_IDENTIFIER=sshd", "_UID=0", "_PID=7"})
	}
	return list
}

func TestForms(t *testing.T) {
	for _, compact := range []bool{true, false} {
		for _, packed := range []byte{0, packedXZ, packedLZ4, packedZstd} {
			t.Run(fmt.Sprint(compact, packed), func(t *testing.T) {
				got := read(t, journalOf(compact, packed, entriesOf(5)...))
				if len(got) != 5 || got[4].Fields["MESSAGE"] != "Accepted publickey for u4 from 192.0.2.1 port 44 ssh2" || got[4].Fields["_UID"] != "0" {
					t.Errorf("%+v", got)
				}
			})
		}
	}
}

// TestLZ4: a block with a match that overlaps what it makes (the LZ4 block format).
func TestLZ4(t *testing.T) {
	block := []byte{0x3f, 'a', 'b', 'c', 3, 0, 2, 0x10, '!'} // abc, then 15+2+4 from three back, then "!"
	got, err := lz4(block, 100)
	if want := strings.Repeat("abc", 8) + "!"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range [][]byte{{0x1f, 'a', 9, 0}, {0x1f, 'a', 0, 0, 1}, {0xff}} {
		if got, err := lz4(bad, 1000); err == nil && len(got) > 1 {
			t.Errorf("%v became %q", bad, got)
		}
	}
}

// TestRing: arrays that lead in a ring end.
func TestRing(t *testing.T) {
	b := journalOf(false, 0, entriesOf(5)...)
	first := binary.LittleEndian.Uint64(b[176:])
	second := binary.LittleEndian.Uint64(b[first+16:])
	binary.LittleEndian.PutUint64(b[second+16:], first)
	binary.LittleEndian.PutUint64(b[152:], 1<<40)
	if list, err := Read(b); err == nil || len(list) > 4 {
		t.Errorf("%d entries, %v", len(list), err)
	}
}

// TestAsked: who asks has every line that is there by then.
func TestAsked(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "var/log/journal/0123456789abcdef0123456789abcdef")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	name, five := filepath.Join(dir, "system.journal"), entriesOf(5)
	five[0][0] = "MESSAGE=Accepted publickey for u0 from 192.0.2.1 port 22 ssh2"
	if err := os.WriteFile(name, journalOf(false, 0, five[:1]...), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	lines, ended, asked := make(chan string, 10), make(chan error, 1), make(chan chan struct{})
	go func() {
		ended <- Follow(ctx, Options{Root: root, Interval: time.Hour, Ask: asked}, func(l waxseal.LogLine, _ time.Time) { lines <- l.Text }, func(waxseal.Gap) {})
	}()
	if got := <-lines; !strings.Contains(got, "for u0") {
		t.Errorf("first %q", got)
	}
	if err := os.WriteFile(name+".new", journalOf(false, 0, five[:2]...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	asked <- done
	<-done
	if len(lines) == 0 {
		t.Error("the line was not there when the answer came")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestFollow: what is added, and what is in the next journal, comes once and in order;
// of what was there only logins do.
func TestFollow(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "var/log/journal/0123456789abcdef0123456789abcdef")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "system.journal")
	write := func(b []byte) {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	five := entriesOf(5)
	five[0][0] = "MESSAGE=Server listening on 0.0.0.0 port 22."
	write(journalOf(true, 0, five[:3]...))
	var mu sync.Mutex
	var lines, gaps []string
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Follow(ctx, Options{Root: root, Interval: 2 * time.Millisecond}, func(l waxseal.LogLine, _ time.Time) {
			mu.Lock()
			defer mu.Unlock()
			_, text, _ := strings.Cut(l.Text, "]: ")
			lines = append(lines, text)
		}, func(g waxseal.Gap) { mu.Lock(); defer mu.Unlock(); gaps = append(gaps, g.Reason) })
	}()
	wait := func(n int) {
		t.Helper()
		for range 1000 {
			mu.Lock()
			have := len(lines)
			mu.Unlock()
			if have >= n {
				return
			}
			time.Sleep(2 * time.Millisecond)
		}
		t.Fatalf("%q, gaps %q", lines, gaps)
	}
	wait(2)
	grown := journalOf(true, 0, five...) // the same bytes, and more
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err1 := f.WriteAt(grown[256:], 256)
	_, err2 := f.WriteAt(grown[:256], 0)
	if err1 != nil || err2 != nil || f.Close() != nil {
		t.Fatal(err1, err2)
	}
	wait(4)
	if err := os.Rename(name, filepath.Join(dir, "system@1.journal")); err != nil {
		t.Fatal(err)
	}
	write(journalOf(false, packedZstd, []string{"MESSAGE=Server listening", "SYSLOG_IDENTIFIER=sshd", "_PID=8"}))
	wait(5)
	cancel()
	if err := <-done; err != nil || len(gaps) > 0 {
		t.Errorf("%v, gaps %q", err, gaps)
	}
	want := []string{"u1", "u2", "u3", "u4", "Server listening"}
	for i, w := range want {
		if i >= len(lines) || !strings.Contains(lines[i], w) {
			t.Fatalf("%q", lines)
		}
	}
}

// FuzzRead: no journal ends in a panic or a loop.
func FuzzRead(f *testing.F) {
	for _, packed := range []byte{0, packedXZ, packedLZ4, packedZstd} {
		f.Add(journalOf(packed != 0, packed, entriesOf(3)...))
	}
	f.Add([]byte("__REALTIME_TIMESTAMP=1\nMESSAGE\n\x03\x00\x00\x00\x00\x00\x00\x00abc\n\nMESSAGE=x\n"))
	f.Add([]byte(`{"MESSAGE":[104,105],"_UID":"0"}{"MESSAGE":["a","b"]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, _ := Read(b)
		if len(list) > len(b)+1 {
			t.Errorf("%d entries of %d bytes", len(list), len(b))
		}
		for _, e := range list {
			if l, ok := Line(e); ok && strings.ContainsAny(l.Text, "\r\n") {
				t.Errorf("%q", l.Text)
			}
		}
	})
}
