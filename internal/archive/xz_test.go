package archive

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/rand"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ulikunitz/xz"
)

func packXZ(t testing.TB, c xz.WriterConfig, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := c.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestXZInEveryForm: many blocks, streams one after the other with padding between
// them, every check, content that can't be packed.
func TestXZInEveryForm(t *testing.T) {
	noise := make([]byte, 300_000)
	rand.New(rand.NewSource(1)).Read(noise)
	content := append(bytes.Repeat([]byte("mydestination = example.test\n"), 20_000), noise...)
	for name, c := range map[string]xz.WriterConfig{
		"one block": {}, "many blocks": {BlockSize: 10_000}, "no check": {NoCheckSum: true, BlockSize: 99_999}, "crc32": {CheckSum: xz.CRC32}, "sha256": {CheckSum: xz.SHA256, BlockSize: 70_001},
	} {
		one := packXZ(t, c, content)
		two := append(append(bytes.Clone(one), 0, 0, 0, 0, 0, 0, 0, 0), packXZ(t, xz.WriterConfig{}, []byte("end"))...)
		for _, r := range []io.Reader{bytes.NewReader(two), iotest.OneByteReader(bytes.NewReader(two))} {
			u, err := unpackXZ(r)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, err := io.ReadAll(u); err != nil || !bytes.Equal(got, append(bytes.Clone(content), "end"...)) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
	}
}

// largeDictionary makes the block at an offset ask for 4 GiB.
func largeDictionary(t testing.TB, content []byte, at int) {
	t.Helper()
	block := content[at:]
	filter := bytes.IndexByte(block[2:], 0x21) + 2
	block[filter+2] = 40
	size := (int(block[0]) + 1) * 4
	binary.LittleEndian.PutUint32(block[size-4:], crc32.ChecksumIEEE(block[:size-4]))
}

// TestLargeDictionaryLater: the second block of a stream, or of a second stream, gets
// its memory no sooner than the first.
func TestLargeDictionaryLater(t *testing.T) {
	const blockSize = 50_000
	content := bytes.Repeat([]byte("x"), 3*blockSize)
	many := packXZ(t, xz.WriterConfig{BlockSize: blockSize}, content)
	first := packXZ(t, xz.WriterConfig{}, content)
	again := bytes.Index(many[24:], many[12:24]) + 24 // the header of the second block is that of the first
	for name, tc := range map[string]struct {
		content []byte
		at      int
	}{
		"second block":  {many, again},
		"second stream": {append(bytes.Clone(first), first...), len(first) + 12},
	} {
		largeDictionary(t, tc.content, tc.at)
		u, err := unpackXZ(bytes.NewReader(tc.content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err = io.Copy(io.Discard, u)
		if err == nil || !strings.Contains(err.Error(), "dictionary of 4096 MiB") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzXZ: what the library unpacks by itself comes out the same behind the guard, and
// nothing makes either of them ask for more memory than is allowed.
func FuzzXZ(f *testing.F) {
	f.Add(packXZ(f, xz.WriterConfig{BlockSize: 100, DictCap: 1 << 12}, bytes.Repeat([]byte("abc"), 200)))
	f.Add(append(packXZ(f, xz.WriterConfig{NoCheckSum: true, DictCap: 1 << 12}, []byte("abc")), 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<16 {
			return
		}
		u, err := unpackXZ(bytes.NewReader(content))
		if err != nil {
			return
		}
		got, err := io.ReadAll(io.LimitReader(u, 1<<20))
		if err != nil || len(got) == 1<<20 {
			return
		}
		alone, err := xz.NewReader(bytes.NewReader(content))
		if err != nil {
			t.Fatalf("the guard lets through what the library refuses: %v", err)
		}
		if want, err := io.ReadAll(alone); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes instead of %d: %v", len(got), len(want), err)
		}
	})
}
