package proc

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestRecord: what is larger than the room that is there at first is read to its end or to
// the limit, and what was given away stays as it is.
func TestRecord(t *testing.T) {
	dir := t.TempDir()
	r := &Reader{proc: dir}
	var kept, want [][]byte
	for _, size := range []int{0, 1, 4095, 4096, 4097, 30_000} {
		text := bytes.Repeat([]byte{'a' + byte(size%7)}, size)
		if err := os.WriteFile(filepath.Join(dir, "x"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		kept, want = append(kept, r.record("x", 20_000)), append(want, text[:min(size, 20_000)])
	}
	for i := range kept {
		if !bytes.Equal(kept[i], want[i]) {
			t.Errorf("%d bytes, want %d", len(kept[i]), len(want[i]))
		}
	}
	if b := r.record("nothing", 100); b != nil {
		t.Errorf("%q of no file", b)
	}
	if b := r.record("x", 10); len(b) != 10 {
		t.Errorf("%d bytes, with a limit of 10", len(b))
	}
}
