// Package loader says which libraries the dynamic loader would load with a
// program, and where it would find them in a tree.
//
// It follows elf(5), ld.so(8), ld.so.conf(5) as ldconfig(8) reads it, and what
// glibc and the kernel do with a file: they go by program headers, so a file
// whose section headers are gone or lie is read all the same. ld.so.cache is not
// read: the directories from which ldconfig makes it are.
//
// It runs nothing, and does not know what a program loads later, by dlopen(3).
package loader

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"math"
	"path"
	"slices"
	"strings"

	"waxseal"
)

// Program is what an ELF file asks of the loader.
type Program struct {
	Interpreter string   // PT_INTERP: "/lib64/ld-linux-x86-64.so.2"; "" for a library or a static program
	Needed      []string // DT_NEEDED: "libc.so.6"
	// RunPath and RPath are lists of directories, with $ORIGIN in them; RPath counts
	// only where there is no RunPath.
	RunPath, RPath []string
	Audit          []string // DT_AUDIT and DT_DEPAUDIT: libraries loaded to watch
	Filters        []string // DT_FILTER and DT_AUXILIARY
	Bits           int      // 32 or 64
	Machine        elf.Machine
}

// What Parse answers to what is no program.
var (
	ErrNotELF  = errors.New("not an ELF file")
	ErrDamaged = errors.New("a damaged ELF file")
	// ErrMissed: what is asked for lies outside the parts that were kept.
	ErrMissed = errors.New("not enough of the ELF file was kept")
)

const (
	maxHeaders = 1024
	maxDynamic = 8192
	maxStrings = 512
	maxString  = 4096
)

// segment is a program header.
type segment struct {
	kind                  elf.ProgType
	offset, address, size uint64
}

// Span is a part of a file's content.
type Span struct {
	Offset uint64
	Bytes  []byte
}

// image is an ELF file, or the parts of one that were kept.
type image struct {
	size     uint64
	spans    []Span
	missed   bool // something that the file has was not kept
	order    binary.ByteOrder
	wide     bool // 64 bit
	segments []segment
}

// Parse reads an ELF file.
func Parse(content []byte) (Program, error) {
	return ParseSpans(uint64(len(content)), []Span{{Bytes: content}})
}

// ParseSpans reads an ELF file of which parts were kept as it went by: its
// beginning, and where its dynamic section lies; see [Places].
func ParseSpans(size uint64, spans []Span) (Program, error) {
	im, p, err := open(size, spans)
	if err != nil {
		return p, err
	}
	for _, s := range im.segments {
		switch s.kind {
		case elf.PT_INTERP:
			p.Interpreter = im.text(s.offset)
		case elf.PT_DYNAMIC:
			if !im.dynamic(s, &p) {
				err = ErrDamaged
			}
		}
	}
	if im.missed {
		return p, ErrMissed
	}
	return p, err
}

// Places says from the beginning of an ELF file which parts of it tell what [Program]
// has: its dynamic section, and what is loaded first, where linkers put the names of
// libraries. A size is 0 where that does not tell.
func Places(head []byte) (dynamicAt, dynamic, first uint64) {
	im, _, err := open(math.MaxInt64, []Span{{Bytes: head}})
	if err != nil {
		return 0, 0, 0
	}
	for _, s := range im.segments {
		switch {
		case s.offset >= math.MaxInt64:
		case s.kind == elf.PT_DYNAMIC && dynamic == 0:
			dynamicAt, dynamic = s.offset, min(s.size, maxDynamic*16)
		case s.kind == elf.PT_LOAD && first == 0:
			first = s.offset + min(s.size, math.MaxInt64)
		}
	}
	return dynamicAt, dynamic, first
}

// IsELF reports whether a file begins as an ELF file does.
func IsELF(head []byte) bool { return bytes.HasPrefix(head, []byte(elf.ELFMAG)) }

// open reads the headers.
func open(size uint64, spans []Span) (*image, Program, error) {
	im := &image{size: size, spans: spans, order: binary.LittleEndian}
	h := im.bytes(0, 52)
	if h == nil || !IsELF(h) {
		return nil, Program{}, ErrNotELF
	}
	im.wide = elf.Class(h[4]) == elf.ELFCLASS64
	if elf.Data(h[5]) == elf.ELFDATA2MSB {
		im.order = binary.BigEndian
	}
	p := Program{Bits: 32, Machine: elf.Machine(im.order.Uint16(h[18:]))}
	if im.wide {
		p.Bits = 64
	}
	if !im.headers() {
		return im, p, ErrDamaged
	}
	return im, p, nil
}

// bytes gives size bytes at an offset, nil where the file has none there, or they
// were not kept.
func (im *image) bytes(offset, size uint64) []byte {
	if offset > im.size || size > im.size-offset {
		return nil
	}
	for _, s := range im.spans {
		if n := uint64(len(s.Bytes)); offset >= s.Offset && offset-s.Offset <= n && size <= n-(offset-s.Offset) {
			return s.Bytes[offset-s.Offset:][:size]
		}
	}
	im.missed = true
	return nil
}

func (im *image) headers() bool {
	h := im.bytes(0, 64)
	var at, size, count uint64
	if im.wide {
		if h == nil {
			return false
		}
		at, size, count = im.order.Uint64(h[32:]), uint64(im.order.Uint16(h[54:])), uint64(im.order.Uint16(h[56:]))
	} else {
		h = im.bytes(0, 52)
		at, size, count = uint64(im.order.Uint32(h[28:])), uint64(im.order.Uint16(h[42:])), uint64(im.order.Uint16(h[44:]))
	}
	least := uint64(32)
	if im.wide {
		least = 56
	}
	if count > 0 && size < least || count > maxHeaders || at > math.MaxInt64 {
		return false
	}
	for i := range count {
		b := im.bytes(at+i*size, least)
		if b == nil {
			return false
		}
		s := segment{kind: elf.ProgType(im.order.Uint32(b))}
		if im.wide {
			s.offset, s.address, s.size = im.order.Uint64(b[8:]), im.order.Uint64(b[16:]), im.order.Uint64(b[32:])
		} else {
			s.offset, s.address, s.size = uint64(im.order.Uint32(b[4:])), uint64(im.order.Uint32(b[8:])), uint64(im.order.Uint32(b[16:]))
		}
		im.segments = append(im.segments, s)
	}
	return true
}

// text reads a string that ends with a zero byte.
func (im *image) text(offset uint64) string {
	for _, s := range im.spans {
		if offset < s.Offset || offset-s.Offset >= uint64(len(s.Bytes)) {
			continue
		}
		b := s.Bytes[offset-s.Offset:]
		b = b[:min(len(b), maxString)]
		if i := bytes.IndexByte(b, 0); i >= 0 {
			return string(b[:i])
		}
	}
	im.missed = im.missed || offset < im.size && len(im.spans) > 1
	return ""
}

// file is the offset at which an address of the loaded program lies in the file.
func (im *image) file(address uint64) (uint64, bool) {
	for _, s := range im.segments {
		if s.kind == elf.PT_LOAD && address >= s.address && address-s.address < s.size {
			return s.offset + (address - s.address), true
		}
	}
	return 0, false
}

// dynamic reads PT_DYNAMIC.
func (im *image) dynamic(s segment, p *Program) bool {
	width := uint64(8)
	if im.wide {
		width = 16
	}
	type entry struct {
		tag   elf.DynTag
		value uint64
	}
	var entries []entry
	var table uint64
	for i := uint64(0); i < maxDynamic && (i+1)*width <= s.size; i++ {
		b := im.bytes(s.offset+i*width, width)
		if b == nil {
			return false
		}
		e := entry{elf.DynTag(int32(im.order.Uint32(b))), uint64(im.order.Uint32(b[4:]))}
		if im.wide {
			e = entry{elf.DynTag(int64(im.order.Uint64(b))), im.order.Uint64(b[8:])}
		}
		if e.tag == elf.DT_NULL {
			break
		}
		if e.tag == elf.DT_STRTAB {
			table = e.value
		}
		entries = append(entries, e)
	}
	at, ok := im.file(table)
	if !ok {
		return len(entries) == 0
	}
	for _, e := range entries {
		if e.value < im.size {
			p.add(e.tag, func() string { return im.text(at + e.value) })
		}
	}
	return true
}

func (p *Program) add(tag elf.DynTag, text func() string) {
	list := map[elf.DynTag]*[]string{
		elf.DT_NEEDED: &p.Needed, elf.DT_RUNPATH: &p.RunPath, elf.DT_RPATH: &p.RPath,
		elf.DT_AUDIT: &p.Audit, elf.DT_DEPAUDIT: &p.Audit, elf.DT_FILTER: &p.Filters, elf.DT_AUXILIARY: &p.Filters,
	}[tag]
	if list == nil || len(*list) >= maxStrings {
		return
	}
	s := text()
	switch {
	case s == "":
	case tag == elf.DT_NEEDED:
		*list = append(*list, s)
	default:
		*list = append(*list, strings.Split(s, ":")...)
	}
}

// Search finds libraries in a tree.
type Search struct {
	tree  waxseal.Tree
	conf  []waxseal.Path
	found map[string][]waxseal.Path
	dirs  map[waxseal.Path][]string // directory -> its glibc-hwcaps, nil where it is none
}

// NewSearch reads ld.so.conf once for all libraries that are looked for.
func NewSearch(tree waxseal.Tree) *Search {
	s := &Search{tree: tree, found: map[string][]waxseal.Path{}, dirs: map[waxseal.Path][]string{}}
	for _, d := range Directories(tree) {
		s.conf = append(s.conf, d.Path)
	}
	return s
}

// standard are the directories in which the loader looks last, by architecture
// (Debian's multiarch names, and those of everybody else).
func standard(p Program) []string {
	triplet := map[elf.Machine]string{elf.EM_X86_64: "x86_64-linux-gnu", elf.EM_AARCH64: "aarch64-linux-gnu", elf.EM_386: "i386-linux-gnu",
		elf.EM_ARM: "arm-linux-gnueabihf", elf.EM_PPC64: "powerpc64le-linux-gnu", elf.EM_S390: "s390x-linux-gnu", elf.EM_RISCV: "riscv64-linux-gnu"}[p.Machine]
	var dirs []string
	if triplet != "" {
		dirs = append(dirs, "/lib/"+triplet, "/usr/lib/"+triplet)
	}
	if p.Bits == 64 {
		return append(dirs, "/lib64", "/usr/lib64", "/lib", "/usr/lib")
	}
	return append(dirs, "/lib32", "/usr/lib32", "/lib", "/usr/lib")
}

// Libraries lists the files that the loader would load directly for a program or
// library that lies at a path, without what those need in turn; missing are the
// names that it would not find. Where processors of different levels would load
// different files, all are listed.
func (s *Search) Libraries(at waxseal.Path, p Program) (libraries []waxseal.Path, missing []string) {
	origin := path.Dir(string(at))
	var own []string
	dirs := p.RunPath
	if len(dirs) == 0 {
		dirs = p.RPath
	}
	for _, d := range dirs {
		if d = expand(d, origin, p); path.IsAbs(d) {
			own = append(own, d)
		}
	}
	if p.Interpreter != "" {
		libraries = append(libraries, clean(p.Interpreter))
	}
	for _, name := range slices.Concat(p.Needed, p.Audit, p.Filters) {
		found := s.library(expand(name, origin, p), own, p)
		if len(found) == 0 {
			missing = append(missing, name)
		}
		libraries = append(libraries, found...)
	}
	return libraries, missing
}

// expand replaces the loader's tokens (ld.so(8) "Dynamic string tokens").
func expand(s, origin string, p Program) string {
	if !strings.Contains(s, "$") {
		return s
	}
	lib := "lib"
	if p.Bits == 64 {
		lib = "lib64"
	}
	return strings.NewReplacer("${ORIGIN}", origin, "$ORIGIN", origin, "${LIB}", lib, "$LIB", lib).Replace(s)
}

func (s *Search) library(name string, own []string, p Program) []waxseal.Path {
	if strings.Contains(name, "/") {
		if _, err := s.tree.Stat(clean(name)); path.IsAbs(name) && err == nil {
			return []waxseal.Path{clean(name)}
		}
		return nil
	}
	for _, dir := range own {
		if found := s.in(clean(dir), name); len(found) > 0 {
			return found
		}
	}
	key := name + "\x00" + p.Machine.String()
	if found, ok := s.found[key]; ok {
		return found
	}
	var found []waxseal.Path
	dirs := slices.Clone(s.conf)
	for _, d := range standard(p) {
		dirs = append(dirs, waxseal.Path(d))
	}
	for _, dir := range dirs {
		if found = s.in(dir, name); len(found) > 0 {
			break
		}
	}
	s.found[key] = found
	return found
}

// in lists a library in one directory, its variants for better processors first
// (ld.so(8) "glibc-hwcaps").
func (s *Search) in(dir waxseal.Path, name string) []waxseal.Path {
	levels, known := s.dirs[dir]
	if !known {
		levels = []string{}
		if f, err := s.tree.Stat(dir); err != nil || f.Type != waxseal.Directory {
			levels = nil
		} else if names, err := s.tree.ReadDir(dir + "/glibc-hwcaps"); err == nil {
			levels = names[:min(len(names), 16)]
		}
		s.dirs[dir] = levels
	}
	if levels == nil {
		return nil
	}
	var found []waxseal.Path
	for _, l := range levels {
		if p := dir + "/glibc-hwcaps/" + waxseal.Path(l+"/"+name); s.regular(p) {
			found = append(found, p)
		}
	}
	if p := dir + "/" + waxseal.Path(name); s.regular(p) {
		found = append(found, p)
	}
	return found
}

func (s *Search) regular(p waxseal.Path) bool {
	f, err := s.tree.Stat(p)
	return err == nil && f.Type == waxseal.Regular
}
