package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"waxseal/internal/sensor/control"
)

// listen opens a socket that answers with what it was asked and by whom.
func listen(t *testing.T) (dir string, s *control.Socket) {
	t.Helper()
	dir = t.TempDir()
	s, err := control.Listen(context.Background(), dir, func(r control.Request, pid int) control.Answer {
		body, _ := json.Marshal(fmt.Sprintf("%s %s %d", r.Verb, r.Body, pid))
		return control.Answer{Code: "done", Body: body}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return dir, s
}

// TestPeer: the kernel says who asks, whatever the request says.
func TestPeer(t *testing.T) {
	dir, _ := listen(t)
	answer, err := control.Call(dir, control.Request{Verb: "triage", Body: json.RawMessage(`"pid 1"`)})
	want := fmt.Sprintf(`"triage \"pid 1\" %d"`, os.Getpid())
	if err != nil || string(answer.Body) != want || answer.Code != "done" {
		t.Errorf("%+v, %v; want %s", answer, err, want)
	}
	st, err := os.Stat(filepath.Join(dir, control.Name))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, %v", st.Mode(), err)
	}
}

// TestManyCallers: each gets its own answer.
func TestManyCallers(t *testing.T) {
	dir, _ := listen(t)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			answer, err := control.Call(dir, control.Request{Verb: "seal", Body: json.RawMessage(fmt.Sprint(i))})
			if want := fmt.Sprintf(`"seal %d %d"`, i, os.Getpid()); err != nil || string(answer.Body) != want {
				t.Errorf("%s, %v; want %s", answer.Body, err, want)
			}
		})
	}
	all.Wait()
}

// say sends bytes as they are and returns the answer.
func say(t *testing.T, dir, text string) (control.Answer, error) {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(dir, control.Name))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte(text)) // the other side may stop listening
	if err := conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Logf("close: %v", err)
	}
	line, err := bufio.NewReader(conn).ReadBytes('\n')
	if err != nil {
		return control.Answer{}, err
	}
	var answer control.Answer
	return answer, json.Unmarshal(line, &answer)
}

// TestGarbage: who talks nonsense is told so or cut off, and the next is served.
func TestGarbage(t *testing.T) {
	dir, _ := listen(t)
	for name, text := range map[string]string{
		"nothing":         "",
		"no line":         `{"verb":"seal"}`,
		"no JSON":         "hello\n",
		"zeros":           strings.Repeat("\x00", 4096) + "\n",
		"another type":    `{"verb":["seal"]}` + "\n",
		"deeply nested":   strings.Repeat("[", 500_000) + "\n",
		"above the limit": `{"verb":"seal","body":"` + strings.Repeat("x", 17<<20) + `"}` + "\n",
	} {
		if answer, err := say(t, dir, text); err == nil && answer.Error == "" {
			t.Errorf("%s was taken: %+v", name, answer)
		}
	}
	if answer, err := control.Call(dir, control.Request{Verb: "seal"}); err != nil || answer.Code != "done" {
		t.Errorf("after the garbage: %+v, %v", answer, err)
	}
}

func TestNobody(t *testing.T) {
	if _, err := control.Call(filepath.Join(t.TempDir(), "none"), control.Request{}); !errors.Is(err, control.ErrNobody) {
		t.Errorf("no directory: %v", err)
	}
	dir, s := listen(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := control.Call(dir, control.Request{}); !errors.Is(err, control.ErrNobody) {
		t.Errorf("closed: %v", err)
	}
	// A socket that an agent left when it was killed.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, control.Name), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	if _, err := control.Call(dir, control.Request{}); !errors.Is(err, control.ErrNobody) {
		t.Errorf("left behind: %v", err)
	}
	again, err := control.Listen(context.Background(), dir, func(control.Request, int) control.Answer { return control.Answer{Code: "again"} })
	if err != nil {
		t.Fatalf("listen where a socket was left: %v", err)
	}
	defer again.Close()
	if answer, err := control.Call(dir, control.Request{}); err != nil || answer.Code != "again" {
		t.Errorf("%+v, %v", answer, err)
	}
}

// TestSilentPeer: a peer that connects and says nothing can't keep the agent from
// ending.
func TestSilentPeer(t *testing.T) {
	dir, s := listen(t)
	for range 3 {
		conn, err := net.Dial("unix", filepath.Join(dir, control.Name))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	time.Sleep(50 * time.Millisecond) // that they are accepted
	ended := make(chan error)
	go func() { ended <- s.Close() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the socket does not close while a peer is silent")
	}
}

// TestAnswerUnderWay: who has asked gets the answer, also when the agent ends.
func TestAnswerUnderWay(t *testing.T) {
	dir, asked := t.TempDir(), make(chan bool)
	s, err := control.Listen(context.Background(), dir, func(control.Request, int) control.Answer {
		asked <- true
		time.Sleep(200 * time.Millisecond)
		return control.Answer{Code: "late"}
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { <-asked; s.Close() }()
	if answer, err := control.Call(dir, control.Request{Verb: "seal"}); err != nil || answer.Code != "late" {
		t.Errorf("%+v, %v", answer, err)
	}
}

// TestBadAnswers: a caller is not at the mercy of whatever listens.
func TestBadAnswers(t *testing.T) {
	for name, text := range map[string]string{"nothing": "", "no JSON": "hello\n", "half a line": `{"code":`} {
		dir := t.TempDir()
		l, err := net.Listen("unix", filepath.Join(dir, control.Name))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = bufio.NewReader(conn).ReadBytes('\n')
			_, _ = conn.Write([]byte(text))
			conn.Close()
		}()
		if answer, err := control.Call(dir, control.Request{}); err == nil {
			t.Errorf("%s was taken for an answer: %+v", name, answer)
		}
	}
}
