package cli

import (
	"net"
	"os"
	"strconv"
	"time"
)

// notifier tells systemd how the service is (sd_notify(3)). Without systemd it does
// nothing.
type notifier struct {
	socket string
	every  time.Duration // between signs of life; 0 where nobody waits for them
	last   time.Time
}

func newNotifier() *notifier {
	n := &notifier{socket: os.Getenv("NOTIFY_SOCKET")}
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64) // sd_watchdog_enabled(3)
	pid := os.Getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.every = time.Duration(usec) * time.Microsecond / 3
	}
	return n
}

// say sends one state. A service manager that does not listen is no reason to stop
// watching: it acts on the silence.
func (n *notifier) say(state string) {
	if n.socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"}) // "@" is the abstract namespace, to net as to systemd
	if err != nil {
		return
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)) // a full queue must not hold the watch up
	_, _ = c.Write([]byte(state))
}

// turn is called whenever the agent's loop has turned.
func (n *notifier) turn() {
	if n.every > 0 && time.Since(n.last) >= n.every {
		n.last = time.Now()
		n.say("WATCHDOG=1")
	}
}
