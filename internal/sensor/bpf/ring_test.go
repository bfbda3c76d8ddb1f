package bpf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

// kernel writes into a ring as the kernel does.
type kernel struct{ *ring }

func newKernel(size int) kernel {
	return kernel{&ring{read: new(uint64), written: new(uint64), data: make([]byte, size)}}
}

func (k kernel) word(at uint64, value uint32) {
	binary.NativeEndian.PutUint32(k.data[at%uint64(len(k.data)):], value)
}

func (k kernel) write(record []byte, flags uint32) {
	k.word(*k.written, uint32(len(record))|flags)
	for i, b := range record {
		k.data[(*k.written+recordHead+uint64(i))%uint64(len(k.data))] = b
	}
	*k.written += recordHead + uint64(len(record)+7)&^7
}

func (k kernel) records(t *testing.T) (list [][]byte) {
	t.Helper()
	if err := k.each(func(b []byte) { list = append(list, bytes.Clone(b)) }); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestRingTurns: records of all lengths come out as they went in, wherever in the ring
// they begin and end.
func TestRingTurns(t *testing.T) {
	k := newKernel(256)
	for i := range 2000 {
		first := bytes.Repeat([]byte{byte(i)}, i%97)
		second := bytes.Repeat([]byte{byte(i), 1}, i%31)
		k.write(first, 0)
		k.write([]byte("thrown away"), discarded)
		k.write(second, 0)
		if k.empty() {
			t.Fatal("empty with three records in it")
		}
		got := k.records(t)
		if len(got) != 2 || !bytes.Equal(got[0], first) || !bytes.Equal(got[1], second) {
			t.Fatalf("turn %d: %q and %q went in, out came %q", i, first, second, got)
		}
		if !k.empty() {
			t.Fatal("not empty after all was read")
		}
	}
}

// TestRingWaits: what stands behind a record that is still being written comes when that
// is complete, and not without it.
func TestRingWaits(t *testing.T) {
	k := newKernel(256)
	k.write([]byte("first"), 0)
	at := *k.written
	k.write([]byte("second"), busy)
	k.write([]byte("third"), 0)
	start := time.Now()
	if got := k.records(t); len(got) != 1 || string(got[0]) != "first" {
		t.Fatalf("before it is complete: %q", got)
	}
	if took := time.Since(start); took < patience {
		t.Errorf("waited %v", took)
	}
	k.word(at, uint32(len("second")))
	if got := k.records(t); len(got) != 2 || string(got[0]) != "second" || string(got[1]) != "third" {
		t.Fatalf("once it is complete: %q", got)
	}
}

// TestRingDamaged: a length that can't be is an error, and no record.
func TestRingDamaged(t *testing.T) {
	k := newKernel(256)
	k.write([]byte("short"), 0)
	k.word(0, 200)
	if err := k.each(func(b []byte) { t.Errorf("got %q", b) }); !errors.Is(err, errRing) {
		t.Errorf("%v", err)
	}
}
