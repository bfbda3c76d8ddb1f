package lull

import (
	"runtime"
	"testing"
	"time"
)

var heap [][]byte

// keep makes something that is in use, so that there is room for a pile.
func keep(t *testing.T) {
	heap = [][]byte{make([]byte, 8<<20)}
	t.Cleanup(func() { heap = nil })
	runtime.GC()
}

func waste(bytes int) {
	for range bytes / 1024 {
		heap = append(heap[:1], make([]byte, 1024))
	}
}

func collections() uint32 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.NumForcedGC
}

func await(t *testing.T, n uint32) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); collections() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d collections, want %d", collections(), n)
		}
	}
}

func TestCollectsWhatHasPiledUp(t *testing.T) {
	keep(t)
	var l Lull
	l.Begins()
	time.Sleep(4 * pause)
	before := collections()
	waste(5 << 20)
	l.Ends()
	l.Begins()
	await(t, before+1)
	for range 100 {
		l.Ends()
		l.Begins()
	}
	time.Sleep(4 * pause)
	if n := collections() - before; n != 1 {
		t.Errorf("%d collections, and nothing had been made after the first", n)
	}
}

func TestWaitsForALull(t *testing.T) {
	keep(t)
	var l Lull
	l.Begins()
	waste(5 << 20)
	before := collections()
	l.Begins()
	l.Ends()
	time.Sleep(4 * pause)
	if n := collections() - before; n != 0 {
		t.Errorf("%d collections while somebody waited", n)
	}
}

// A flood is no loop: what is collected is bounded by what is made, not by how often
// there is a pause.
func TestIsBoundedByWhatIsMade(t *testing.T) {
	keep(t)
	var l Lull
	l.Begins()
	before := collections()
	const looks, each = 64, 256 << 10
	for range looks {
		l.Ends()
		waste(each)
		l.Begins()
		time.Sleep(2 * pause)
	}
	time.Sleep(4 * pause)
	if n, most := collections()-before, uint32(looks*each/(4<<20)+1); n == 0 || n > most {
		t.Errorf("%d collections, want 1 to %d", n, most)
	}
}

func BenchmarkBegins(b *testing.B) {
	var l Lull
	for b.Loop() {
		l.Begins()
	}
}
