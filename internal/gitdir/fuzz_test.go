package gitdir

import "testing"

// FuzzPatch: a hostile difference is refused or makes the size that it says.
func FuzzPatch(f *testing.F) {
	f.Add([]byte("hello"), []byte{5, 5, 0x90, 5})
	f.Add([]byte("hello"), []byte{5, 8, 3, 'a', 'b', 'c', 0x90, 5})
	f.Fuzz(func(t *testing.T, base, delta []byte) {
		out, err := patch(base, delta)
		if err == nil && len(out) > len(base)*len(delta)*2+len(delta) {
			t.Errorf("%d bytes of %d and %d", len(out), len(base), len(delta))
		}
	})
}
