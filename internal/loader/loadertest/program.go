// Package loadertest makes programs for tests: as small as the dynamic linker takes them.
package loadertest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Tag is an entry of PT_DYNAMIC whose value is a text.
type Tag struct {
	Tag  elf.DynTag
	Text string
}

// Program builds a 64-bit ELF file of program headers only, as a file looks
// whose section headers were taken away.
func Program(interpreter string, tags ...Tag) []byte {
	const base, headers = 0x10000, 64 + 3*56
	names := []byte{0}
	var dynamic bytes.Buffer
	put := func(t elf.DynTag, v uint64) {
		_ = binary.Write(&dynamic, binary.LittleEndian, []uint64{uint64(t), v})
	}
	for _, t := range tags {
		put(t.Tag, uint64(len(names)))
		names = append(append(names, t.Text...), 0)
	}
	at := uint64(headers + len(interpreter) + 1)
	put(elf.DT_STRTAB, base+at)
	put(elf.DT_NULL, 0)
	var b bytes.Buffer
	write := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	h := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_X86_64), Phoff: 64, Phentsize: 56, Phnum: 3}
	copy(h.Ident[:], elf.ELFMAG+"\x02\x01\x01")
	write(h)
	end := at + uint64(len(names)) + uint64(dynamic.Len())
	write(elf.Prog64{Type: uint32(elf.PT_LOAD), Vaddr: base, Filesz: end})
	kind := elf.PT_INTERP
	if interpreter == "" {
		kind = elf.PT_NOTE
	}
	write(elf.Prog64{Type: uint32(kind), Off: headers, Filesz: uint64(len(interpreter) + 1)})
	write(elf.Prog64{Type: uint32(elf.PT_DYNAMIC), Off: at + uint64(len(names)), Filesz: uint64(dynamic.Len())})
	b.WriteString(interpreter + "\x00")
	b.Write(names)
	b.Write(dynamic.Bytes())
	return b.Bytes()
}
