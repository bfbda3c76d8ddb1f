package cli

import (
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestNotifier(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	heard, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	hear := func() string {
		_ = heard.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		b := make([]byte, 100)
		n, _ := heard.Read(b)
		return string(b[:n])
	}
	t.Setenv("NOTIFY_SOCKET", name)
	t.Setenv("WATCHDOG_USEC", strconv.Itoa(int(time.Hour.Microseconds())))
	n := newNotifier()
	n.say("READY=1")
	if got := hear(); got != "READY=1" {
		t.Errorf("heard %q", got)
	}
	n.turn()
	n.turn() // too early for another
	if a, b := hear(), hear(); a != "WATCHDOG=1" || b != "" {
		t.Errorf("heard %q and %q", a, b)
	}
	t.Setenv("WATCHDOG_PID", "1") // it is for another process
	n = newNotifier()
	n.turn()
	if got := hear(); got != "" {
		t.Errorf("heard %q", got)
	}
}
