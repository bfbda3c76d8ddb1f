package loader_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"waxseal/internal/loader"
	"waxseal/internal/loader/loadertest"
	"waxseal/internal/snapshot"
)

type tag struct {
	tag  elf.DynTag
	text string
}

func program(interpreter string, tags ...tag) []byte {
	var list []loadertest.Tag
	for _, t := range tags {
		list = append(list, loadertest.Tag{Tag: t.tag, Text: t.text})
	}
	return loadertest.Program(interpreter, list...)
}

func TestParse(t *testing.T) {
	p, err := loader.Parse(program("/lib64/ld.so", tag{elf.DT_NEEDED, "libc.so.6"}, tag{elf.DT_NEEDED, "liba.so"}, tag{elf.DT_RUNPATH, "$ORIGIN/../lib:/opt/l"}, tag{elf.DT_RPATH, "/r"}, tag{elf.DT_AUDIT, "/x.so"}))
	if err != nil || p.Interpreter != "/lib64/ld.so" || strings.Join(p.Needed, " ") != "libc.so.6 liba.so" || strings.Join(p.RunPath, " ") != "$ORIGIN/../lib /opt/l" ||
		strings.Join(p.RPath, " ") != "/r" || strings.Join(p.Audit, " ") != "/x.so" || p.Bits != 64 || p.Machine != elf.EM_X86_64 {
		t.Errorf("%+v, %v", p, err)
	}
	for name, content := range map[string][]byte{"empty": nil, "a script": []byte("#!/bin/sh\n" + strings.Repeat("x", 100)), "short": []byte("\x7fELF\x02\x01")} {
		if _, err := loader.Parse(content); !errors.Is(err, loader.ErrNotELF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	damaged := program("/i", tag{elf.DT_NEEDED, "a"})
	binary.LittleEndian.PutUint64(damaged[32:], 1<<63) // where the program headers are
	if _, err := loader.Parse(damaged); !errors.Is(err, loader.ErrDamaged) {
		t.Errorf("damaged: %v", err)
	}
}

// TestOwn: a real program is read as the standard library reads it.
func TestOwn(t *testing.T) {
	for _, name := range []string{"/bin/sh", "/usr/bin/env"} {
		content, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		p, err := loader.Parse(content)
		f, err2 := elf.NewFile(bytes.NewReader(content))
		if err != nil || err2 != nil {
			t.Fatalf("%s: %v, %v", name, err, err2)
		}
		want, _ := f.ImportedLibraries()
		if !slices.Equal(p.Needed, want) || p.Interpreter == "" {
			t.Errorf("%s: %+v, want %v", name, p, want)
		}
	}
}

func TestLibraries(t *testing.T) {
	files := map[string]string{
		"/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n/opt/conf # x\n", "/etc/ld.so.conf.d/a.conf": "/opt/a\ninclude /etc/ld.so.conf\n", "/etc/ld.so.conf.d/b.txt": "/opt/no\n",
		"/opt/conf/libconf.so": "", "/opt/a/libshadow.so": "", "/opt/no/libno.so": "", "/usr/lib/x86_64-linux-gnu/libshadow.so": "", "/usr/lib/x86_64-linux-gnu/libc.so.6": "",
		"/usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libc.so.6": "", "/srv/lib/libown.so": "", "/rpath/librpath.so": "", "/lib64/ld.so": "", "/x/y.so": "",
	}
	search := loader.NewSearch(snapshot.Files(files))
	for _, tc := range []struct {
		name    string
		content []byte
		want    string
		missing string
	}{
		{"interpreter and hwcaps", program("/lib64/ld.so", tag{elf.DT_NEEDED, "libc.so.6"}), "/lib64/ld.so /usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libc.so.6 /usr/lib/x86_64-linux-gnu/libc.so.6", ""},
		{"beside the program", program("", tag{elf.DT_NEEDED, "libown.so"}, tag{elf.DT_RUNPATH, "${ORIGIN}/../lib"}), "/srv/lib/libown.so", ""},
		{"rpath", program("", tag{elf.DT_NEEDED, "librpath.so"}, tag{elf.DT_RPATH, "/rpath"}), "/rpath/librpath.so", ""},
		{"rpath beside runpath is none", program("", tag{elf.DT_NEEDED, "librpath.so"}, tag{elf.DT_RPATH, "/rpath"}, tag{elf.DT_RUNPATH, "/none"}), "", "librpath.so"},
		{"ld.so.conf before the system", program("", tag{elf.DT_NEEDED, "libshadow.so"}, tag{elf.DT_NEEDED, "libconf.so"}), "/opt/a/libshadow.so /opt/conf/libconf.so", ""},
		{"not included", program("", tag{elf.DT_NEEDED, "libno.so"}), "", "libno.so"},
		{"a path", program("", tag{elf.DT_NEEDED, "/x/y.so"}, tag{elf.DT_NEEDED, "x/y.so"}), "/x/y.so", "x/y.so"},
	} {
		p, err := loader.Parse(tc.content)
		if err != nil {
			t.Fatal(err)
		}
		found, missing := search.Libraries("/srv/bin/prog", p)
		var got []string
		for _, f := range found {
			got = append(got, string(f))
		}
		if strings.Join(got, " ") != tc.want || strings.Join(missing, " ") != tc.missing {
			t.Errorf("%s: %v, missing %v", tc.name, got, missing)
		}
	}
}

func TestDirectories(t *testing.T) {
	got := loader.Directories(snapshot.Files(map[string]string{"/etc/ld.so.conf": "# c\n/a:/b, /c=x\nhwcap 1 nosegneg\nrelative\ninclude sub/*.conf\n", "/etc/sub/1.conf": "/d\n"}))
	var lines []string
	for _, d := range got {
		lines = append(lines, string(d.Path)+"@"+string(d.Source.Path))
	}
	if s := strings.Join(lines, " "); s != "/a@/etc/ld.so.conf /b@/etc/ld.so.conf /c@/etc/ld.so.conf /d@/etc/sub/1.conf" {
		t.Error(s)
	}
}

// FuzzParse: whatever a file holds, it is read without panic, and what it says
// is looked for inside the tree.
func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add(program("/lib64/ld.so", tag{elf.DT_NEEDED, "libc.so.6"}, tag{elf.DT_RUNPATH, "$ORIGIN:${LIB}"}))
	f.Add(program("", tag{elf.DT_AUXILIARY, "../../x"}))
	short := program("/i", tag{elf.DT_NEEDED, "a"})
	f.Add(short[:len(short)-9])
	narrow := program("/i", tag{elf.DT_NEEDED, "a"})
	narrow[4] = 1
	f.Add(narrow)
	tree := snapshot.Files(map[string]string{"/lib/a": "", "/etc/ld.so.conf": "/lib"})
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := loader.Parse(content)
		if err != nil {
			return
		}
		found, _ := loader.NewSearch(tree).Libraries("/bin/x", p)
		for _, l := range found {
			if l == "" || l[0] != '/' || strings.Contains(string(l), "/../") {
				t.Errorf("%q", l)
			}
		}
	})
}

// FuzzDirectories: ld.so.conf gives clean absolute paths, and ends.
func FuzzDirectories(f *testing.F) {
	f.Add("include /etc/ld.so.conf\n/a\n")
	f.Add("include *\n/a:/b=c,/d # e")
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range loader.Directories(snapshot.Files(map[string]string{"/etc/ld.so.conf": text, "/etc/x": text})) {
			if !strings.HasPrefix(string(d.Path), "/") || d.Source.Line < 1 {
				t.Errorf("%+v", d)
			}
		}
	})
}

// TestPassing: a file that passes for its digests is told to be a program where little of
// it shows that, and never to be another one.
func TestPassing(t *testing.T) {
	far := program("", tag{elf.DT_NEEDED, "liba.so"}, tag{elf.DT_FILTER, strings.Repeat("x", 100<<10)}, tag{elf.DT_NEEDED, "libb.so"})
	for _, tc := range []struct {
		name    string
		content []byte
		told    bool
	}{
		{"a library", program("", tag{elf.DT_NEEDED, "liba.so"}, tag{elf.DT_RUNPATH, "/opt"}), true},
		{"one whose names lie far behind", far, false},
		{"a text", []byte("#!/bin/sh\n"), false},
		{"a damaged one", program("", tag{elf.DT_NEEDED, "liba.so"})[:100], true},
	} {
		p := loader.NewPassing(loader.SHA256AndMD5)
		for b := tc.content; len(b) > 0; {
			n, _ := p.Write(b[:min(len(b), 32<<10)])
			b = b[n:]
		}
		got := p.Image(func() []byte { t.Errorf("%s: it is read again", tc.name); return nil })
		want := loader.ImageOf(tc.content, loader.SHA256AndMD5)
		if got.Sums != want.Sums || got.Text != nil || (got.ELF != nil) != tc.told {
			t.Errorf("%s: %+v", tc.name, got)
		}
		if got.ELF != nil && (!slices.Equal(got.ELF.Needed, want.ELF.Needed) || !slices.Equal(got.ELF.RunPath, want.ELF.RunPath) || got.Damaged != want.Damaged) {
			t.Errorf("%s: %+v, want %+v", tc.name, got, want)
		}
	}
}
