package readroom

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"waxseal"
	"waxseal/internal/mailpath"
)

// pretender is a reader that was taken over: it answers what it wants.
func pretender(t *testing.T, answers func(request) []byte) *wire {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	go func() {
		in := &wire{rw: theirs, raw: anyText, budget: budget}
		for {
			var q request
			if in.receive(&q) != nil {
				return
			}
			if _, err := theirs.Write(answers(q)); err != nil {
				return
			}
		}
	}()
	return &wire{rw: ours, raw: cleanText, budget: 64 << 20}
}

// TestPretender: answers that are none are errors, and cost no more than they may.
func TestPretender(t *testing.T) {
	frame := func(n int, b []byte) []byte { return append(binary.LittleEndian.AppendUint32(nil, uint32(n)), b...) }
	for _, tt := range []struct {
		name   string
		answer []byte
		want   error
	}{
		{"longer than any", frame(maxMessage+1, nil), errBudget},
		{"empty", frame(0, nil), errShort},
		{"a list without end", frame(7, []byte{1, 0, 0, 0, 0xff, 0xff, 0x7f}), errShort},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := pretender(t, func(request) []byte { return tt.answer })
			if err := w.send(request{Number: 1, Verb: readTree}); err != nil {
				t.Fatal(err)
			}
			var a answer
			if err := w.receive(&a); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// TestNoReader: where none can be had the state says so, once and for as long as it lasts,
// and what was known stays.
func TestNoReader(t *testing.T) {
	known := waxseal.State{Host: "mail", Hooks: []waxseal.Hook{{ID: "a hook"}}, Files: []waxseal.FileState{{File: waxseal.File{Path: "/etc/x"}}}}
	r := &Room{opts: Options{Root: t.TempDir(), Program: "/nonexistent/waxseal", Known: func() waxseal.State { return known }}, keeper: mailpath.NewReader(nil)}
	s := r.ReadLive(nil, mailpath.Live{})
	if len(s.Hooks) != 2 || s.Hooks[0].Kind != waxseal.KindUnreadable || s.Hooks[1].ID != "a hook" || len(s.Files) != 1 || len(s.Problems) != 1 || !s.Problems[0].Unreadable {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(s.Hooks[0].Explain, "no reader could be started") {
		t.Errorf("%s", s.Hooks[0].Explain)
	}
	began := time.Now()
	if again := r.ReadLive(nil, mailpath.Live{}); !sameHook(&again.Hooks[0], &s.Hooks[0]) {
		t.Errorf("it is another: %+v", again.Hooks[0])
	}
	if r.failed != 1 || time.Since(began) > time.Second {
		t.Errorf("it was tried again at once: %d times", r.failed)
	}
	if len(known.Hooks) != 1 {
		t.Error("what was known was changed")
	}
}

// TestLastWords: of what a process says before it ends only a crash of Go is told.
func TestLastWords(t *testing.T) {
	for text, want := range map[string]string{
		"panic: runtime error: index out of range [3] with length 2\n\ngoroutine 1": ` ("panic: runtime error: index out of range [3] with length 2")`,
		"fatal error: runtime: out of memory\n":                                     ` ("fatal error: runtime: out of memory")`,
		"panic: password is hunter2\n":                                              "",
		"hunter2":                                                                   "",
	} {
		l := &lastWords{}
		_, _ = io.WriteString(l, text)
		if got := l.said(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestPage: a path that is left on the page is taken for one only if it looks like one.
func TestPage(t *testing.T) {
	f, page, err := newPage()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for text, want := range map[waxseal.Path]waxseal.Path{"/etc/postfix/main.cf": "/etc/postfix/main.cf", "x": "", "/etc/\x1b[2J": "", "/\xff": "", waxseal.Path("/" + strings.Repeat("a", 5000)): waxseal.Path("/" + strings.Repeat("a", pageSize-2))} {
		note(page, text)
		if got := noted(page); got != want {
			t.Errorf("%.40q, want %.40q", got, want)
		}
	}
	if err := os.Truncate(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), 0); err == nil {
		t.Error("the page can be cut off")
	}
}
